"""`verify`: a good lake passes, and each kind of damage is found and named."""

from __future__ import annotations

import dataclasses
import datetime as dt
import re
from collections.abc import Callable
from typing import Any

import pytest

from ingest_writer.landing import to_parquet
from lakehouse import object_names
from lakehouse.__main__ import main
from lakehouse.client.verify import Report, verify
from lakehouse.errors import StoreAccessDeniedError
from lakehouse.store.local import LocalStore
from lakehouse.store.memory import MemoryStore
from lakehouse.store.store import Store
from lakehouse.table.snapshot import MonthFile, Snapshot, to_json
from tests._support.lakes import parquet_bombs as bombs
from tests._support.lakes.rows import Row, at, commit, land, put_month, put_month_bytes, row, table
from tests._support.lakes.stores import SpyStore

Verify = Callable[[Store], Report]

_JANUARY = [row("2013-01-01", 1), row("2013-01-01", 2), row("2013-01-31", 1, event_time="2013-01-01 13:00")]
_FEBRUARY = [row("2013-02-01", 1)]


@pytest.fixture
def check(now: Callable[[], dt.datetime]) -> Verify:
    return lambda store: verify(store, now)


def _problem(report: Report) -> str:
    (problem,) = report.problems
    return problem


def _with_january(store: Store, january: list[Row], **changes: Any) -> MonthFile:
    """A lake whose month file of January has just these rows, and an entry with `changes`."""
    entry = dataclasses.replace(put_month(store, january, added_snapshot=1, month="2013-01"), **changes)
    commit(store, 1, [entry])
    return entry


@pytest.mark.parametrize("store", ["memory", "local", "gcs"], indirect=True)
def test_a_good_lake_has_no_problems(store: Store, check: Verify) -> None:
    absorbed, _ = land(store, _JANUARY[:2]), land(store, [row("2013-03-01")])
    january = put_month(store, _JANUARY, added_snapshot=1)
    commit(store, 1, [january], absorbed=[absorbed])
    commit(
        store,
        2,
        [january, put_month(store, _FEBRUARY, added_snapshot=2)],
        absorbed=[absorbed],
    )
    store.create("landing/readme", b"not ours")
    report = check(store)
    assert report.problems == ()
    assert report.snapshot == 2
    assert [(month.month, month.rows) for month in report.months] == [("2013-01", 3), ("2013-02", 1)]
    assert (report.landed_files, report.landed_rows, report.tail_files, report.unrecognized) == (2, 3, 1, 1)


def test_a_new_lake_has_no_problems(memory: MemoryStore, check: Verify) -> None:
    land(memory, _JANUARY[:1])
    report = check(memory)
    assert (report.problems, report.snapshot, report.months, report.tail_files) == ((), 0, (), 1)


def test_a_snapshot_that_cannot_be_read_is_the_problem(memory: MemoryStore, check: Verify) -> None:
    memory.create(object_names.snapshot(3), b"{}")
    assert object_names.snapshot(3) in _problem(check(memory))


def test_a_month_file_that_is_missing_is_found(memory: MemoryStore, check: Verify) -> None:
    entry = _with_january(memory, _JANUARY)
    memory.delete(entry.name)
    assert _problem(check(memory)) == f"{entry.name}: there is no such object"


def test_a_month_file_of_other_bytes_is_found(memory: MemoryStore, check: Verify) -> None:
    entry = _with_january(memory, _JANUARY)
    other = to_parquet(table([*_JANUARY[:2], {**_JANUARY[2], "status": "cancelled"}]))
    memory.delete(entry.name)
    memory.create(entry.name, other)
    problems = check(memory).problems
    assert any("its bytes have crc32c" in problem for problem in problems)
    assert all(entry.name in problem for problem in problems)


def test_a_month_file_cut_off_is_found(memory: MemoryStore, check: Verify) -> None:
    entry = _with_january(memory, _JANUARY)
    data = memory.read(entry.name)
    memory.delete(entry.name)
    memory.create(entry.name, data[:-9])
    size, checksum, contents = check(memory).problems
    assert f"has {len(data) - 9} bytes, the snapshot says {len(data)}" in size
    assert "crc32c" in checksum
    assert "not a whole Parquet file" in contents


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"size": 1}, r"has \d+ bytes, the snapshot says 1"),
        ({"crc32c": 1}, "its bytes have crc32c"),
        ({"rows": 4}, "has 3 rows, the snapshot says 4"),
        (
            {"min_flight_date": dt.date(2013, 1, 2)},
            "has flight dates 2013-01-01 to 2013-01-31, the snapshot says 2013-01-02",
        ),
        ({"max_flight_date": dt.date(2013, 1, 30)}, "to 2013-01-31, the snapshot says 2013-01-01 to 2013-01-30"),
        ({"max_event_time": at("2013-01-01 12:59")}, "its newest event is of 2013-01-01 13:00:00"),
        ({"added_snapshot": 0}, "its entry is since 0, in snapshot 1"),
        ({"added_snapshot": 2}, "its entry is since 2, in snapshot 1"),
    ],
)
def test_an_entry_that_says_something_else_than_the_file_is_found(
    memory: MemoryStore, check: Verify, changes: dict[str, Any], message: str
) -> None:
    entry = _with_january(memory, _JANUARY, **changes)
    report = check(memory)
    assert re.match(f"{entry.name}: .*{message}", _problem(report))


def test_a_name_with_a_since_above_that_of_its_entry_is_found(memory: MemoryStore, check: Verify) -> None:
    for number in (1, 2):
        commit(memory, number, [put_month(memory, _JANUARY, added_snapshot=1, name_since=number)])
    problems = check(memory).problems
    assert any("its name says a since above that of its entry, 1" in problem for problem in problems)
    assert any(f"{object_names.snapshot(2)}: no compactor of ours made it" in problem for problem in problems)


def test_rows_of_another_month_are_found(memory: MemoryStore, check: Verify) -> None:
    entry = _with_january(memory, [row("2012-12-31"), row("2013-01-01")], min_flight_date=dt.date(2013, 1, 1))
    problems = check(memory).problems
    assert f"{entry.name}: has rows outside 2013-01" in problems


def test_an_entry_with_dates_of_another_month_is_found(memory: MemoryStore, check: Verify) -> None:
    _with_january(memory, [row("2013-01-01"), row("2013-02-01")])
    problems = check(memory).problems
    assert any("the snapshot says flight dates 2013-01-01 to 2013-02-01, which is not inside" in p for p in problems)


def test_a_month_file_without_rows_is_found(memory: MemoryStore, check: Verify) -> None:
    commit(memory, 1, [put_month_bytes(memory, to_parquet(table([])), _JANUARY, added_snapshot=1)])
    assert _problem(check(memory)).endswith(": has no rows")


def test_a_month_file_of_other_columns_or_a_newer_format_is_found(memory: MemoryStore, check: Verify) -> None:
    other = to_parquet(table(_JANUARY).drop_columns(["tail_number"]))
    commit(memory, 1, [put_month_bytes(memory, other, _JANUARY, added_snapshot=1)])
    assert "has columns" in _problem(check(memory))


def test_every_problem_of_every_month_is_named(memory: MemoryStore, check: Verify) -> None:
    bad = [
        dataclasses.replace(put_month(memory, rows, added_snapshot=1, month=month), rows=9)
        for month, rows in (("2013-01", _JANUARY[::-1]), ("2013-02", [*_FEBRUARY, *_FEBRUARY]))
    ]
    commit(memory, 1, bad)
    report = check(memory)
    assert [len(month.problems) for month in report.months] == [2, 2]
    assert len(report.problems) == 4


def test_a_snapshot_missing_from_the_line_is_found(memory: MemoryStore, check: Verify) -> None:
    for number in (1, 3, 5):
        commit(memory, number, [], min_retained=2)
    assert _problem(check(memory)) == "snapshots/: 2 missing of those retained, 2 to 5: 2, 4"


def test_a_snapshot_collected_during_the_check_is_no_problem(memory: MemoryStore, check: Verify) -> None:
    commit(memory, 1, [])
    commit(memory, 2, [])

    def advance(call: str, name: str) -> None:
        if (call, name) == ("list", object_names.SNAPSHOTS) and spy.count("list", object_names.SNAPSHOTS) == 2:
            commit(memory, 3, [], min_retained=2)
            memory.delete(object_names.snapshot(1))

    spy = SpyStore(memory, before=advance)
    assert check(spy).problems == ()


def test_an_absorbed_name_that_is_no_landed_file_is_found(memory: MemoryStore, check: Verify) -> None:
    memory.create(object_names.snapshot(1), to_json(Snapshot(1, 1, {}, frozenset({"landing/x"}))))
    assert "absorbed 'landing/x'" in _problem(check(memory))


@pytest.mark.parametrize("is_absorbed", [True, False])
def test_a_landed_file_that_cannot_be_read_is_found(memory: MemoryStore, check: Verify, is_absorbed: bool) -> None:
    good, bad = land(memory, [row()]), object_names.landed_file(dt.date(2013, 1, 1), "f" * 32)
    memory.create(bad, to_parquet(table([row("2013-01-02")])))
    commit(memory, 1, [], absorbed=[bad] if is_absorbed else [good])
    report = check(memory)
    assert _problem(report) == f"{bad}: cannot be read: has rows of another flight_date than 2013-01-01"
    assert report.landed_rows == 1


def test_a_landed_file_that_no_writer_makes_is_found(memory: MemoryStore, check: Verify) -> None:
    foreign = object_names.landed_file(dt.date(2013, 1, 1), "f" * 32)
    memory.create(foreign, bombs.long_text())
    land(memory, [row()])
    report = check(memory)
    assert _problem(report) == f"{foreign}: cannot be read: column tail_number has a text of more than 64 bytes"
    assert report.landed_rows == 1


def _deleting(store: Store, landed: str) -> Callable[[str, str], None]:
    """Somebody deletes the landed file just before it is downloaded."""
    return lambda call, name: store.delete(name) if (call, name) == ("download", landed) else None


def test_a_landed_file_collected_during_the_check_is_no_problem(memory: MemoryStore, check: Verify) -> None:
    landed = land(memory, [row()])
    commit(memory, 1, [put_month(memory, [row()], added_snapshot=1)], absorbed=[landed])
    assert check(SpyStore(memory, before=_deleting(memory, landed))).problems == ()


def test_a_tail_file_absorbed_and_collected_during_the_check_is_no_problem(memory: MemoryStore, check: Verify) -> None:
    landed = land(memory, [row()])

    def absorb(call: str, name: str) -> None:
        if (call, name) == ("download", landed):
            commit(memory, 1, [put_month(memory, [row()], added_snapshot=1)], absorbed=[landed])
            memory.delete(landed)

    assert check(SpyStore(memory, before=absorb)).problems == ()


def test_a_tail_file_that_goes_without_being_absorbed_is_found(memory: MemoryStore, check: Verify) -> None:
    landed = land(memory, [row()])
    report = check(SpyStore(memory, before=_deleting(memory, landed)))
    assert _problem(report) == f"{landed}: gone, and snapshot 0 has not absorbed it"


def test_a_landed_file_that_is_listed_and_cannot_be_found_is_found(memory: MemoryStore, check: Verify) -> None:
    landed = land(memory, [row()])
    data = memory.read(landed)

    class Mirage(SpyStore):
        def download(self, name: str, path: Any) -> None:
            memory.delete(name)
            try:
                super().download(name, path)
            finally:
                memory.create(name, data)

    assert _problem(check(Mirage(memory))) == f"{landed}: is listed and cannot be found"


def test_a_month_file_that_goes_during_the_check_is_said_and_no_problem(memory: MemoryStore, check: Verify) -> None:
    old = _with_january(memory, _JANUARY)

    def supersede(call: str, name: str) -> None:
        if (call, name) == ("download", old.name):
            commit(memory, 2, [put_month(memory, _JANUARY, added_snapshot=2, name_since=1)])
            memory.delete(old.name)

    report = check(SpyStore(memory, before=supersede))
    assert report.problems == ()
    assert [month.is_superseded for month in report.months] == [True]


def test_storage_that_refuses_is_an_error_and_not_a_report(memory: MemoryStore, check: Verify) -> None:
    def refuse(call: str, name: str) -> None:
        if call == "download":
            raise StoreAccessDeniedError("no")

    _with_january(memory, _JANUARY)
    with pytest.raises(StoreAccessDeniedError):
        check(SpyStore(memory, before=refuse))


def test_the_command_prints_a_line_a_month_and_a_summary(tmp_path: Any, capsys: pytest.CaptureFixture[str]) -> None:
    store = LocalStore(tmp_path / "lake")
    land(store, [row("2013-03-01")])
    commit(store, 1, [put_month(store, _JANUARY, added_snapshot=1), put_month(store, _FEBRUARY, added_snapshot=1)])
    assert main(["verify", "--lake", store.url]) == 0
    january, february, tables, summary = capsys.readouterr().out.splitlines()
    assert january.split()[:3] == ["2013-01", "3", "rows"]
    assert january.endswith("  ok")
    assert february.startswith("2013-02 ")
    assert tables == "Delta table not there yet, Iceberg table not there yet"
    assert summary == ("snapshot 1: 2 months, 4 rows; 1 landed file (0 absorbed, 1 in the tail), 1 row; 0 problems")


def test_the_command_names_every_problem_and_exits_with_1(tmp_path: Any, capsys: pytest.CaptureFixture[str]) -> None:
    store = LocalStore(tmp_path / "lake")
    entry = _with_january(store, _JANUARY, rows=7, size=7)
    assert main(["verify", "--lake", store.url]) == 1
    month, *problems, _, summary = capsys.readouterr().out.splitlines()
    assert month.endswith("  BAD")
    assert len(problems) == 2
    assert all(problem.startswith(f"problem: {entry.name}: ") for problem in problems)
    assert summary.endswith("; 2 problems")
