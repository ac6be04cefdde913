"""The metadata of the Iceberg table: what is written in which order, its history, and what is deleted."""

from __future__ import annotations

import json

import pytest

from ingest_writer.publishing.iceberg import IcebergTable
from ingest_writer.publishing.source import open_source
from lakehouse import object_names
from lakehouse.errors import PublishError
from lakehouse.store.memory import MemoryStore
from lakehouse.store.store import Store
from lakehouse.table.derived.iceberg_metadata import MAX_HISTORY
from tests._support.lakes.compactors import MeddlingStore
from tests._support.lakes.histories import commit_history
from tests._support.lakes.published_tables import iceberg_hint, iceberg_tables, names, planner, ticking_store


@pytest.fixture
def store() -> MemoryStore:
    return ticking_store()


def publish(store: Store) -> int:
    listed = [info.name for info in store.list(object_names.ICEBERG)]
    source = open_source(store, planner(store), 0)
    table = IcebergTable(store)
    number = table.publish(listed, source)
    table.clean(listed, source.latest.min_retained)
    return number


def history(store: Store, number: int) -> list[int]:
    return [each["snapshot-id"] for each in json.loads(store.read(object_names.iceberg_table(number)))["snapshots"]]


def test_there_is_no_table_before_the_first_snapshot(store: MemoryStore) -> None:
    assert publish(store) == 0
    assert list(store.list(object_names.ICEBERG)) == []


def test_what_metadata_names_comes_before_it_and_the_hint_last(store: MemoryStore) -> None:
    commit_history(store, 1)
    meddling = MeddlingStore(store)
    publish(meddling)
    assert [name for kind, name in meddling.calls if kind in ("create", "replace")] == [
        object_names.iceberg_manifest(1),
        object_names.iceberg_manifest_list(1),
        object_names.iceberg_table(1),
        object_names.ICEBERG_HINT,
    ]


def test_every_snapshot_is_in_the_history_of_the_later_ones(store: MemoryStore) -> None:
    for _ in range(3):
        commit_history(store, 1)
        publish(store)
    assert (iceberg_tables(store), iceberg_hint(store), history(store, 3)) == ([1, 2, 3], 3, [1, 2, 3])


def test_a_lake_older_than_its_table_begins_with_the_latest(store: MemoryStore) -> None:
    commit_history(store, 7)
    publish(store)
    assert (iceberg_tables(store), history(store, 7)) == ([7], [7])


def test_what_was_not_published_follows_and_no_more_than_a_history_holds(store: MemoryStore) -> None:
    commit_history(store, 1)
    publish(store)
    commit_history(store, MAX_HISTORY + 5)
    publish(store)
    last = MAX_HISTORY + 6
    assert iceberg_tables(store) == [1, *range(7, last + 1)]
    assert history(store, last) == list(range(7, last + 1))


def test_a_hint_that_was_not_written_is_written_by_the_next_run_and_never_goes_back(store: MemoryStore) -> None:
    commit_history(store, 2)
    publish(store)
    store.delete(object_names.ICEBERG_HINT)
    publish(store)
    assert iceberg_hint(store) == 2
    slow = MeddlingStore(store)

    def overtake(_: str) -> None:
        commit_history(store, 1)
        publish(store)

    commit_history(store, 1)
    slow.before("replace", object_names.ICEBERG_HINT, overtake)
    publish(slow)
    assert iceberg_hint(store) == 4


def test_what_is_of_expired_snapshots_is_deleted(store: MemoryStore) -> None:
    for _ in range(10):
        commit_history(store, 1, retained=4)
        publish(store)
    publish(store)
    assert iceberg_tables(store) == [7, 8, 9, 10]
    assert history(store, 10) == [7, 8, 9, 10]
    assert len(names(store, object_names.ICEBERG_METADATA)) == 4 * 3 + 1


def test_a_table_ahead_of_the_snapshots_is_an_error_that_says_what_to_do(store: MemoryStore) -> None:
    commit_history(store, 1)
    store.create(object_names.iceberg_table(9), b"{}")
    with pytest.raises(PublishError, match=r"run .*--rebuild"):
        publish(store)
