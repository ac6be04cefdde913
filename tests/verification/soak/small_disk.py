"""A small disk for the folders of services, which can be filled; or a limit in its place."""

from __future__ import annotations

import errno
import os
import resource
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final

_SIZE_MB: Final = 64
_BALLAST: Final = "ballast"
# Reads until the pipe from the parent is closed, which happens however the parent dies.
_GUARD: Final = 'read -r _; exec umount -l "$1"'
_PIECE: Final = bytes(1 << 16)


class SmallDisk:
    """`with SmallDisk(folder) as disk:` mounts a tmpfs there (root, on Linux).

    Where that is not permitted, `is_mounted` is False and a limit stands for a full disk: files of
    the processes cannot grow (RLIMIT_FSIZE; an error of the file system too, by another name).
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.is_mounted = False
        self._guard: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> SmallDisk:
        self.folder.mkdir(parents=True)
        command = ["mount", "-t", "tmpfs", "-o", f"size={_SIZE_MB}m", "tmpfs", str(self.folder)]
        if os.geteuid() == 0 and shutil.which("mount"):
            self.is_mounted = subprocess.run(command, capture_output=True, check=False).returncode == 0
        if self.is_mounted:
            self._guard = subprocess.Popen(
                ["/bin/sh", "-c", _GUARD, "guard", str(self.folder)], stdin=subprocess.PIPE, start_new_session=True
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._guard is not None:
            self._guard.communicate()

    def fill(self, pids: Sequence[int]) -> None:
        """From now on it takes not a byte more; without a disk of its own, from none of these processes."""
        if not self.is_mounted:
            _each(pids, lambda hard: (0, hard))
            return
        with (self.folder / _BALLAST).open("wb", buffering=0) as ballast:
            try:
                while True:
                    ballast.write(_PIECE)
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise

    def free(self, pids: Sequence[int]) -> None:
        if not self.is_mounted:
            _each(pids, lambda hard: (hard, hard))
            return
        (self.folder / _BALLAST).unlink()


def _each(pids: Sequence[int], limits: Callable[[int], tuple[int, int]]) -> None:
    for pid in pids:
        _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, limits(hard))
