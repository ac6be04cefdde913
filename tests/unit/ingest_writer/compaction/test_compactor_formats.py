"""Months whose file is of an older format are rewritten, one a run, after the tail; nobody waits for them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from lakehouse import object_names
from lakehouse.client.connection import connect_store
from lakehouse.schema.versions import schema_of
from lakehouse.store.memory import MemoryStore
from lakehouse.table.snapshot import MonthFile, Snapshot, to_json
from tests._support.lakes.compactors import (
    START,
    MeddlingStore,
    compactor,
    latest,
    numbers,
    problems,
    snapshot,
    table_rows,
)
from tests._support.lakes.rows import Row, land, newest, put_month_bytes, raw_parquet, row, table

MONTHS = ("2013-01", "2013-02", "2013-03")


@pytest.fixture
def store(tmp_path: Path) -> MemoryStore:
    """Three merged months and no tail."""
    store = MemoryStore()
    for month in MONTHS:
        land(store, [row(f"{month}-01", number=n) for n in (1, 2)])
    compactor(store, tmp_path).compact()
    return store


@pytest.fixture
def outdated(store: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[str]]:
    """The month files that are there are of an older format; the months that still are."""
    old = {entry.name for entry in latest(store).all_files()}

    def is_outdated(entry: MonthFile) -> bool:
        return entry.name in old

    monkeypatch.setattr("ingest_writer.compaction.layout.is_outdated", is_outdated)
    return lambda: [m for m in latest(store).month_names if any(map(is_outdated, latest(store).month(m).files))]


Outdated = Callable[[], list[str]]


def test_one_month_a_run_is_rewritten_and_no_row_changes(
    store: MemoryStore, outdated: Outdated, tmp_path: Path
) -> None:
    rows, made = table_rows(store), compactor(store, tmp_path)
    for left in (2, 1, 0):
        report = made.compact()
        assert (len(report.months), report.absorbed_files, report.rows) == (1, 0, 2)
        assert report.snapshot == latest(store).number
        assert outdated() == list(MONTHS[3 - left :])
        assert table_rows(store) == rows
        assert problems(store) == ()
    assert made.compact().months == []
    assert numbers(store)[-1] == 4


def test_the_tail_is_committed_before_a_month_is_rewritten(
    store: MemoryStore, outdated: Outdated, tmp_path: Path
) -> None:
    land(store, [row("2013-03-05")])
    report = compactor(store, tmp_path).compact()
    assert (report.commits, report.months, report.absorbed_files) == ([2, 3], ["2013-01", "2013-03"], 1)
    assert outdated() == ["2013-02"]


def test_a_rewriting_that_loses_its_commit_is_left_to_the_next_run(
    store: MemoryStore, outdated: Outdated, tmp_path: Path
) -> None:
    meddled = MeddlingStore(store)

    def commit_first(_: str) -> None:
        land(store, [row("2013-04-01")])
        compactor(store, tmp_path / "other").compact()

    meddled.before("create", object_names.snapshot(2), commit_first)
    report = compactor(meddled, tmp_path).compact()
    assert (report.months, report.rebases) == ([], 0)
    assert (
        len([name for call, name in meddled.calls if call == "create" and name.startswith(object_names.FLIGHTS)]) == 1
    )
    assert problems(store) == ()


def test_a_month_that_this_machine_cannot_rewrite_keeps_nothing_from_going_on(
    store: MemoryStore, outdated: Outdated, tmp_path: Path
) -> None:
    small = compactor(store, tmp_path, scratch_max_bytes=10)
    report = small.compact()
    assert list(report.not_rewritten) == list(MONTHS)
    assert (report.failed, report.unreadable, report.snapshot) == ({}, {}, 1)


def test_a_missing_or_damaged_month_is_reported_and_the_next_rewritten(
    store: MemoryStore, outdated: Outdated, tmp_path: Path
) -> None:
    january, february = (latest(store).months[month][0].name for month in MONTHS[:2])
    store.delete(january)
    store.replace(february, b"something else", store.generation(february))
    report = compactor(store, tmp_path).compact()
    assert report.unreadable.keys() == {january, february}
    assert report.unreadable[january] == "cannot be found"
    assert outdated() == list(MONTHS[:2])


def test_a_lake_of_format_1_is_read_as_before_and_its_hidden_rows_leave_the_month(tmp_path: Path) -> None:
    store = MemoryStore()
    rows = newest([row(number=1), row(number=2, status="void"), row(carrier="ZZ"), row("2013-01-03")])
    first_format(store, tmp_path, rows)
    assert problems(store) == ()
    with connect_store(store, lambda: START, tmp_path, 1 << 30) as connection:
        assert connection.execute("SELECT count(*) FROM flights").fetchone() == (2,)
        assert connection.execute("SELECT count(*) FROM probes").fetchone() == (1,)
    land(store, [row("2013-01-05")])
    assert compactor(store, tmp_path).compact().commits == [2]
    month = latest(store).month("2013-01")
    assert [entry.rows for entry in month.shown] == [3]
    assert [entry.rows for entry in month.hidden] == [2]
    assert table_rows(store) == [*rows, row("2013-01-05")]
    assert problems(store) == ()
    assert snapshot(store, 1).months["2013-01"][0].format_version == 1


def test_a_month_of_format_1_without_a_tail_is_rewritten(tmp_path: Path) -> None:
    store = MemoryStore()
    first_format(store, tmp_path, newest([row(), row(carrier="ZZ")]))
    assert compactor(store, tmp_path).compact().commits == [2]
    month = latest(store).month("2013-01")
    assert (len(month.shown), len(month.hidden)) == (1, 1)
    assert compactor(store, tmp_path).compact().commits == []
    assert problems(store) == ()


def first_format(store: MemoryStore, folder: Path, rows: list[Row]) -> None:
    """A lake with one month as compactors made it before: one file, with all rows, and one object for it."""
    data = raw_parquet(folder / "old", table(rows).select(schema_of(1).names), "1").read_bytes()
    entry = put_month_bytes(store, data, rows, added_snapshot=1)
    document = json.loads(to_json(Snapshot(1, 1, {"2013-01": (entry,)})))
    (old,) = document["months"]["2013-01"]
    del old["format_version"], document["hidden"]
    document |= {"format_version": 1, "months": {"2013-01": old}}
    store.create(object_names.snapshot(1), json.dumps(document).encode())
