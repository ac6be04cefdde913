"""What is said of a folder that cannot be used, and that a fork leaves its parent's folders alone."""

from __future__ import annotations

import errno
import os
import re
import shutil
from pathlib import Path

import pytest

from lakehouse.errors import DiskFullError, LocalDiskError, TooManyOpenFilesError
from lakehouse.local_disk import (
    check_writable,
    local_disk_error,
    local_errors,
    named_by,
    new_temporary_folder,
    room,
    temporary_folder,
)
from tests._support.processes.forks import in_a_fork
from tests._support.processes.full_disk import files_limited_to


def test_an_error_names_the_folder_the_reason_and_the_room(tmp_path: Path) -> None:
    with pytest.raises(LocalDiskError) as caught, local_errors(tmp_path):
        (tmp_path / "missing" / "file").write_bytes(b"")
    pattern = rf"{tmp_path}: No such file or directory \([\d,]+ MB of [\d,]+ MB are free\)"
    assert re.fullmatch(pattern, str(caught.value))


@pytest.mark.parametrize(
    ("number", "kind", "text"),
    [
        (errno.ENOSPC, DiskFullError, "No space left"),
        (errno.EDQUOT, DiskFullError, "quota"),
        (errno.EMFILE, TooManyOpenFilesError, r"Too many open files \(this process may have [\d,]+ open.*ulimit -n"),
        (errno.ENFILE, TooManyOpenFilesError, r"fs\.file-max"),
    ],
)
def test_what_to_do_decides_the_kind_of_the_error(
    number: int, kind: type[LocalDiskError], text: str, tmp_path: Path
) -> None:
    why = os.strerror(number)
    for error in (OSError(number, why), RuntimeError(f"IO Error: could not write: {why}")):
        found = local_disk_error(tmp_path, error)
        assert type(found) is kind
        assert re.search(text, str(found))


def test_an_error_says_which_setting_takes_another_folder(tmp_path: Path) -> None:
    with named_by("API_CACHE_DIR", tmp_path):
        assert "; API_CACHE_DIR takes another folder)" in str(local_disk_error(tmp_path / "files", OSError(5, "no")))
    assert "API_CACHE_DIR" not in str(local_disk_error(tmp_path / "files", OSError(5, "no")))
    with temporary_folder("x-", tmp_path, "COMPACTOR_SCRATCH_DIR") as folder:
        assert "; COMPACTOR_SCRATCH_DIR takes another folder" in room(folder)
    with pytest.raises(LocalDiskError, match="COMPACTOR_SCRATCH_DIR takes another folder"):
        new_temporary_folder("x-", "/proc/no", "COMPACTOR_SCRATCH_DIR")


def test_a_check_asks_for_the_room_and_writes_a_block(tmp_path: Path) -> None:
    free = shutil.disk_usage(tmp_path).free
    check_writable(tmp_path, free // 2)
    with pytest.raises(DiskFullError):
        check_writable(tmp_path, free * 2)
    with files_limited_to(5000):
        check_writable(tmp_path, 5000)


def test_an_error_says_that_the_folder_is_gone(tmp_path: Path) -> None:
    with pytest.raises(LocalDiskError, match=r"MB are free; the folder is not there\)"), local_errors(tmp_path / "a"):
        (tmp_path / "a" / "file").write_bytes(b"")


def test_a_folder_that_is_gone_is_made_again_when_it_is_checked(tmp_path: Path) -> None:
    check_writable(tmp_path / "a" / "b", 10)
    assert list((tmp_path / "a" / "b").iterdir()) == []


def test_a_folder_without_room_for_that_much_is_refused_and_left_empty(tmp_path: Path) -> None:
    with files_limited_to(5000):
        check_writable(tmp_path, 5000)
        with pytest.raises(LocalDiskError, match="File too large"):
            check_writable(tmp_path, 5001)
    assert list(tmp_path.iterdir()) == []


def test_a_temporary_folder_goes_with_its_block(tmp_path: Path) -> None:
    with temporary_folder("x-", tmp_path / "made") as folder:
        assert folder.is_dir()
    assert not folder.exists()


def test_no_temporary_folder_at_all_says_which_variable_names_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*_: object, **__: object) -> str:
        raise FileNotFoundError(2, "No usable temporary directory found in ['/tmp']")

    monkeypatch.setattr("tempfile.mkdtemp", none)
    with pytest.raises(LocalDiskError, match=r"No usable temporary directory.*TMPDIR"):
        new_temporary_folder("x-")


def test_a_fork_that_ends_its_copy_of_the_block_removes_nothing(tmp_path: Path) -> None:
    block = temporary_folder("x-", tmp_path)
    folder = block.__enter__()
    assert in_a_fork(lambda: block.__exit__(None, None, None)) == 0
    assert folder.is_dir()
    block.__exit__(None, None, None)
    assert not folder.exists()
