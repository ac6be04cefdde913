"""The log of the Delta table: what is written when, in which order, and what is deleted."""

from __future__ import annotations

import pytest

from ingest_writer.publishing.delta import DeltaTable
from ingest_writer.publishing.source import open_source
from lakehouse import object_names
from lakehouse.errors import PublishError, StoreUnavailableError
from lakehouse.store.memory import MemoryStore
from lakehouse.store.store import Store
from tests._support.lakes.compactors import MeddlingStore
from tests._support.lakes.histories import commit_history, expire
from tests._support.lakes.published_tables import delta_checkpoints, delta_commits, delta_hint, planner, ticking_store


@pytest.fixture
def store() -> MemoryStore:
    return ticking_store()


def publish(store: Store) -> int:
    names = [info.name for info in store.list(object_names.DELTA_LOG)]
    source = open_source(store, planner(store), 0)
    table = DeltaTable(store)
    version = table.publish(names, source)
    table.clean(names, source.latest.min_retained)
    return version


def test_an_empty_lake_is_version_0(store: MemoryStore) -> None:
    assert publish(store) == 0
    assert delta_commits(store) == [0]


def test_every_snapshot_is_a_version_from_the_first_commit_on(store: MemoryStore) -> None:
    for number in range(1, 4):
        commit_history(store, 1)
        assert publish(store) == number
    assert delta_commits(store) == [0, 1, 2, 3]
    assert delta_checkpoints(store) == []


def test_versions_that_others_did_not_publish_follow_in_order(store: MemoryStore) -> None:
    publish(store)
    commit_history(store, 5)
    publish(store)
    assert delta_commits(store) == [0, 1, 2, 3, 4, 5]


def test_every_tenth_version_has_a_checkpoint_and_then_a_hint(store: MemoryStore) -> None:
    publish(store)
    commit_history(store, 12)
    meddling = MeddlingStore(store)
    publish(meddling)
    calls = [
        name.removeprefix(object_names.DELTA_LOG) for kind, name in meddling.calls if kind in ("create", "replace")
    ]
    at = calls.index("00000000000000000010.json")
    assert calls[at : at + 3] == [
        "00000000000000000010.json",
        "00000000000000000010.checkpoint.parquet",
        "_last_checkpoint",
    ]
    assert delta_hint(store) == 10


def test_a_checkpoint_that_was_due_when_a_process_ended_is_made_up_for(store: MemoryStore) -> None:
    publish(store)
    commit_history(store, 10)
    meddling = MeddlingStore(store)
    meddling.before("create", object_names.delta_checkpoint(10), _unavailable)
    with pytest.raises(StoreUnavailableError):
        publish(meddling)
    assert (delta_commits(store)[-1], delta_checkpoints(store)) == (10, [])
    publish(store)
    assert (delta_checkpoints(store), delta_hint(store)) == ([10], 10)


def test_a_lake_older_than_its_log_begins_with_a_checkpoint(store: MemoryStore) -> None:
    commit_history(store, 7)
    meddling = MeddlingStore(store)
    publish(meddling)
    assert [name for kind, name in meddling.calls if kind in ("create", "replace")] == [
        object_names.delta_checkpoint(7),
        object_names.delta_commit(7),
        object_names.DELTA_HINT,
    ]
    commit_history(store, 1)
    publish(store)
    assert delta_commits(store) == [7, 8]


def test_after_a_gap_the_log_begins_anew(store: MemoryStore) -> None:
    publish(store)
    commit_history(store, 9, retained=2)
    expire(store, 5)
    publish(store)
    assert (delta_commits(store), delta_checkpoints(store), delta_hint(store)) == ([0, 9], [9], 9)


def test_a_gap_that_is_only_an_old_listing_is_none(store: MemoryStore) -> None:
    """Others have gone on since the log was listed, and what this one would need is gone."""
    publish(store)
    commit_history(store, 4, retained=2)
    names = [info.name for info in store.list(object_names.DELTA_LOG)]
    publish(store)
    expire(store, 3)
    commit_history(store, 1)
    DeltaTable(store).publish(names, open_source(store, planner(store), 0))
    assert (delta_commits(store), delta_checkpoints(store)) == ([0, 1, 2, 3, 4, 5], [])


def test_without_the_snapshot_before_the_latest_nothing_is_begun(store: MemoryStore) -> None:
    commit_history(store, 3)
    source = open_source(store, planner(store), 0)
    source._listed.pop(2)
    source._read.pop(2, None)
    with pytest.raises(PublishError, match="go on with the next commit"):
        DeltaTable(store).publish([], source)
    assert list(store.list(object_names.DELTA_LOG)) == []


def test_a_log_ahead_of_the_snapshots_is_an_error_that_says_what_to_do(store: MemoryStore) -> None:
    publish(store)
    store.create(object_names.delta_commit(9), b"{}")
    with pytest.raises(PublishError, match=r"version is of no snapshot: run .*--rebuild"):
        publish(store)


def test_a_hint_never_goes_back(store: MemoryStore) -> None:
    publish(store)
    commit_history(store, 10)
    publish(store)
    store.create("spare", b"")
    slow = MeddlingStore(store)

    def overtake(_: str) -> None:
        commit_history(store, 10)
        publish(store)

    store.delete(object_names.DELTA_HINT)
    store.delete(object_names.delta_checkpoint(10))
    slow.before("create", object_names.delta_checkpoint(10), overtake)
    publish(slow)  # a checkpoint of long ago, late
    assert delta_hint(store) == 20


def test_what_only_expired_versions_need_is_deleted(store: MemoryStore) -> None:
    publish(store)
    for _ in range(25):
        commit_history(store, 1, retained=5)
        publish(store)
    assert delta_commits(store)[0] == 20  # the newest checkpoint that the oldest retained version, 21, begins at
    assert delta_checkpoints(store) == [20]


def test_the_log_is_kept_until_a_hint_names_what_stays(store: MemoryStore) -> None:
    publish(store)
    commit_history(store, 25, retained=5)
    publish(store)
    assert store.replace(object_names.DELTA_HINT, b'{"version":10}', store.generation(object_names.DELTA_HINT))
    publish(store)
    assert delta_commits(store)[0] == 0


def _unavailable(name: str) -> None:
    raise StoreUnavailableError(f"{name}: 503")
