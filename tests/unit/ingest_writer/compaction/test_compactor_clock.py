"""A lake in a folder is dated by the machine's clock, which may be set back and forth."""

from __future__ import annotations

import os
from itertools import pairwise
from pathlib import Path

import pytest

from ingest_writer.compaction.garbage_collector import GarbageCollector
from lakehouse import object_names
from lakehouse.store.local import LocalStore
from tests._support.lakes.compactors import compactor, numbers, problems, table_rows
from tests._support.lakes.rows import land, row

HOUR_NS = 3_600 * 10**9


def jump(root: Path, jump_ns: int) -> None:
    """As if the clock had been so much ahead (or behind) when all of this was created."""
    for path in root.rglob("*"):
        if path.is_file():
            created_ns = path.stat().st_mtime_ns + jump_ns
            os.utime(path, ns=(created_ns, created_ns))


@pytest.mark.parametrize("is_one_process", [True, False])
def test_compaction_goes_on_while_the_clock_jumps_an_hour_back_and_forth(is_one_process: bool, tmp_path: Path) -> None:
    root, scratch = tmp_path / "lake", tmp_path / "scratch"
    store = LocalStore(root)
    made = compactor(store, scratch)
    for number, jump_ns in enumerate((0, HOUR_NS, -HOUR_NS, HOUR_NS, 0, HOUR_NS), 1):
        if not is_one_process:
            store = LocalStore(root)
            made = compactor(store, scratch)
        land(store, [row(number=number)])
        land(store, [row("2013-02-01", number=number)])
        assert made.compact().commits == [number]
        GarbageCollector(store, made.planner, 0.0, 4, 86_400.0, made.history).collect()
        jump(root, jump_ns)
    assert [each["flight_number"] for each in table_rows(store)] == [1, 2, 3, 4, 5, 6] * 2
    assert numbers(store) == [1, 2, 3, 4, 5, 6]
    assert problems(store) == ()


def test_a_snapshot_is_no_older_than_the_one_before_it_nor_than_its_month_files(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    for number in (1, 2, 3):
        store.create(f"flights/flight_month=2013-01/{number}.parquet", b"x")
        store.create(object_names.snapshot(number), b"{}")
        jump(tmp_path, HOUR_NS)
    store = LocalStore(tmp_path)
    store.create("landing/flight_date=2013-01-01/1.parquet", b"x")
    store.create(object_names.snapshot(4), b"{}")
    store.create("flights/flight_month=2013-01/5.parquet", b"x")
    store.create(object_names.snapshot(5), b"{}")
    created = [info.created for info in store.list(object_names.SNAPSHOTS)]
    assert all(earlier <= later for earlier, later in pairwise(created))
    [month] = store.list("flights/flight_month=2013-01/5")
    assert month.created <= created[-1]
    [landed] = store.list(object_names.LANDING)
    assert landed.created < created[0]  # what has nothing to follow keeps its time
