"""Wrappers around a store that record calls or inject faults."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from lakehouse import object_names
from lakehouse.store.memory import MemoryStore
from lakehouse.store.store import ObjectInfo, Source, Store

Hook = Callable[[str], None]


class WrappedStore:
    """Passes every call on; a test overrides some."""

    def __init__(self, inner: Store) -> None:
        self.inner = inner

    @property
    def url(self) -> str:
        return self.inner.url

    def list(self, prefix: str, start: str = "") -> Iterator[ObjectInfo]:
        return self.inner.list(prefix, start)

    def create(self, name: str, source: Source) -> None:
        self.inner.create(name, source)

    def read(self, name: str) -> bytes:
        return self.inner.read(name)

    def download(self, name: str, path: Path) -> None:
        self.inner.download(name, path)

    def delete(self, name: str) -> None:
        self.inner.delete(name)

    def generation(self, name: str) -> int:
        return self.inner.generation(name)

    def replace(self, name: str, data: bytes, generation: int) -> bool:
        return self.inner.replace(name, data, generation)


class SpyStore(WrappedStore):
    """Records calls as `("list", prefix)`; `before` runs first and may raise or change the lake."""

    def __init__(self, inner: Store, before: Callable[[str, str], None] = lambda call, name: None) -> None:
        super().__init__(inner)
        self.calls: list[tuple[str, str]] = []
        self._before = before

    def list(self, prefix: str, start: str = "") -> Iterator[ObjectInfo]:
        self._note("list", prefix)
        return super().list(prefix, start)

    def read(self, name: str) -> bytes:
        self._note("read", name)
        return super().read(name)

    def download(self, name: str, path: Path) -> None:
        self._note("download", name)
        super().download(name, path)

    def count(self, call: str, name: str) -> int:
        return self.calls.count((call, name))

    def _note(self, call: str, name: str) -> None:
        self.calls.append((call, name))
        self._before(call, name)


def _nothing(_: str) -> None:
    return


class WatchedStore(MemoryStore):
    """Counts listings of landing; `on_list` and `on_download` may act, block or raise."""

    def __init__(self) -> None:
        super().__init__()
        self.landing_listings = 0
        self.on_list: Hook = _nothing
        self.on_download: Hook = _nothing

    def list(self, prefix: str, start: str = "") -> Iterator[ObjectInfo]:
        if prefix == object_names.LANDING:
            self.landing_listings += 1
        self.on_list(prefix)
        return super().list(prefix, start)

    def download(self, name: str, path: Path) -> None:
        self.on_download(name)
        super().download(name, path)


class Gate:
    """A hook that holds all callers until it is opened."""

    def __init__(self) -> None:
        self._reached = threading.Event()
        self._open = threading.Event()

    def __call__(self, _: str) -> None:
        self._reached.set()
        assert self._open.wait(30)

    def wait_until_reached(self) -> None:
        assert self._reached.wait(30)

    def open(self) -> None:
        self._open.set()
