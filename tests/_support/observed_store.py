"""A store that tests can listen to: what is called right before it lists or downloads."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from lakehouse import object_names
from lakehouse.store.memory import MemoryStore
from lakehouse.store.store import ObjectInfo

Hook = Callable[[str], None]


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
    """A hook that holds whoever comes until it is opened."""

    def __init__(self) -> None:
        self._reached = threading.Event()
        self._open = threading.Event()

    def __call__(self, _: str) -> None:
        self._reached.set()
        assert self._open.wait(20)

    def wait_until_reached(self) -> None:
        assert self._reached.wait(20)

    def open(self) -> None:
        self._open.set()
