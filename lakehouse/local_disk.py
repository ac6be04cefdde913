"""Folders of this machine: errors that say which one and how much room there was; temporary ones that a fork leaves."""

from __future__ import annotations

import contextlib
import errno
import os
import resource
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from lakehouse.errors import DiskFullError, LocalDiskError, TooManyOpenFilesError

BLOCK_BYTES: Final = 4096
"""What a check writes: an empty file fits on a full disk."""

_FULL: Final = (errno.ENOSPC, errno.EDQUOT)

_SETTINGS: Final[dict[Path, str]] = {}
"""Folders of this process, and the setting that names another one, for errors deep below."""


@contextmanager
def local_errors(folder: Path) -> Iterator[None]:
    """For work in `folder` alone: its OSErrors become LocalDiskError."""
    try:
        yield
    except OSError as error:
        raise local_disk_error(folder, error) from error


def local_disk_error(folder: Path, error: Exception) -> LocalDiskError:
    """What became of work in `folder`: how much room there is, and which setting names another folder."""
    why = error.strerror if isinstance(error, OSError) and error.strerror else str(error).partition("\n")[0][:200]
    if _is_one_of(error, (errno.ENFILE,)):  # its words begin with those of EMFILE
        return TooManyOpenFilesError(f"{folder}: {why} (of all processes: raise fs.file-max; the disk is well)")
    if _is_one_of(error, (errno.EMFILE,)):
        soft, hard = (_number(limit) for limit in resource.getrlimit(resource.RLIMIT_NOFILE))
        limits = f"this process may have {soft} open, and raise that to {hard}: raise ulimit -n"
        return TooManyOpenFilesError(f"{folder}: {why} ({limits}; the disk is well)")
    kind = DiskFullError if _is_one_of(error, _FULL) else LocalDiskError
    return kind(f"{folder}: {why or type(error).__name__} ({room(folder)})")


def room(folder: Path) -> str:
    """How much room there is where the folder is or was, and the setting that names another, for people."""
    places = (folder, *folder.parents)
    setting = next((_SETTINGS[place] for place in places if place in _SETTINGS), None)
    advice = "" if setting is None else f"; {setting} takes another folder"
    for existing in places:
        with contextlib.suppress(OSError):
            usage = shutil.disk_usage(existing)
            gone = "" if existing == folder else "; the folder is not there"
            return f"{usage.free / 1e6:,.0f} MB of {usage.total / 1e6:,.0f} MB are free{gone}{advice}"
    return f"its room is not known{advice}"


def check_writable(folder: Path, size: int = BLOCK_BYTES, reclaimable_bytes: int = 0) -> None:
    """Makes the folder again if need be. Raises LocalDiskError unless a file of that size can be written.

    It writes a block where such a file would end. `reclaimable_bytes` count as free: the caller can delete so much.
    """
    path = folder / f"{uuid.uuid4().hex}.probe"
    with local_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        if shutil.disk_usage(folder).free + reclaimable_bytes < size:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        try:
            with path.open("xb") as out:
                out.seek(max(0, size - BLOCK_BYTES))
                out.write(bytes(min(size, BLOCK_BYTES)))
        finally:
            path.unlink(missing_ok=True)


@contextmanager
def named_by(setting: str, folder: Path) -> Iterator[None]:
    """Errors of work in `folder` say meanwhile that `setting` names it."""
    _SETTINGS[folder] = setting
    try:
        yield
    finally:
        _SETTINGS.pop(folder, None)


def name_setting(setting: str, folder: Path) -> None:
    """Errors of work in `folder` say from now on that `setting` names it."""
    _SETTINGS[folder] = setting


def new_temporary_folder(prefix: str, parent: Path | str | None = None, setting: str = "TMPDIR") -> Path:
    """A new folder in `parent`, which is made if need be, or in the system's. Raises LocalDiskError.

    `setting` is what a person changes to have it elsewhere.
    """
    where = "the system's folder for temporary files" if parent is None else str(parent)
    try:
        if parent is not None:
            Path(parent).mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
    except OSError as error:
        if parent is None:
            raise LocalDiskError(f"{where}: {error.strerror or error}; {setting} takes another folder") from error
        with named_by(setting, Path(parent)):
            raise local_disk_error(Path(parent), error) from error
    _SETTINGS[folder] = setting
    return folder


@contextmanager
def temporary_folder(prefix: str, parent: Path | str | None = None, setting: str = "TMPDIR") -> Iterator[Path]:
    """A new folder that is gone afterwards, unless the block ends in a fork of the process. Raises LocalDiskError."""
    owner = os.getpid()
    folder = new_temporary_folder(prefix, parent, setting)
    try:
        yield folder
    finally:
        remove_folder(folder, owner)


def remove_folder(folder: Path, owner: int) -> None:
    """Removes the folder in the process that made it. A fork has it in its memory too, and must not."""
    if os.getpid() == owner:
        _SETTINGS.pop(folder, None)
        shutil.rmtree(folder, ignore_errors=True)


def _is_one_of(error: Exception, numbers: tuple[int, ...]) -> bool:
    """DuckDB and Arrow give the system's words without its number."""
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno in numbers
    return any(os.strerror(number) in str(error) for number in numbers)


def _number(limit: int) -> str:
    return "any number" if limit == resource.RLIM_INFINITY else f"{limit:,}"
