"""A disk that is full takes nothing, however it was made so, and takes it again when freed."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from tests.verification.soak.small_disk import SmallDisk

_WRITES = """
import sys
for path in sys.stdin:
    try:
        with open(path.strip(), "wb", buffering=0) as file:
            file.write(bytes(5000))
        print("written", flush=True)
    except OSError as error:
        print("refused", flush=True)
"""


@pytest.mark.parametrize("may_mount", [True, False])
def test_a_process_cannot_write_to_a_full_disk_and_can_again(
    tmp_path: Path, may_mount: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not may_mount:
        monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with (
        SmallDisk(tmp_path / "disk") as disk,
        subprocess.Popen(
            [sys.executable, "-c", _WRITES], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as process,
    ):
        assert may_mount or not disk.is_mounted
        limit = resource.prlimit(process.pid, resource.RLIMIT_FSIZE)
        said = [_write(process, disk.folder / "before")]
        disk.fill([process.pid])
        said.append(_write(process, disk.folder / "full"))
        disk.free([process.pid])
        said.append(_write(process, disk.folder / "after"))
        assert said == ["written", "refused", "written"]
        assert resource.prlimit(process.pid, resource.RLIMIT_FSIZE) == limit
        process.communicate()
    assert not os.path.ismount(disk.folder)


def _write(process: subprocess.Popen[str], path: Path) -> str:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(f"{path}\n")
    process.stdin.flush()
    return process.stdout.readline().strip()
