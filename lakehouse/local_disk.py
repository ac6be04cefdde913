"""Folders of this machine: errors that say which one and how much room there was; temporary ones that a fork leaves."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from lakehouse.errors import LocalDiskError

_PIECE_BYTES = 1 << 20
BLOCK_BYTES: Final = 4096
"""The least that shows whether there is room: an empty file fits on a full disk."""


@contextmanager
def local_errors(folder: Path) -> Iterator[None]:
    """For work in `folder` alone: its OSErrors become LocalDiskError."""
    try:
        yield
    except OSError as error:
        raise local_disk_error(folder, error) from error


def local_disk_error(folder: Path, error: Exception) -> LocalDiskError:
    """What became of work in `folder`, and how much room there is."""
    why = error.strerror if isinstance(error, OSError) and error.strerror else str(error).partition("\n")[0][:200]
    return LocalDiskError(f"{folder}: {why or type(error).__name__} ({room(folder)})")


def room(folder: Path) -> str:
    """How much room there is where the folder is or was, for people."""
    for existing in (folder, *folder.parents):
        with contextlib.suppress(OSError):
            usage = shutil.disk_usage(existing)
            gone = "" if existing == folder else "; the folder is not there"
            return f"{usage.free / 1e6:,.0f} MB of {usage.total / 1e6:,.0f} MB are free{gone}"
    return "its room is not known"


def check_writable(folder: Path, size: int = BLOCK_BYTES) -> None:
    """Makes the folder again if need be, and writes so many bytes to it for a moment. Raises LocalDiskError."""
    path = folder / f"{uuid.uuid4().hex}.probe"
    with local_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        try:
            with path.open("xb") as out:
                for begin in range(0, size, _PIECE_BYTES):
                    out.write(bytes(min(_PIECE_BYTES, size - begin)))
        finally:
            path.unlink(missing_ok=True)


def new_temporary_folder(prefix: str, parent: Path | str | None = None) -> Path:
    """A new folder in `parent`, which is made if need be, or in the system's. Raises LocalDiskError."""
    where = "the system's folder for temporary files" if parent is None else str(parent)
    try:
        if parent is not None:
            Path(parent).mkdir(parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
    except OSError as error:
        if parent is not None:
            raise local_disk_error(Path(parent), error) from error
        raise LocalDiskError(f"{where}: {error.strerror or error}; TMPDIR names another one") from error


@contextmanager
def temporary_folder(prefix: str, parent: Path | str | None = None) -> Iterator[Path]:
    """A new folder that is gone afterwards, unless the block ends in a fork of the process. Raises LocalDiskError."""
    owner = os.getpid()
    folder = new_temporary_folder(prefix, parent)
    try:
        yield folder
    finally:
        remove_folder(folder, owner)


def remove_folder(folder: Path, owner: int) -> None:
    """Removes the folder in the process that made it. A fork has it in its memory too, and must not."""
    if os.getpid() == owner:
        shutil.rmtree(folder, ignore_errors=True)
