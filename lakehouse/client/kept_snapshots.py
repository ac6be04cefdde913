"""Reads snapshots from the kept files where they are: they are read at every start, and never change."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import google_crc32c

from lakehouse import object_names
from lakehouse.store.store import ObjectInfo, Source, Store
from lakehouse.table.kept_files import KeptFiles, ObjectId, Session


class KeptSnapshots:
    """A `Store` that asks another one for all but the snapshots that are kept as they were listed."""

    def __init__(self, store: Store, kept: KeptFiles, session: Session) -> None:
        self._store = store
        self._kept = kept
        self._session = session
        self._listed: dict[str, ObjectId] = {}

    @property
    def url(self) -> str:
        return self._store.url

    def list(self, prefix: str, start: str = "") -> Iterator[ObjectInfo]:
        for info in self._store.list(prefix, start):
            if object_names.parse_snapshot(info.name) is not None:
                self._listed[info.name] = ObjectId(self.url, info.name, info.size, info.crc32c)
            yield info

    def read(self, name: str) -> bytes:
        """As the last listing that showed it says: other bytes of that name are none of it."""
        wanted = self._listed.get(name)
        if wanted is None:
            return self._store.read(name)
        kept = self._kept.read(wanted)
        if kept is not None:
            return kept
        data = self._store.read(name)
        if google_crc32c.value(data) == wanted.crc32c:
            self._kept.keep_bytes(wanted, data, self._session)
        return data

    def create(self, name: str, source: Source) -> None:
        self._store.create(name, source)

    def download(self, name: str, path: Path) -> None:
        self._store.download(name, path)

    def delete(self, name: str) -> None:
        self._store.delete(name)

    def generation(self, name: str) -> int:
        return self._store.generation(name)

    def replace(self, name: str, data: bytes, generation: int) -> bool:
        return self._store.replace(name, data, generation)
