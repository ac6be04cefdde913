"""Kept files: right forever, shared by processes, bounded, and nothing left by a process that dies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lakehouse.errors import LocalDiskError
from lakehouse.table.kept_files import KeptFiles, ObjectId, Session
from tests._support.processes.forks import in_a_fork

_SIZE = 100


class Kept(KeptFiles):
    """Knows the sessions that it gave, to close them at the end."""

    def __init__(self, folder: Path, max_bytes: int) -> None:
        super().__init__(folder, max_bytes)
        self.given: list[Session] = []

    def new_session(self) -> Session:
        self.given.append(super().new_session())
        return self.given[-1]


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[KeptFiles]:
    kept = Kept(tmp_path / "cache", 10 * _SIZE)
    yield kept
    for session in kept.given:
        session.close()


def _id(name: str, lake: str = "gs://lake", crc32c: int = 1) -> ObjectId:
    return ObjectId(lake, name, _SIZE, crc32c)


def _keep(kept: KeptFiles, session: Session, name: str) -> Path:
    """A downloaded file in the session, which is kept too."""
    path = session.path / f"{name}.format1.parquet"
    path.write_bytes(name[:1].encode() * _SIZE)
    kept.keep(_id(name), path, 1)
    return path


def _found(kept: KeptFiles, names: str) -> str:
    """Those of the names that are kept; looking uses them."""
    session = kept.new_session()
    found = [name for name in names if kept.link(_id(name), session.path, f"linked-{name}") is not None]
    session.close()
    return "".join(found)


def test_a_kept_file_is_found_by_another_process_s_session(kept: KeptFiles) -> None:
    session = kept.new_session()
    _keep(kept, session, "a")
    session.close()
    other = kept.new_session()
    linked = kept.link(_id("a"), other.path, "x")
    assert linked == other.path / "x.format1.parquet"
    assert linked.read_bytes() == b"a" * _SIZE


@pytest.mark.parametrize("other", [_id("b"), _id("a", lake="gs://other"), _id("a", crc32c=2)])
def test_another_object_is_not_found(kept: KeptFiles, other: ObjectId) -> None:
    session = kept.new_session()
    _keep(kept, session, "a")
    assert kept.link(other, session.path, "x") is None


def test_a_file_that_lost_its_end_is_not_found_and_goes(kept: KeptFiles) -> None:
    session = kept.new_session()
    _keep(kept, session, "a").write_bytes(b"")
    assert kept.link(_id("a"), session.path, "x") is None
    assert kept.usage() == []
    assert not (session.path / "x.format1.parquet").exists()


def test_a_lake_s_own_file_on_this_machine_is_not_kept_again(kept: KeptFiles, tmp_path: Path) -> None:
    session = kept.new_session()
    (tmp_path / "object").write_bytes(bytes(_SIZE))
    path = session.path / "a.format1.parquet"
    os.link(tmp_path / "object", path)
    kept.keep(_id("a"), path, 1)
    assert kept.usage() == []


def test_what_was_used_least_recently_goes_first(kept: KeptFiles) -> None:
    session = kept.new_session()
    for name in "abcd":
        _keep(kept, session, name)
    session.close()
    assert _found(kept, "ab") == "ab"
    KeptFiles(kept.folder, 2 * _SIZE).trim()
    assert _found(kept, "abcd") == "ab"


def test_a_file_in_use_stays_and_so_does_the_link_when_all_is_cleared(kept: KeptFiles) -> None:
    session = kept.new_session()
    path = _keep(kept, session, "a")
    KeptFiles(kept.folder, 1).trim()
    assert [usage.files for usage in kept.usage()] == [1]
    assert kept.clear() == (1, _SIZE)
    assert kept.usage() == []
    assert path.read_bytes() == b"a" * _SIZE


def test_room_is_made_by_files_that_nobody_uses(kept: KeptFiles) -> None:
    session = kept.new_session()
    _keep(kept, session, "a")
    assert not kept.free(1)
    session.close()
    assert kept.free(1)
    assert not kept.free(1)


def test_a_session_goes_with_its_owner_and_a_fork_leaves_it_alone(kept: KeptFiles) -> None:
    session = kept.new_session()
    assert in_a_fork(session.close) == 0
    assert in_a_fork(lambda: kept.new_session().close()) == 0  # which looks for folders of the dead
    assert session.path.is_dir()
    session.close()
    session.close()
    assert list((kept.folder / "sessions").iterdir()) == []


def test_what_a_killed_process_leaves_goes_with_the_next_session(kept: KeptFiles) -> None:
    program = """if True:
        import sys, pathlib
        from lakehouse.table.kept_files import KeptFiles
        session = KeptFiles(pathlib.Path(sys.argv[1]), 1000).new_session()
        (session.path / "half of a file").write_bytes(b"x")
        print(session.path, flush=True)
        sys.stdin.read()
    """
    child = subprocess.Popen(
        [sys.executable, "-c", program, str(kept.folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with child:
        assert child.stdout is not None
        left = Path(child.stdout.readline().strip())
        kept.new_session().close()
        assert left.is_dir()
        child.send_signal(signal.SIGKILL)
        child.wait(30)
        kept.new_session().close()
        assert not left.exists()


def test_a_small_object_is_read_again_only_with_its_own_bytes(kept: KeptFiles) -> None:
    session = kept.new_session()
    wanted = ObjectId("gs://lake", "snapshots/1.json", 5, 0x9A71BB4C)  # crc32c of b"hello"
    assert kept.read(wanted) is None
    kept.keep_bytes(wanted, b"hello", session)
    assert kept.read(wanted) == b"hello"
    (path,) = (kept.folder / "files").glob("*/*.json")
    path.write_bytes(b"jello")
    assert kept.read(wanted) is None
    assert not path.exists()


def test_usage_is_by_lake_the_last_used_first(kept: KeptFiles) -> None:
    session = kept.new_session()
    _keep(kept, session, "a")
    path = session.path / "b.format1.parquet"
    path.write_bytes(bytes(_SIZE))
    kept.keep(_id("b", lake="gs://later"), path, 1)
    assert kept.link(_id("b", lake="gs://later"), session.path, "x") is not None
    assert [(usage.lake, usage.files, usage.bytes) for usage in kept.usage()] == [
        ("gs-later", 1, _SIZE),
        ("gs-lake", 1, _SIZE),
    ]


def test_a_thing_made_once_is_made_once(kept: KeptFiles) -> None:
    made = []

    def make(path: Path) -> None:
        made.append(path)
        path.write_text("x")

    for _ in range(2):
        session = kept.new_session()
        kept.make_once("thing-1", session.path / "thing", make)
        assert (session.path / "thing").read_text() == "x"
    assert len(made) == 1


def test_a_folder_that_cannot_be_made_is_an_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LocalDiskError, match=str(tmp_path / "file" / "cache")):
        KeptFiles(tmp_path / "file" / "cache", 1)


def test_the_folder_is_this_user_s_alone(kept: KeptFiles) -> None:
    assert kept.folder.stat().st_mode & 0o077 == 0


def test_sessions_of_many_processes_do_not_take_each_other_s(kept: KeptFiles, tmp_path: Path) -> None:
    """Each makes sessions, which looks for those of the dead, while the others work in theirs."""
    program = """if True:
        import sys, pathlib
        from lakehouse.table.kept_files import KeptFiles
        for _ in range(50):
            session = KeptFiles(pathlib.Path(sys.argv[1]), 1000).new_session()
            (session.path / "x").write_bytes(b"x")
            assert (session.path / "x").read_bytes() == b"x"
            session.close()
    """
    children = [subprocess.Popen([sys.executable, "-c", program, str(kept.folder)]) for _ in range(3)]
    assert [child.wait(60) for child in children] == [0, 0, 0]
