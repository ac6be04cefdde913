"""Objects of the lake as local files: downloaded once, checked, kept until the room is needed.

Names are used once and objects never change, so a cached file can never be stale. Files in use are pinned.
"""

from __future__ import annotations

import shutil
import threading
import uuid
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from lakehouse.errors import CacheFullError, UnreadableError
from lakehouse.schema.versions import local_name
from lakehouse.store.checksum import file_crc32c
from lakehouse.store.store import Store
from lakehouse.table.parquet_files import FooterInfo, check_landed_file, check_month_file
from lakehouse.table.planner import LandedFile
from lakehouse.table.snapshot import MonthFile

_DOWNLOADS_AT_ONCE = 16  # object storage answers in tens of milliseconds: waiting, not work


@dataclass(frozen=True)
class CacheCounts:
    """What a cache did since it was made, and the bytes that it holds, those on their way included."""

    hits: int = 0
    downloads: int = 0
    evictions: int = 0
    bytes: int = 0


@dataclass
class _Entry:
    size: int
    pins: int
    ready: Future[Path]


class FileCache:
    """A bounded folder of downloaded objects. Threads share it; a folder belongs to one process."""

    def __init__(self, store: Store, folder: Path, max_bytes: int) -> None:
        self._store = store
        self._folder = folder
        self._max_bytes = max_bytes
        self._entries: OrderedDict[str, _Entry] = OrderedDict()  # least recently used first
        self._bytes = 0
        self._counts = CacheCounts()
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(_DOWNLOADS_AT_ONCE, thread_name_prefix="download")
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)

    @contextmanager
    def pinned(self, files: Sequence[MonthFile | LandedFile]) -> Iterator[list[Path]]:
        """Local paths of `files`, in their order, that stay until the block ends.

        Raises ObjectMissingError (plan again), UnreadableError (checksum or contents wrong), CacheFullError,
        FormatTooNewError and the store's errors; then nothing stays pinned.
        """
        taken: list[_Entry] = []
        try:
            for file in files:
                taken.append(self._take(file))
            yield [entry.ready.result() for entry in taken]
        finally:
            with self._lock:
                for entry in taken:
                    entry.pins -= 1

    def prefetch(self, files: Sequence[MonthFile | LandedFile]) -> dict[str, Exception]:
        """Downloads what is not here yet; returns, by name, what `pinned` would raise for a file."""
        taken: list[tuple[str, _Entry]] = []
        failed: dict[str, Exception] = {}
        try:
            for file in files:
                taken.append((_identity(file)[0], self._take(file)))
            for name, entry in taken:
                if isinstance(error := entry.ready.exception(), Exception):
                    failed[name] = error
        finally:
            with self._lock:
                for _, entry in taken:
                    entry.pins -= 1
        return failed

    def drop_unused(self) -> None:
        """Removes what nobody has pinned, without waiting for its room to be needed."""
        with self._lock:
            for name in [n for n, e in self._entries.items() if e.pins == 0]:
                self._drop(name)

    def counts(self) -> CacheCounts:
        """What happened so far."""
        with self._lock:
            return replace(self._counts, bytes=self._bytes)

    def close(self) -> None:
        """Ends downloads and removes the folder."""
        self._pool.shutdown(cancel_futures=True)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _take(self, file: MonthFile | LandedFile) -> _Entry:
        name, size, _ = _identity(file)
        with self._lock:
            entry = self._entries.get(name)
            if entry is not None and not _is_lost(entry):
                self._entries.move_to_end(name)
                self._counts = replace(self._counts, hits=self._counts.hits + 1)
                entry.pins += 1
                return entry
            if entry is not None:
                self._drop(name)
            self._make_room(name, size)
            entry = _Entry(size, 1, self._pool.submit(self._fetch, file))
            self._entries[name] = entry
            self._bytes += size
            self._counts = replace(self._counts, downloads=self._counts.downloads + 1)
            return entry

    def _make_room(self, name: str, size: int) -> None:
        for candidate in [n for n, e in self._entries.items() if e.pins == 0]:
            if self._bytes + size <= self._max_bytes:
                return
            self._drop(candidate)
            self._counts = replace(self._counts, evictions=self._counts.evictions + 1)
        if self._bytes + size > self._max_bytes:
            raise CacheFullError(
                f"{name}: {size} bytes do not fit beside the {self._bytes} bytes in use;"
                f" the cache holds {self._max_bytes}"
            )

    def _drop(self, name: str) -> None:
        entry = self._entries.pop(name)
        self._bytes -= entry.size
        entry.ready.cancel()
        entry.ready.add_done_callback(_remove)  # it may be on its way still

    def _fetch(self, file: MonthFile | LandedFile) -> Path:
        name, _, crc32c = _identity(file)
        stem = uuid.uuid4().hex
        path = self._folder / stem
        try:
            self._store.download(name, path)
            if file_crc32c(path) != crc32c:
                raise UnreadableError(name, f"its bytes do not have crc32c {crc32c}")
            if isinstance(file, LandedFile):
                version = check_landed_file(name, path, file.flight_date).format_version
            else:
                version = file.format_version
                check_month_file(name, path, FooterInfo(file.rows, version))
            return path.rename(self._folder / local_name(stem, version))
        except BaseException:
            path.unlink(missing_ok=True)
            raise


def _identity(file: MonthFile | LandedFile) -> tuple[str, int, int]:
    if isinstance(file, LandedFile):
        return file.name, file.info.size, file.info.crc32c
    return file.path, file.bytes, file.crc32c


def _is_lost(entry: _Entry) -> bool:
    """The download failed, or something outside (a cleaner of temporary folders) took the file away."""
    if not entry.ready.done():
        return False
    return entry.ready.exception() is not None or not entry.ready.result().exists()


def _remove(ready: Future[Path]) -> None:
    if not ready.cancelled() and ready.exception() is None:
        ready.result().unlink(missing_ok=True)
