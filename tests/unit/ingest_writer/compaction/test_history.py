"""Which snapshots in a bucket are taken for one history, and which are not."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest_writer.compaction.history import History, NamedFiles
from lakehouse import object_names
from lakehouse.errors import ForeignSnapshotError
from lakehouse.store.memory import MemoryStore
from lakehouse.store.store import ObjectInfo, Store
from lakehouse.table.planner import Planner
from tests._support.lakes.compactors import START, Clock, MeddlingStore, commit_often, compactor, latest
from tests._support.lakes.rows import commit
from tests._support.lakes.stores import WrappedStore


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(clock: Clock, tmp_path: Path) -> MemoryStore:
    """Six commits, ten minutes apart; the last retains 5 and 6, and nobody has collected."""
    lake = MemoryStore(clock)
    commit_often(lake, clock, compactor(lake, tmp_path, retention_s=0.0), 6, 600)
    return lake


def check(store: Store, trusted: int = 0) -> bool:
    planner = Planner(store, lambda: START, trusted=6)  # its own look at the latest is not asked for here
    return History(store, planner, trusted).check_whole(planner.latest_snapshot())


@pytest.mark.parametrize("deleted", range(5))
def test_a_collection_that_was_cut_off_anywhere_is_one_history(deleted: int, store: MemoryStore) -> None:
    for number in range(1, deleted + 1):
        store.delete(object_names.snapshot(number))
    assert check(store)


@pytest.mark.parametrize("expired", [1, 2, 3, 4])
def test_an_expired_number_that_was_made_again_is_no_doubt(expired: int, store: MemoryStore) -> None:
    for number in range(1, 5):
        store.delete(object_names.snapshot(number))
    commit(store, expired, [])  # a process that slept
    assert check(store)


@pytest.mark.parametrize("missing", [2, 3, 4, 5])
def test_a_gap_above_an_old_snapshot_is_refused(missing: int, store: MemoryStore) -> None:
    store.delete(object_names.snapshot(missing))
    with pytest.raises(ForeignSnapshotError, match=f"snapshot {missing} is missing between 1 and it"):
        check(store)
    assert check(store, trusted=6)


class _TornStore(WrappedStore):
    """The second listing of snapshots has the first name of before a collection, and the rest of after it."""

    def __init__(self, inner: MemoryStore) -> None:
        super().__init__(inner)
        self._listings = 0

    def list(self, prefix: str, start: str = "") -> Iterator[ObjectInfo]:
        self._listings += prefix == object_names.SNAPSHOTS
        if self._listings == 2:
            yield next(iter(super().list(prefix, start)))
            for number in (1, 2, 3, 4):
                self.delete(object_names.snapshot(number))
        yield from super().list(prefix, start)


def test_a_listing_that_is_torn_by_a_collection_is_left_to_the_next_run(store: MemoryStore) -> None:
    torn = _TornStore(store)
    assert not check(torn)
    assert check(torn)


def test_a_file_is_named_while_a_snapshot_that_is_kept_may_name_it(store: MemoryStore) -> None:
    named, last = NamedFiles(), latest(store)
    [entry] = last.all_files()
    old = dataclasses.replace(last, number=2, months={"2013-01": (dataclasses.replace(entry, name="old"),)})
    for snapshot in (last, dataclasses.replace(old, number=3), old):
        named.add(snapshot)
    assert named.keep({2, 3, 5, 6}) == {5}
    assert ("old" in named, entry.name in named, "other" in named) == (True, True, False)
    assert named.keep({3, 6}) == set()
    assert "old" in named
    assert named.keep({4, 6}) == {4}
    assert ("old" in named, entry.name in named) == (False, True)


def test_a_snapshot_that_is_known_is_not_looked_at_again(store: MemoryStore) -> None:
    view = MeddlingStore(store)
    history = History(view, Planner(view, lambda: START))
    history.check_latest(latest(store))
    reads = len(view.called("read", ""))
    history.check_latest(latest(store))
    assert len(view.called("read", "")) == reads
