"""A lost or damaged table is written anew, and what is right stays."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ingest_writer.publishing.publisher import Published
from ingest_writer.publishing.rebuild import rebuild
from lakehouse import object_names
from lakehouse.client.verify_tables import TableCheck
from lakehouse.errors import PublishError
from lakehouse.store.memory import MemoryStore
from lakehouse.store.store import Store
from tests._support.lakes.compactors import MeddlingStore
from tests._support.lakes.histories import commit_history, expire
from tests._support.lakes.published_tables import delta_commits, iceberg_tables, planner, publisher, ticking_store


@pytest.fixture
def store() -> MemoryStore:
    """Versions 0 to 23, of which snapshots 14 to 23 are retained."""
    store = ticking_store()
    ours = publisher(store)
    ours.publish()
    for _ in range(23):
        commit_history(store, 1, retained=10)
        ours.publish()
    expire(store, 14)
    return store


def problems(store: Store) -> list[str]:
    return list(TableCheck(store, 14).problems())


def state(store: Store) -> dict[str, int]:
    return {info.name: info.generation for area in object_names.DERIVED for info in store.list(area)}


def _lose(store: MemoryStore) -> None:
    for name in state(store):
        store.delete(name)


def _damage(store: MemoryStore) -> None:
    for name, generation in state(store).items():
        assert store.replace(name, b"nonsense", generation)


def _lose_a_commit(store: MemoryStore) -> None:
    store.delete(object_names.delta_commit(22))


def _go_ahead(store: MemoryStore) -> None:
    store.create(object_names.delta_commit(99), b"{}\n")
    store.create(object_names.delta_checkpoint(99), b"")
    store.create(object_names.iceberg_table(99), b"{}")
    assert store.replace(object_names.DELTA_HINT, b'{"version":99}', store.generation(object_names.DELTA_HINT))
    assert store.replace(object_names.ICEBERG_HINT, b"99", store.generation(object_names.ICEBERG_HINT))


@pytest.mark.parametrize("harm", [_lose, _damage, _lose_a_commit, _go_ahead])
def test_a_table_is_right_after_it_was_rebuilt(store: MemoryStore, harm: Callable[[MemoryStore], None]) -> None:
    harm(store)
    assert rebuild(store, planner(store)) == Published(23, 23)
    assert problems(store) == []
    assert delta_commits(store) == list(range(15, 24))
    assert iceberg_tables(store) == list(range(14, 24))
    commit_history(store, 1)
    assert publisher(store).publish() == Published(24, 24)
    assert problems(store) == []


def test_what_is_right_is_not_written_again(store: MemoryStore) -> None:
    rebuild(store, planner(store))
    before = state(store)
    rebuild(store, planner(store))
    assert state(store) == before


def test_an_empty_lake_has_version_0_alone() -> None:
    store = ticking_store()
    store.create(object_names.delta_commit(3), b"{}\n")
    assert rebuild(store, planner(store)) == Published(0, 0)
    assert delta_commits(store) == [0]


def test_a_lake_whose_first_snapshot_is_retained_has_every_version() -> None:
    store = ticking_store()
    commit_history(store, 12)
    rebuild(store, planner(store))
    assert delta_commits(store) == list(range(13))
    assert problems(store) == []


def test_what_others_publish_meanwhile_stays(store: MemoryStore) -> None:
    meddling = MeddlingStore(store)

    def go_on(_: str) -> None:
        commit_history(store, 1)
        publisher(store).publish()

    meddling.before("replace", object_names.iceberg_table(16), go_on)
    _damage(store)
    assert rebuild(meddling, planner(store)) == Published(23, 23)
    assert delta_commits(store)[-1] == 24
    publisher(store).publish()
    assert problems(store) == []


def test_an_object_that_another_process_changes_at_the_same_time_ends_it(store: MemoryStore) -> None:
    _damage(store)
    meddling = MeddlingStore(store)
    name = object_names.delta_commit(23)
    meddling.before("replace", name, lambda _: store.delete(name))
    with pytest.raises(PublishError, match="run it again"):
        rebuild(meddling, planner(store))
