"""What only the local store can get wrong: folders, permissions, crashes, several processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lakehouse.errors import ObjectExistsError, ObjectMissingError, StoreAccessDeniedError, StoreUnavailableError
from lakehouse.store import local
from lakehouse.store.checksum import file_crc32c
from lakehouse.store.local import LocalStore, _Checksums


@pytest.fixture
def unprivileged() -> Iterator[None]:
    """As somebody who may not do everything: root is asked for no permission."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def closed_folder(tmp_path: Path) -> Iterator[Path]:
    """A lake whose landing folder nobody may enter."""
    folder = tmp_path / "lake" / "landing"
    LocalStore(tmp_path / "lake").create("landing/a", b"x")
    folder.chmod(0)
    yield tmp_path / "lake"
    folder.chmod(0o755)


def test_what_a_crash_left_half_written_is_in_no_listing(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    store.create("landing/a", b"x")
    (tmp_path / ".tmp" / "0123").write_bytes(b"half")
    assert [info.name for info in store.list("")] == ["landing/a"]


def test_nothing_temporary_is_left_behind(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    store.create("landing/a", b"x")
    with pytest.raises(ObjectExistsError):
        store.create("landing/a", b"y")
    store.replace("hint", b"x", 0)
    left = [path.name for path in (tmp_path / ".tmp").iterdir() if path.suffix != ".lock"]
    assert left == []


def test_an_object_appears_whole_and_is_on_disk_before_its_create_returns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[tuple[str, int, int]] = []  # what, of which inode, with how many bytes then
    fsync, link = os.fsync, os.link

    def spy_fsync(descriptor: int) -> None:
        fsync(descriptor)
        stat = os.fstat(descriptor)
        done.append(("sync", stat.st_ino, stat.st_size))

    def spy_link(source: Path, target: Path) -> None:
        done.append(("link", source.stat().st_ino, source.stat().st_size))
        link(source, target)

    monkeypatch.setattr(os, "fsync", spy_fsync)
    monkeypatch.setattr(os, "link", spy_link)
    LocalStore(tmp_path).create("landing/a", b"content")
    file, folder = (tmp_path / "landing" / "a").stat().st_ino, (tmp_path / "landing").stat()
    linked = done.index(("link", file, 7))
    assert ("sync", file, 7) in done[:linked]
    assert ("sync", folder.st_ino, folder.st_size) in done[linked:]


def test_a_process_killed_while_it_writes_leaves_no_object(tmp_path: Path) -> None:
    killed = _python(
        "import os, signal",
        "from pathlib import Path",
        "import lakehouse.store.local as local",
        "local.os.link = lambda *_: os.kill(os.getpid(), signal.SIGKILL)",
        f"local.LocalStore(Path({str(tmp_path)!r})).create('landing/a', b'x' * 100_000)",
    )
    killed.communicate(timeout=60)
    assert killed.returncode == -signal.SIGKILL
    store = LocalStore(tmp_path)
    assert len(list((tmp_path / ".tmp").iterdir())) == 1
    assert list(store.list("")) == []
    store.create("landing/a", b"again")
    assert store.read("landing/a") == b"again"


def test_of_several_processes_that_race_on_a_name_exactly_one_wins(tmp_path: Path) -> None:
    processes = [
        _python(
            "from pathlib import Path",
            "from lakehouse.errors import ObjectExistsError",
            "from lakehouse.store.local import LocalStore",
            f"store = LocalStore(Path({str(tmp_path)!r}))",
            "input()",  # all begin at once
            "for number in range(40):",
            "    try:",
            f"        store.create(f'snapshots/{{number}}', b'{racer}')",
            "    except ObjectExistsError:",
            "        continue",
            "    print(number)",
        )
        for racer in range(3)
    ]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    won = [[int(line) for line in process.communicate(timeout=60)[0].split()] for process in processes]
    assert sorted(number for numbers in won for number in numbers) == list(range(40))
    store = LocalStore(tmp_path)
    for racer, numbers in enumerate(won):
        assert {store.read(f"snapshots/{number}") for number in numbers} <= {f"{racer}".encode()}


def test_a_replaced_object_has_a_later_generation_when_the_clock_has_not_moved_on(tmp_path: Path) -> None:
    """A file system's clock ticks in milliseconds; here it is set back, which is worse."""
    store = LocalStore(tmp_path)
    store.create("hint", b"one")
    os.utime(tmp_path / "hint", ns=(4 * 10**18, 4 * 10**18))  # the year 2096
    before = store.generation("hint")
    assert store.replace("hint", b"two", before)
    assert store.generation("hint") > before


def test_an_object_deleted_during_a_listing_is_left_out_of_it(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    for name in ("a", "b", "c"):
        store.create(name, b"x")
    listing = store.list("")
    seen = [next(listing).name]
    store.delete("b")
    assert seen + [info.name for info in listing] == ["a", "c"]


@pytest.mark.usefixtures("closed_folder", "unprivileged")
def test_a_folder_that_may_not_be_read_is_refused_and_does_not_look_empty(closed_folder: Path) -> None:
    store = LocalStore(closed_folder)
    with pytest.raises(StoreAccessDeniedError, match="Permission denied"):
        list(store.list("landing/"))
    with pytest.raises(StoreAccessDeniedError, match="Permission denied"):
        store.read("landing/a")


@pytest.mark.usefixtures("closed_folder", "unprivileged")
def test_a_folder_that_may_not_be_written_is_refused(closed_folder: Path) -> None:
    with pytest.raises(StoreAccessDeniedError, match="Permission denied"):
        LocalStore(closed_folder).create("landing/b", b"x")


def test_a_root_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    store = LocalStore(tmp_path / "file")
    with pytest.raises(StoreAccessDeniedError, match="Not a directory"):
        list(store.list("landing/"))
    with pytest.raises(StoreAccessDeniedError, match="Not a directory"):
        store.create("landing/a", b"x")


def test_a_disk_that_fails_is_unavailable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("lakehouse.store.local.os.fsync", full)
    with pytest.raises(StoreUnavailableError, match=r"landing/a: No space left on device"):
        LocalStore(tmp_path).create("landing/a", b"x")
    assert list(LocalStore(tmp_path).list("")) == []


def test_a_folder_is_no_object(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    store.create("landing/a", b"x")
    with pytest.raises(StoreAccessDeniedError):
        store.read("landing")
    with pytest.raises(ObjectMissingError):
        store.read("landing/b")


def _python(*lines: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", "\n".join(lines)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def test_only_new_files_are_read_when_more_came_and_went_than_are_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []

    def checksum(path: Path) -> int:
        read.append(path.name)
        return file_crc32c(path)

    monkeypatch.setattr(local, "file_crc32c", checksum)
    monkeypatch.setattr(local, "_CHECKSUMS", _Checksums(3))  # as many as are there at a time
    store = LocalStore(tmp_path)
    for number in range(3):
        store.create(f"landing/{number}", b"x")
    list(store.list(""))
    for number in range(3, 9):
        store.delete(f"landing/{number - 3}")
        store.create(f"landing/{number}", b"x")
        read.clear()
        for _ in range(2):
            list(store.list(""))
        assert read == [f"{number}"]


def test_each_of_200_000_files_is_read_once_however_often_it_is_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = 0

    def checksum(_: Path) -> int:
        nonlocal read
        read += 1
        return 0

    monkeypatch.setattr(local, "file_crc32c", checksum)
    checksums = _Checksums(local._REMEMBERED_FILES)
    files = [os.stat_result((0, inode, 0, 1, 0, 0, 1, 0, 0, 0)) for inode in range(200_000)]
    for _ in range(2):  # two listings, in the same order
        for stat in files:
            checksums.of(tmp_path, stat)
    assert read == len(files)
