"""Both tables together: each goes on when the other fails, and an idle run asks for little."""

from __future__ import annotations

import pytest

from ingest_writer.publishing.publisher import Published
from lakehouse import object_names
from lakehouse.errors import StoreAccessDeniedError
from tests._support.lakes.compactors import MeddlingStore
from tests._support.lakes.histories import commit_history
from tests._support.lakes.published_tables import (
    delta_commits,
    iceberg_hint,
    publisher,
    ticking_store,
)


def test_both_tables_follow_the_snapshots() -> None:
    store = ticking_store()
    ours = publisher(store)
    assert ours.publish() == Published(0, 0)
    commit_history(store, 3)
    assert ours.publish() == Published(3, 3)
    assert (delta_commits(store), iceberg_hint(store)) == ([0, 1, 2, 3], 3)


@pytest.mark.parametrize(
    ("refused", "other"),
    [(object_names.DELTA_LOG, object_names.ICEBERG_HINT), (object_names.ICEBERG, object_names.delta_commit(1))],
)
def test_a_table_that_fails_does_not_keep_the_other_from_following(refused: str, other: str) -> None:
    store = ticking_store()
    commit_history(store, 1)
    refusing = MeddlingStore(store)

    def refuse(name: str) -> None:
        raise StoreAccessDeniedError(f"{name}: refused")

    refusing.before("create", refused, refuse)
    ours = publisher(refusing)
    with pytest.raises(StoreAccessDeniedError, match=refused):
        ours.publish()
    assert store.generation(other) > 0
    assert ours.publish() == Published(1, 1)


def test_a_run_without_a_commit_lists_the_snapshots_and_nothing_else() -> None:
    store = MeddlingStore(ticking_store())
    ours = publisher(store)
    commit_history(store, 1)
    ours.publish()
    store.calls.clear()
    ours.publish()
    assert store.calls == [("list", object_names.SNAPSHOTS)]
