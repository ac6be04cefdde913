"""A store in this process's memory, for tests. The clock is passed in."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import google_crc32c

from lakehouse.errors import ObjectExistsError, ObjectMissingError
from lakehouse.local_disk import local_errors
from lakehouse.store.store import ObjectInfo, Source


@dataclass(frozen=True)
class _Object:
    data: bytes
    info: ObjectInfo


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


class MemoryStore:
    """A store whose objects live as long as it does."""

    def __init__(self, now: Callable[[], dt.datetime] = _now) -> None:
        self._now = now
        self._objects: dict[str, _Object] = {}
        self._generation = 0
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        return "memory://"

    def list(self, prefix: str, start: str = "") -> Iterator[ObjectInfo]:
        with self._lock:
            found = [o.info for name, o in self._objects.items() if name.startswith(prefix) and name >= start]
        return iter(sorted(found))

    def create(self, name: str, source: Source) -> None:
        data = source if isinstance(source, bytes) else source.read_bytes()
        with self._lock:
            if name in self._objects:
                raise ObjectExistsError(f"{name}: exists already")
            self._put(name, data)

    def read(self, name: str) -> bytes:
        with self._lock:
            if name not in self._objects:
                raise ObjectMissingError(name)
            return self._objects[name].data

    def download(self, name: str, path: Path) -> None:
        data = self.read(name)
        with local_errors(path.parent):
            path.write_bytes(data)

    def delete(self, name: str) -> None:
        with self._lock:
            self._objects.pop(name, None)

    def generation(self, name: str) -> int:
        with self._lock:
            found = self._objects.get(name)
            return 0 if found is None else found.info.generation

    def replace(self, name: str, data: bytes, generation: int) -> bool:
        with self._lock:
            found = self._objects.get(name)
            if (0 if found is None else found.info.generation) != generation:
                return False
            self._put(name, data)
            return True

    def _put(self, name: str, data: bytes) -> None:
        self._generation += 1
        info = ObjectInfo(name, len(data), google_crc32c.value(data), self._now(), self._generation)
        self._objects[name] = _Object(data, info)
