"""Snapshots are read from storage once, and never in the place of others of their name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lakehouse import object_names
from lakehouse.client.kept_snapshots import KeptSnapshots
from lakehouse.store.memory import MemoryStore
from lakehouse.table.kept_files import KeptFiles, Session
from tests._support.lakes.stores import SpyStore

NAME = object_names.snapshot(1)


@pytest.fixture
def kept(tmp_path: Path) -> KeptFiles:
    return KeptFiles(tmp_path, 1 << 20)


@pytest.fixture
def session(kept: KeptFiles) -> Iterator[Session]:
    session = kept.new_session()
    yield session
    session.close()


def _read(store: SpyStore, kept: KeptFiles, session: Session) -> bytes:
    """As a new process does."""
    snapshots = KeptSnapshots(store, kept, session)
    assert [info.name for info in snapshots.list(object_names.SNAPSHOTS)] == [NAME]
    return snapshots.read(NAME)


def test_a_listed_snapshot_is_read_from_storage_once(memory: MemoryStore, kept: KeptFiles, session: Session) -> None:
    memory.create(NAME, b"one")
    spy = SpyStore(memory)
    assert [_read(spy, kept, session) for _ in range(3)] == [b"one"] * 3
    assert spy.count("read", NAME) == 1


def test_another_snapshot_of_that_name_is_read_again(memory: MemoryStore, kept: KeptFiles, session: Session) -> None:
    memory.create(NAME, b"one")
    spy = SpyStore(memory)
    _read(spy, kept, session)
    memory.delete(NAME)
    memory.create(NAME, b"two")
    assert _read(spy, kept, session) == b"two"


def test_what_is_not_as_it_was_listed_is_not_kept(memory: MemoryStore, kept: KeptFiles, session: Session) -> None:
    def replace(call: str, _: str) -> None:
        if call == "read":
            memory.delete(NAME)
            memory.create(NAME, b"two")

    memory.create(NAME, b"one")
    assert _read(SpyStore(memory, before=replace), kept, session) == b"two"
    assert kept.usage() == []


def test_what_was_not_listed_is_read(memory: MemoryStore, kept: KeptFiles, session: Session) -> None:
    memory.create(NAME, b"one")
    assert KeptSnapshots(memory, kept, session).read(NAME) == b"one"
    assert kept.usage() == []
