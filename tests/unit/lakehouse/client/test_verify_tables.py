"""Each kind of damage of the outside tables is found, and names its object."""

from __future__ import annotations

import pytest

from ingest_writer.publishing.publisher import Publisher
from lakehouse import object_names
from lakehouse.client.verify_tables import TableCheck
from lakehouse.store.memory import MemoryStore
from tests._support.lakes.histories import commit_history
from tests._support.lakes.published_tables import planner, publisher, ticking_store
from tests._support.lakes.stores import SpyStore

_EVERY = (
    object_names.delta_commit(0),
    object_names.delta_commit(11),
    object_names.delta_checkpoint(10),
    object_names.DELTA_HINT,
    object_names.iceberg_manifest(11),
    object_names.iceberg_manifest_list(11),
    object_names.iceberg_table(11),
    object_names.ICEBERG_HINT,
)


@pytest.fixture
def store() -> MemoryStore:
    store = ticking_store()
    ours = publisher(store)
    ours.publish()
    for _ in range(11):
        commit_history(store, 1)
        ours.publish()
    return store


def problems(store: MemoryStore) -> list[str]:
    return list(TableCheck(store, 1).problems())


def test_tables_that_were_published_have_no_problem(store: MemoryStore) -> None:
    check = TableCheck(store, 1)
    assert list(check.problems()) == []
    assert check.state == "Delta table at 11, Iceberg table at 11"


def test_a_lake_without_tables_has_none(store: MemoryStore) -> None:
    check = TableCheck(MemoryStore(), 1)
    assert list(check.problems()) == []
    assert check.state == "Delta table not there yet, Iceberg table not there yet"


def test_tables_that_are_behind_are_right(store: MemoryStore) -> None:
    commit_history(store, 2)
    assert problems(store) == []


@pytest.mark.parametrize("name", _EVERY)
def test_an_object_with_other_bytes_is_found(store: MemoryStore, name: str) -> None:
    data = store.read(name)
    damaged = data.replace(b"2013-", b"2014-") if b"2013-" in data else b"nonsense"
    assert store.replace(name, damaged, store.generation(name))
    (problem,) = problems(store)
    assert problem.startswith(f"{name}: ")
    assert "publish --rebuild" in problem


@pytest.mark.parametrize(
    "name",
    [
        object_names.delta_commit(10),
        object_names.delta_checkpoint(10),
        object_names.iceberg_manifest(9),
        object_names.iceberg_manifest_list(9),
        object_names.ICEBERG_HINT,
    ],
)
def test_an_object_that_is_missing_is_found(store: MemoryStore, name: str) -> None:
    store.delete(name)
    assert problems(store)


@pytest.mark.parametrize("name", [object_names.delta_commit(99), object_names.iceberg_table(99)])
def test_a_table_ahead_of_the_snapshots_is_found(store: MemoryStore, name: str) -> None:
    store.create(name, b"{}")
    assert any(problem.startswith(f"{name}: the latest snapshot is 11") for problem in problems(store))


def test_an_object_larger_than_any_can_be_is_named_and_not_read(
    store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lakehouse.client.verify_tables._MAX_BYTES", 10)
    spy = SpyStore(store)
    found = list(TableCheck(spy, 1).problems())
    name = object_names.delta_commit(11)
    assert [problem for problem in found if problem.startswith(f"{name}: has ")]
    assert spy.count("read", name) == 0


def test_a_copied_lake_whose_objects_have_other_times_is_right(store: MemoryStore) -> None:
    copy = ticking_store()
    for _ in range(100):
        copy.create("spare", b"")
        copy.delete("spare")
    for info in store.list(""):
        copy.create(info.name, store.read(info.name))
    assert problems(copy) == []
    commit_history(copy, 1)
    Publisher(copy, planner(copy)).publish()
    assert problems(copy) == []
