"""Checked files of lakes that outlive a process, in a folder that all processes of this machine share.

Names are used once and objects never change, so a kept file stays right forever: its bytes were
checked once, before it got its name here. A process works with hard links in a folder of its own
(a session). What another process evicts therefore stays where it is in use, and what a process
leaves when it dies goes with the next one, which finds that its lock is free.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
import shutil
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from lakehouse.local_disk import local_errors
from lakehouse.schema.event import FORMAT_VERSION
from lakehouse.schema.versions import local_name
from lakehouse.store.checksum import file_crc32c

_CHECKS: Final = 1
"""Grows when a check of a file becomes stricter: what older checks let pass is then not found."""
_SLUG_CHARACTERS: Final = 60


@dataclass(frozen=True)
class ObjectId:
    """What tells an object from all others. The checksum too: tests and demos make a bucket again."""

    lake: str
    name: str
    size: int
    crc32c: int

    @property
    def key(self) -> str:
        """The stem of its file."""
        text = f"{_CHECKS}\n{self.lake}\n{self.name}\n{self.size}\n{self.crc32c}"
        return hashlib.sha256(text.encode()).hexdigest()[:40]


@dataclass(frozen=True)
class Usage:
    """What is kept of one lake. `used_at`: seconds since 1970, of the file that was used last."""

    lake: str
    files: int
    bytes: int
    used_at: float


@dataclass(frozen=True)
class _File:
    path: Path
    size: int
    used_at: float
    is_in_use: bool


class Session:
    """A folder for one process, which goes with it. A fork has it in its memory too, and leaves it alone."""

    def __init__(self, path: Path, lock: IO[bytes]) -> None:
        self.path = path
        self._lock = lock
        self._owner = os.getpid()

    @property
    def is_mine(self) -> bool:
        """Whether this is the process that it was made for, and not a fork."""
        return os.getpid() == self._owner

    def close(self) -> None:
        if self.is_mine and not self._lock.closed:
            shutil.rmtree(self.path, ignore_errors=True)
            _lock_of(self.path).unlink(missing_ok=True)
            self._lock.close()


class KeptFiles:
    """A bounded folder of checked files. Any number of threads and processes may use it at once."""

    def __init__(self, folder: Path, max_bytes: int) -> None:
        """Makes the folder, for this user alone. Raises LocalDiskError."""
        self.folder = folder
        self.max_bytes = max_bytes
        self._files = folder / "files"
        self._sessions = folder / "sessions"
        self._made = folder / "made"
        with local_errors(folder):
            for each in (folder, self._files, self._sessions, self._made):
                each.mkdir(mode=0o700, parents=True, exist_ok=True)

    def new_session(self) -> Session:
        """A new folder on the same file system; those of dead processes are removed. Raises LocalDiskError."""
        self._sweep()
        with local_errors(self.folder):
            while True:
                path = self._sessions / uuid.uuid4().hex
                lock = _lock_of(path).open("xb")
                fcntl.flock(lock, fcntl.LOCK_EX)
                if _lock_of(path).exists():  # else another process swept it before it was locked
                    path.mkdir()
                    return Session(path, lock)
                lock.close()

    def link(self, wanted: ObjectId, folder: Path, stem: str) -> Path | None:
        """A link in `folder` to the kept file, which counts as used now; None when there is none."""
        for version in range(FORMAT_VERSION, 0, -1):
            kept = self._place(wanted) / local_name(wanted.key, version)
            path = folder / local_name(stem, version)
            try:
                os.link(kept, path)
                if path.stat().st_size != wanted.size:  # a disk that lost its end: nothing else cuts files
                    kept.unlink(missing_ok=True)
                    path.unlink()
                    return None
                _mark_used(path)
            except OSError:
                continue
            return path
        return None

    def keep(self, checked: ObjectId, path: Path, format_version: int) -> None:
        """Gives the checked file at `path` its name here, once its bytes are on disk.

        A file that has another name already is the lake's own, in a folder of this machine: not kept.
        Nor is one when the disk refuses: it is downloaded again then.
        """
        with contextlib.suppress(OSError):
            if path.stat().st_nlink == 1:
                _sync(path)
                self._name(path, checked, local_name(checked.key, format_version))

    def read(self, wanted: ObjectId) -> bytes | None:
        """The bytes of a small object that `keep_bytes` took, checked again; None when there is none."""
        path = self._place(wanted) / f"{wanted.key}.json"
        try:
            if file_crc32c(path) == wanted.crc32c:
                _mark_used(path)
                return path.read_bytes()
            path.unlink(missing_ok=True)
        except OSError:
            return None
        return None

    def keep_bytes(self, checked: ObjectId, data: bytes, session: Session) -> None:
        """Like `keep`, for an object that is not a file yet."""
        path = session.path / uuid.uuid4().hex
        with contextlib.suppress(OSError):
            path.write_bytes(data)
            _sync(path)
            self._name(path, checked, f"{checked.key}.json")
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)

    def make_once(self, name: str, path: Path, make: Callable[[Path], None]) -> Path:
        """Makes `path`, in a session, a link to the small file `name`, which `make` has made here or makes now.

        What is in it follows from its name alone. Raises what `make` raises.
        """
        with contextlib.suppress(OSError):
            os.link(self._made / name, path)
            return path
        make(path)
        with contextlib.suppress(OSError):
            _sync(path)
            os.link(path, self._made / name)
        return path

    def trim(self) -> None:
        """Removes the files used least recently, until the others fit. Files in use stay."""
        files = list(self._scan())
        self._evict(files, sum(file.size for file in files) - self.max_bytes)

    def free(self, size: int) -> bool:
        """Removes files used least recently of that size together; False when there was none to remove."""
        return self._evict(list(self._scan()), size)

    def clear(self) -> tuple[int, int]:
        """Removes all files; how many, and their bytes. Processes that use some go on with them."""
        self._sweep()
        files = list(self._scan())
        for file in files:
            file.path.unlink(missing_ok=True)
        for made in self._made.glob("*"):
            made.unlink(missing_ok=True)
        for folder in self._files.glob("*"):
            with contextlib.suppress(OSError):  # a file has come
                folder.rmdir()
        return len(files), sum(file.size for file in files)

    def usage(self) -> list[Usage]:
        """Of each lake, the one used last first."""
        lakes: dict[Path, list[_File]] = {}
        for file in self._scan():
            lakes.setdefault(file.path.parent, []).append(file)
        found = [
            Usage(folder.name.rpartition("-")[0], len(files), sum(f.size for f in files), max(f.used_at for f in files))
            for folder, files in lakes.items()
        ]
        return sorted(found, key=lambda usage: -usage.used_at)

    def _place(self, of: ObjectId) -> Path:
        """The folder of its lake, by a name that people can read and no other lake has."""
        slug = re.sub(r"[^A-Za-z0-9._]+", "-", of.lake)[:_SLUG_CHARACTERS]
        return self._files / f"{slug}-{hashlib.sha256(of.lake.encode()).hexdigest()[:16]}"

    def _name(self, path: Path, checked: ObjectId, name: str) -> None:
        place = self._place(checked)
        place.mkdir(parents=True, exist_ok=True)  # a cleaner of folders may have taken it
        with contextlib.suppress(FileExistsError):  # another process was quicker
            os.link(path, place / name)

    def _scan(self) -> Iterator[_File]:
        for path in self._files.glob("*/*"):
            with contextlib.suppress(OSError):
                stat = path.stat()
                yield _File(path, stat.st_size, stat.st_atime, stat.st_nlink > 1)

    def _evict(self, files: Sequence[_File], size: int) -> bool:
        left = size
        for file in sorted(files, key=lambda file: file.used_at):
            if left <= 0:
                break
            if not file.is_in_use:  # else its bytes would stay all the same
                with contextlib.suppress(OSError):
                    file.path.unlink(missing_ok=True)
                    left -= file.size
        return left < size

    def _sweep(self) -> None:
        """Removes the folders of processes that are gone."""
        for path in self._sessions.glob("*.lock"):
            with contextlib.suppress(OSError), path.open("rb") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(path.with_suffix(""), ignore_errors=True)
                path.unlink(missing_ok=True)


def _lock_of(session: Path) -> Path:
    return session.with_suffix(".lock")


def _mark_used(path: Path) -> None:
    """By the time of access alone: that of the change of a file is what databases look at."""
    os.utime(path, ns=(time.time_ns(), path.stat().st_mtime_ns))


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
