"""The snapshots of one publication."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ingest_writer.publishing.source import Source, open_source
from lakehouse import object_names
from lakehouse.errors import ForeignSnapshotError, PublishError
from lakehouse.table.snapshot import EMPTY, to_json
from tests._support.lakes.histories import commit_history, following
from tests._support.lakes.published_tables import planner, ticking_store
from tests._support.lakes.stores import SpyStore


def test_a_snapshot_is_read_once_and_the_empty_one_never() -> None:
    store = SpyStore(ticking_store())
    commit_history(store, 3)
    source = open_source(store, planner(store), 0)
    store.calls.clear()
    assert source.step(1)[0] == EMPTY
    assert [each.number for each in source.step(2)] == [1, 2]
    assert [each.number for each in source.step(3)] == [2, 3]
    assert [name for call, name in store.calls if call == "read"] == [
        object_names.snapshot(1),
        object_names.snapshot(2),
    ]
    assert source.created_ms(0) == 0
    assert source.created_ms(1) < source.created_ms(2)


def test_one_that_is_not_there_is_said() -> None:
    source = Source(ticking_store(), EMPTY, {})
    with pytest.raises(PublishError, match="is not there"):
        source.read(4)
    with pytest.raises(PublishError, match="is not there"):
        source.created_ms(4)


def test_a_snapshot_that_does_not_follow_is_not_published() -> None:
    store = ticking_store()
    base = commit_history(store, 1)
    (kept,) = base.months.values()
    stranger = following(base, "2013-05")
    store.create(object_names.snapshot(2), to_json(replace(stranger, months={"2013-05": stranger.months["2013-05"]})))
    trusting = planner(store)
    trusting._trusted = 2
    source = open_source(store, trusting, 0)
    with pytest.raises(ForeignSnapshotError, match="is not in it"):
        source.step(2)
    assert open_source(store, trusting, 2).step(2)[0].months == {"2013-01": kept}
