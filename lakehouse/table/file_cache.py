"""A cache of the lake's objects as local files: each is downloaded once, checked, and kept.

Names are used once and objects never change, so a cached file is never stale. Files in use are
pinned; the others are evicted when space is needed: within the cache's bound, and on the disk, which
may have less room than that. A caller gets a future for each file, so no thread waits for a download.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import threading
import uuid
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lakehouse.bounded_lru import BoundedLRU, CacheStats
from lakehouse.errors import CacheFullError, DiskFullError, LocalDiskError, UnreadableError
from lakehouse.local_disk import BLOCK_BYTES, check_writable, local_errors, remove_folder
from lakehouse.schema.versions import local_name
from lakehouse.store.store import Store
from lakehouse.table.kept_files import KeptFiles, ObjectId
from lakehouse.table.stored_file import StoredFile, fetch

_DOWNLOADS_AT_ONCE = 16  # object storage answers in tens of milliseconds: waiting, not work
_CHECKS_AT_ONCE = 4  # work, not waiting, of up to 80 MB each for what a writer may land


@dataclass
class _Entry:
    ready: Future[Path]
    pins: int = 0

    @property
    def is_in_use(self) -> bool:
        """A download holds its space until it ends, even if all callers have left."""
        return self.pins > 0 or self.ready.running()

    @property
    def is_lost(self) -> bool:
        """The download failed, or something outside (a cleaner of temporary folders) took the file."""
        if not self.ready.done():
            return False
        return self.ready.exception() is not None or not self.ready.result().exists()


class FileCache:
    """A bounded folder of downloaded objects. Thread-safe; a folder belongs to one process.

    With `kept`, files that are kept there come from there, and what is downloaded is kept: `folder` is then of one of
    its sessions.
    """

    def __init__(self, store: Store, folder: Path, max_bytes: int, kept: KeptFiles | None = None) -> None:
        self._store = store
        self._folder = folder
        self._max_bytes = max_bytes
        self._kept = kept
        self._entries: BoundedLRU[str, _Entry] = BoundedLRU(max_bytes, lambda entry: entry.is_in_use)
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(_DOWNLOADS_AT_ONCE, thread_name_prefix="download")
        self._checks = threading.BoundedSemaphore(_CHECKS_AT_ONCE)
        self._owner = os.getpid()
        self._failed_bytes: int | None = None  # of the file that could not be written last
        remove_folder(folder, self._owner)
        with local_errors(folder):
            folder.mkdir(parents=True)

    @contextmanager
    def pin(self, files: Iterable[StoredFile]) -> Iterator[list[Future[Path]]]:
        """Futures of the local paths of `files`, in order. The files stay until the block ends.

        Does not wait. The futures may be shared: do not cancel them. They raise ObjectMissingError
        (plan again), UnreadableError (checksum or content wrong), FormatTooNewError, LocalDiskError and
        the store's errors; a later call starts another download. Raises CacheFullError itself.
        """
        taken: list[_Entry] = []
        try:
            for file in files:
                taken.append(self._take(file))
            yield [entry.ready for entry in taken]
        finally:
            with self._lock:
                for entry in taken:
                    entry.pins -= 1

    @contextmanager
    def pinned(self, files: Iterable[StoredFile]) -> Iterator[list[Path]]:
        """Waits for what `pin` gives, and raises what that raises; then nothing stays pinned."""
        with self.pin(files) as downloads:
            yield [ready.result() for ready in downloads]

    def prefetch(self, files: Sequence[StoredFile]) -> dict[str, Exception]:
        """Waits until all is here; returns, by name, what `pinned` would raise for a file."""
        with self.pin(files) as downloads:
            ended = [(file.name, ready.exception()) for file, ready in zip(files, downloads, strict=True)]
        return {name: error for name, error in ended if isinstance(error, Exception)}

    def drop_unused(self) -> bool:
        """Removes all files that are not in use; False when there was none."""
        with self._lock:
            dropped = self._entries.clear()
        _give_up(dropped)
        return bool(dropped)

    @property
    def stats(self) -> CacheStats:
        """What happened so far. Files that are being downloaded count in `bytes`."""
        with self._lock:
            return self._entries.stats

    @property
    def is_disk_failing(self) -> bool:
        """Whether the last download that ended, or the last check, found that nothing can be written."""
        return self._failed_bytes is not None

    def check_disk(self) -> None:
        """Raises LocalDiskError unless the file that could not be written last can be; any file, if there is none."""
        size = self._failed_bytes or BLOCK_BYTES
        with self._lock:
            unused_bytes = self._entries.unpinned_size
        try:
            check_writable(self._folder, size, unused_bytes)
        except LocalDiskError:
            self._failed_bytes = size
            raise
        self._failed_bytes = None

    def close(self) -> None:
        """Ends downloads and removes the folder; nothing in a fork, whose parent uses it."""
        if os.getpid() == self._owner:
            self._pool.shutdown(cancel_futures=True)
            remove_folder(self._folder, self._owner)

    def _take(self, file: StoredFile) -> _Entry:
        with self._lock:
            entry = self._entries.peek(file.name)
            if entry is not None and entry.is_lost:
                self._entries.remove(file.name)
            entry = self._entries.get(file.name) or self._begun(file)
            entry.pins += 1
            return entry

    def _begun(self, file: StoredFile) -> _Entry:
        """The entry of a new download, which begins when those whose room it takes are deleted.

        A thread of the pool deletes them: the caller may be an event loop.
        """
        try:
            file.check_listed()
        except UnreadableError as error:  # before others make room for it
            return self._refused(file, error)
        deletion = None
        if evicted := self._entries.make_room(file.size):
            for entry in evicted:
                entry.ready.cancel()
            deletion = self._pool.submit(_delete, evicted)
        if not self._entries.has_room_for(file.size):
            raise CacheFullError(
                f"{file.name}: {file.size} bytes do not fit beside the {self._entries.size} bytes in use;"
                f" the cache holds {self._max_bytes}"
            )
        entry = _Entry(self._pool.submit(self._fetch, file, deletion))
        self._entries.put(file.name, entry, file.size)
        return entry

    def _refused(self, file: StoredFile, error: UnreadableError) -> _Entry:
        """The entry of a file that is not downloaded; it takes no room."""
        ready: Future[Path] = Future()
        ready.set_exception(error)
        entry = _Entry(ready)
        self._entries.put(file.name, entry, 0)
        return entry

    def _fetch(self, file: StoredFile, deletion: Future[None] | None) -> Path:
        """Waits for the deletion, which another thread of the pool has begun: a moment."""
        if deletion is not None:
            deletion.result()
        try:
            path = self._fetched(file)
        except LocalDiskError:
            self._failed_bytes = file.size
            with self._lock:
                self._entries.remove(file.name)  # else it would count as room that others could have
            raise
        self._failed_bytes = None
        return path

    def _fetched(self, file: StoredFile) -> Path:
        """The file, downloaded. Where the disk has no room for it, files that nobody uses go first."""
        with local_errors(self._folder):
            self._folder.mkdir(parents=True, exist_ok=True)  # a cleaner of temporary folders may have taken it
            if self._kept is not None and (path := self._kept.link(self._id(file), self._folder, _stem())) is not None:
                return path
            missing = file.size - shutil.disk_usage(self._folder).free
        if missing > 0:
            self._free_disk(missing)
        while True:
            try:
                with local_errors(self._folder):
                    return self._downloaded(file)
            except DiskFullError:  # a quota, or others write too
                if not self._free_disk(file.size):
                    raise

    def _free_disk(self, size: int) -> bool:
        """Deletes files that are not in use, until they have that size together; else kept ones. False for none."""
        with self._lock:
            evicted = self._entries.evict(size)
        _give_up(evicted)
        return bool(evicted) or (self._kept is not None and self._kept.free(size))

    def _downloaded(self, file: StoredFile) -> Path:
        stem = _stem()
        path = self._folder / stem
        try:
            fetch(self._store, file, path)
            with self._checks:
                found = file.check(path)
            checked = path.rename(self._folder / local_name(stem, found.format_version))
        except BaseException:
            _unlink(path)
            raise
        if self._kept is not None:
            self._kept.keep(self._id(file), checked, found.format_version)
        return checked

    def _id(self, file: StoredFile) -> ObjectId:
        return ObjectId(self._store.url, file.name, file.size, file.crc32c)


def _stem() -> str:
    return uuid.uuid4().hex


def _give_up(entries: Sequence[_Entry]) -> None:
    """Ends those that have not begun to come, and deletes the files of the others."""
    for entry in entries:
        entry.ready.cancel()
    _delete(entries)


def _delete(entries: Iterable[_Entry]) -> None:
    """Deletes files that are no longer kept, each when it is here: it may have begun to come."""
    for entry in entries:
        entry.ready.add_done_callback(_unlink_download)


def _unlink_download(ready: Future[Path]) -> None:
    if not ready.cancelled() and ready.exception() is None:
        _unlink(ready.result())


def _unlink(path: Path) -> None:
    """A disk that refuses even that refuses the next download too, which says so."""
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)
