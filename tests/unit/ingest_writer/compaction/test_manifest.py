"""The list of month files for engines outside."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from ingest_writer.compaction.manifest import manifest, publish_manifest
from lakehouse import object_names
from lakehouse.errors import ObjectMissingError
from lakehouse.store.local import LocalStore
from lakehouse.store.memory import MemoryStore
from lakehouse.store.store import Store
from lakehouse.table.planner import Planner
from lakehouse.table.snapshot import EMPTY, MonthFile, Snapshot
from tests._support.compactors import START, MeddlingStore, compactor, latest
from tests._support.lakes import land, row
from tests._support.stores import SpyStore


@pytest.fixture(params=["memory", "local"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return MemoryStore() if request.param == "memory" else LocalStore(tmp_path / "lake")


def planner(store: Store) -> Planner:
    return Planner(store, lambda: START)


def compact(store: Store, tmp_path: Path, day: str) -> None:
    land(store, [row(day)])
    compactor(store, tmp_path / "scratch").compact()


def entry(path: str) -> MonthFile:
    return MonthFile(path, 1, 1, 1, 1, dt.date(2013, 1, 1), dt.date(2013, 1, 1), START)


def test_a_manifest_is_one_uri_a_line_by_month() -> None:
    snapshot = Snapshot(1, 1, {"2013-02": entry("flights/b"), "2013-01": entry("flights/a")})
    assert manifest("gs://bucket", snapshot) == b"gs://bucket/flights/a\ngs://bucket/flights/b\n"
    assert manifest("gs://bucket", EMPTY) == b""


def test_the_manifest_follows_the_commits(store: Store, tmp_path: Path) -> None:
    for day in ("2013-01-01", "2013-02-01", "2013-01-02"):
        compact(store, tmp_path, day)
        assert publish_manifest(store, planner(store))
        assert store.read(object_names.MANIFEST) == manifest(store.url, latest(store))
    assert store.read(object_names.MANIFEST).count(b"\n") == 2


def test_a_manifest_that_is_right_is_not_written(store: Store, tmp_path: Path) -> None:
    compact(store, tmp_path, "2013-01-01")
    publish_manifest(store, planner(store))
    generation = store.generation(object_names.MANIFEST)
    assert not publish_manifest(store, planner(store))
    assert store.generation(object_names.MANIFEST) == generation


def test_a_manifest_that_somebody_damaged_is_corrected(store: Store, tmp_path: Path) -> None:
    compact(store, tmp_path, "2013-01-01")
    assert store.replace(object_names.MANIFEST, b"nonsense", 0)
    assert publish_manifest(store, planner(store))
    assert store.read(object_names.MANIFEST) == manifest(store.url, latest(store))


def test_a_manifest_of_another_size_is_replaced_and_not_read(store: Store, tmp_path: Path) -> None:
    compact(store, tmp_path, "2013-01-01")
    assert store.replace(object_names.MANIFEST, b"x" * 1_000_000, 0)
    spy = SpyStore(store)
    assert publish_manifest(spy, planner(spy))
    assert spy.count("read", object_names.MANIFEST) == 0


def test_a_writer_that_read_an_older_snapshot_does_not_overwrite_a_newer_manifest(store: Store, tmp_path: Path) -> None:
    compact(store, tmp_path, "2013-01-01")
    publish_manifest(store, planner(store))
    compact(store, tmp_path, "2013-02-01")
    slow = MeddlingStore(store)

    def overtake(_: str) -> None:
        """Another one commits and publishes after this one read the snapshot, before it writes."""
        compact(store, tmp_path, "2013-03-01")
        publish_manifest(store, planner(store))

    slow.before("replace", object_names.MANIFEST, overtake)
    assert not publish_manifest(slow, planner(slow))
    assert store.read(object_names.MANIFEST).count(b"\n") == 3


def test_the_generation_is_read_before_the_snapshot(store: Store, tmp_path: Path) -> None:
    compact(store, tmp_path, "2013-01-01")
    slow = MeddlingStore(store)

    def overtake(_: str) -> None:
        compact(store, tmp_path, "2013-02-01")
        publish_manifest(store, planner(store))

    slow.after("list", object_names.SNAPSHOTS, overtake)
    # This one goes on with the older snapshot, and a generation that is no longer right.
    assert not publish_manifest(slow, planner(slow))
    assert store.read(object_names.MANIFEST).count(b"\n") == 2


def test_a_manifest_that_is_deleted_meanwhile_is_left_to_the_next_run(store: Store, tmp_path: Path) -> None:
    compact(store, tmp_path, "2013-01-01")
    publish_manifest(store, planner(store))
    racing = MeddlingStore(store)

    def missing(name: str) -> None:
        store.delete(name)
        raise ObjectMissingError(name)

    racing.before("read", object_names.MANIFEST, missing)
    assert not publish_manifest(racing, planner(racing))
    assert publish_manifest(store, planner(store))
    assert store.read(object_names.MANIFEST) == manifest(store.url, latest(store))
