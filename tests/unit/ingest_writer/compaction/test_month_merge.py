"""What one merge takes, and how its month file is stored."""

from __future__ import annotations

import datetime as dt
import io
import shutil
from collections.abc import Sequence
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from ingest_writer.compaction.merge_sql import DateRows, Merger
from lakehouse import object_names
from lakehouse.errors import (
    CreateStateUnknownError,
    LakeError,
    ResourcesExhaustedError,
    StoreUnavailableError,
)
from lakehouse.store.memory import MemoryStore
from lakehouse.table.snapshot import MonthFile
from tests._support.lakes.compactors import MeddlingStore, compactor, latest, month_rows, problems, table_rows
from tests._support.lakes.rows import Row, land, row
from tests._support.processes.full_disk import files_limited_to


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


def _raise(error: Exception) -> None:
    raise error


def test_a_merge_takes_as_many_files_as_allowed_and_leaves_the_rest(store: MemoryStore, tmp_path: Path) -> None:
    made = compactor(store, tmp_path, merge_max_files=2)  # of five
    rows = [row(number=number) for number in range(1, 6)]
    for each in rows:
        land(store, [each])
    assert [(r.absorbed_files, r.pending_files) for r in (made.compact() for _ in range(4))] == [
        (2, 3),
        (2, 1),
        (1, 0),
        (0, 0),
    ]
    assert month_rows(store, "2013-01") == rows


def test_a_merge_takes_as_many_bytes_as_allowed_but_at_least_one_file(store: MemoryStore, tmp_path: Path) -> None:
    rows = [row(number=number) for number in range(1, 4)]
    sizes = [info.size for each in rows for info in store.list(land(store, [each]))]
    made = compactor(store, tmp_path, merge_max_bytes=2 * max(sizes))  # two files
    assert [made.compact().absorbed_files for _ in range(3)] == [2, 1, 0]
    land(store, [row(number=4)])
    assert compactor(store, tmp_path, merge_max_bytes=1).compact().absorbed_files == 1  # less than any file
    assert [r["flight_number"] for r in month_rows(store, "2013-01")] == [1, 2, 3, 4]


def test_a_merge_takes_as_many_rows_as_allowed_but_at_least_one_file(store: MemoryStore, tmp_path: Path) -> None:
    rows = [row(number=number) for number in range(1, 9)]
    for at in range(0, 8, 2):
        land(store, rows[at : at + 2])
    made = compactor(store, tmp_path, merge_max_rows=5)  # two files of two
    assert [(r.absorbed_files, r.pending_files) for r in (made.compact() for _ in range(3))] == [(2, 2), (2, 0), (0, 0)]
    land(store, [row(number=number) for number in (9, 10)])
    assert compactor(store, tmp_path, merge_max_rows=1).compact().absorbed_files == 1  # fewer than any file has
    assert [r["flight_number"] for r in month_rows(store, "2013-01")] == list(range(1, 11))


def test_more_unreadable_files_than_a_merge_takes_do_not_block_their_month(store: MemoryStore, tmp_path: Path) -> None:
    made = compactor(store, tmp_path, merge_max_files=2)  # fewer than the unreadable ones, which come first by name
    for number in range(5):
        store.create(object_names.landed_file(dt.date(2013, 1, 1), f"{number:032x}"), b"?")
    land(store, [row("2013-01-02")])
    report = made.compact()
    assert (report.absorbed_files, len(report.unreadable)) == (1, 5)
    assert month_rows(store, "2013-01") == [row("2013-01-02")]


def test_a_month_that_this_machine_cannot_merge_does_not_block_the_others(
    store: MemoryStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    land(store, [row("2013-01-01")])
    land(store, [row("2013-02-01")])
    merge = Merger.merge

    def cramped(self: Merger, inputs: Sequence[Path], output: Path) -> list[DateRows]:
        found = merge(self, inputs, output)
        if found[0].date.month == 1:
            raise ResourcesExhaustedError("no room")
        return found

    monkeypatch.setattr(Merger, "merge", cramped)
    report = compactor(store, tmp_path).compact()
    assert (report.months, list(report.failed)) == (["2013-02"], ["2013-01"])
    assert list(latest(store).months) == ["2013-02"]
    with pytest.raises(ResourcesExhaustedError, match="no room"):  # nothing else is left to do
        compactor(store, tmp_path).compact()


def test_nothing_is_left_in_the_scratch_folder(store: MemoryStore, tmp_path: Path) -> None:
    land(store, [row()])
    compactor(store, tmp_path).compact()
    failing = MeddlingStore(store)
    failing.before("create", object_names.FLIGHTS, lambda _: _raise(StoreUnavailableError("503")))
    land(store, [row(number=2)])
    with pytest.raises(StoreUnavailableError):
        compactor(failing, tmp_path).compact()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("stored", [True, False])
def test_a_month_file_of_unknown_outcome_is_stored_again_under_another_name(
    stored: bool, store: MemoryStore, tmp_path: Path
) -> None:
    meddling = MeddlingStore(store)
    meddle = meddling.after if stored else meddling.before
    meddle("create", object_names.FLIGHTS, lambda name: _raise(CreateStateUnknownError(name)))
    land(store, [row()])
    assert compactor(meddling, tmp_path).compact().snapshot == 1
    first, second = meddling.called("create", object_names.FLIGHTS)
    assert latest(store).months["2013-01"][0].name == second != first
    assert meddling.called("delete", "") == []


@pytest.mark.parametrize("size", [100, 2_500])  # less than a landed file; less than what DuckDB writes of two
def test_a_full_scratch_folder_is_named_with_its_room_and_nothing_is_lost(
    store: MemoryStore, tmp_path: Path, size: int
) -> None:
    rows = [row(number=number) for number in range(1, 200)]
    land(store, rows)
    made = compactor(store, tmp_path / "scratch")
    with (
        files_limited_to(size),
        pytest.raises(LakeError, match=rf"{tmp_path}/scratch.*MB are free; COMPACTOR_SCRATCH_DIR"),
    ):
        made.compact()
    assert list((tmp_path / "scratch").iterdir()) == []
    shutil.rmtree(tmp_path / "scratch")  # as a cleaner of temporary folders does
    assert made.compact().absorbed_files == 1


def test_a_flight_moves_between_the_files_that_are_shown_and_the_hidden_ones(
    store: MemoryStore, tmp_path: Path
) -> None:
    made = compactor(store, tmp_path)
    land(store, [row(number=n) for n in (1, 2)] + [row(carrier="ZZ")])
    made.compact()
    for minute, status in enumerate(("void", "arrived", "void", "scheduled")):
        land(store, [row(number=1, status=status, event_time=f"2013-01-02 12:0{minute}")])
        made.compact()
        shown, hidden = sides(store)
        assert [each["flight_number"] for each in shown] == ([2] if status == "void" else [1, 2])
        assert [each["status"] for each in hidden] == [*(["void"] if status == "void" else []), "arrived"]
        assert hidden[-1]["carrier"] == "ZZ"
        assert problems(store) == ()


def test_an_event_that_is_older_than_a_hidden_state_stays_hidden(store: MemoryStore, tmp_path: Path) -> None:
    made = compactor(store, tmp_path)
    land(store, [row(status="void", event_time="2013-01-02 12:00")])
    made.compact()
    land(store, [row(status="arrived", event_time="2013-01-02 11:00")])
    made.compact()
    assert [len(side) for side in sides(store)] == [0, 1]
    assert list(latest(store).months) == []
    assert problems(store) == ()


def test_a_run_rewrites_the_dates_of_its_tail_and_no_other_file(store: MemoryStore, tmp_path: Path) -> None:
    made = compactor(store, tmp_path, moving_file_max_bytes=1)
    land(store, [row("2013-01-01")])
    land(store, [row("2013-01-03")])
    made.compact()
    land(store, [row("2013-01-03", number=2)])
    made.compact()
    first, third = latest(store).months["2013-01"]
    assert (first.max_flight_date.day, third.min_flight_date.day) == (1, 3)
    land(store, [row("2013-01-03", number=3)])
    land(store, [row("2013-01-02")])
    report = made.compact()
    kept, second, moved = latest(store).months["2013-01"]
    assert kept == first
    assert (second.rows, moved.rows, report.rows) == (1, 3, 4)
    assert report.written_bytes == second.size + moved.size
    assert problems(store) == ()


def test_days_at_rest_become_one_file_in_a_commit_of_its_own(store: MemoryStore, tmp_path: Path) -> None:
    made = compactor(store, tmp_path, moving_file_max_bytes=1)
    for day in (1, 2, 3):
        land(store, [row(f"2013-01-0{day}", event_time=f"2013-01-0{day} 12:00")])
        made.compact()
    assert len(latest(store).months["2013-01"]) == 3
    rows = table_rows(store)
    land(store, [row("2013-02-01", event_time="2013-01-04 13:00")])  # the first two days are two days old now
    assert made.compact().commits == [4]
    report = made.compact()
    assert (report.commits, report.months, report.absorbed_files, report.rows) == ([5], ["2013-01"], 0, 2)
    assert [entry.rows for entry in latest(store).months["2013-01"]] == [2, 1]
    assert table_rows(store)[:3] == rows
    assert made.compact().commits == []
    assert problems(store) == ()


def sides(store: MemoryStore) -> tuple[list[Row], list[Row]]:
    """The rows that outside readers see, and the others."""
    month = latest(store).month("2013-01")
    return rows_of(store, month.shown), rows_of(store, month.hidden)


def rows_of(store: MemoryStore, files: Sequence[MonthFile]) -> list[Row]:
    tables = [pq.read_table(io.BytesIO(store.read(file.name))) for file in files]
    return [found for table in tables for found in table.to_pylist()]
