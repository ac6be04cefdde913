"""Months whose file is of an older format are rewritten, one a run, after the tail; nobody waits for them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from lakehouse import object_names
from lakehouse.store.memory import MemoryStore
from lakehouse.table.snapshot import MonthFile
from tests._support.compactors import MeddlingStore, compactor, latest, numbers, problems, table_rows
from tests._support.lakes import land, row

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
    old = {entry.name for entry in latest(store).months.values()}

    def is_outdated(entry: MonthFile) -> bool:
        return entry.name in old

    monkeypatch.setattr("ingest_writer.compaction.compactor._is_outdated", is_outdated)
    return lambda: [month for month, entry in sorted(latest(store).months.items()) if is_outdated(entry)]


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
    january, february = (latest(store).months[month].name for month in MONTHS[:2])
    store.delete(january)
    store.replace(february, b"something else", store.generation(february))
    report = compactor(store, tmp_path).compact()
    assert report.unreadable.keys() == {january, february}
    assert report.unreadable[january] == "cannot be found"
    assert outdated() == list(MONTHS[:2])
