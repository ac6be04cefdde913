"""Files that people have, through the command: nothing is lost silently, and the exit code says what became of them."""

from __future__ import annotations

import gzip
import json
import os
import re
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from ingest_writer.__main__ import main
from ingest_writer.backfill.file_events import event_row
from lakehouse.store.local import LocalStore
from tests._support.events.builders import encode, event, line
from tests._support.files.written import HEADER, csv_text, flight_line
from tests._support.lakes.compactors import latest, table_rows

CASES = Path(__file__).parents[3] / "_support" / "files" / "cases"


class Run(NamedTuple):
    """What a command did."""

    code: int
    out: str
    err: str
    flights: list[int]


class Command:
    """Runs `load` on a lake of its own."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self.store = LocalStore(folder / "lake")
        self._capsys = capsys

    def load(self, *arguments: str | Path) -> Run:
        code = main(["load", *map(str, arguments)])
        found = self._capsys.readouterr()
        rows = table_rows(self.store) if (self.folder / "lake").exists() else []
        return Run(code, found.out, found.err, sorted(row["flight_number"] for row in rows))

    def file(self, name: str, data: bytes | str) -> Path:
        path = self.folder / name
        path.write_bytes(data.encode() if isinstance(data, str) else data)
        return path


@pytest.fixture
def command(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    for name in os.environ:
        if name.startswith(("WRITER_", "COMPACTOR_", "LOAD_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("LAKE_URL", f"file://{tmp_path}/lake")
    monkeypatch.setenv("COMPACTOR_SCRATCH_DIR", str(tmp_path / "scratch"))
    return Command(tmp_path, capsys)


def counts(run: Run) -> list[int]:
    """Rows read, loaded and rejected, of the summary's last line of numbers."""
    lines = re.findall(r"^ +([\d,]+) +([\d,]+) +([\d,]+)  \S", run.out, re.MULTILINE)
    return [int(number.replace(",", "")) for number in lines[-1]]


# -- quotes ----------------------------------------------------------------------------------------------------


def test_a_quote_that_is_never_closed_is_refused_and_nothing_lands(command: Command) -> None:
    run = command.load(command.file("good.ndjson", line()), CASES / "quote_never_closed.csv")
    assert (run.code, run.flights) == (2, [])
    assert "quote_never_closed.csv, line 3: a quote that opens here is not closed" in run.err
    assert not (command.folder / "lake").exists()


def test_two_stray_quotes_890_rows_apart_are_refused(command: Command) -> None:
    remarks = {10: '"stand 5', 900: 'gate 7"'}
    rows = [flight_line(number, remarks.get(number, "ok")) for number in range(1, 1001)]
    run = command.load(command.file("two_quotes.csv", "\n".join([HEADER, *rows]) + "\n"))
    assert (run.code, run.flights) == (2, [])
    assert "two_quotes.csv, line 11: " in run.err


def test_backslash_escapes_are_refused_until_they_are_asked_for(command: Command) -> None:
    run = command.load(CASES / "backslash_quote.csv")
    assert (run.code, run.flights) == (2, [])
    assert "line 3: " in run.err
    assert "--csv-escape backslash" in run.err
    run = command.load("--csv-escape", "backslash", CASES / "backslash_quote.csv")
    assert (run.code, run.flights, counts(run)) == (0, [1, 2, 3, 4, 5], [5, 5, 0])


# -- headers, encodings, formats -------------------------------------------------------------------------------


def test_semicolons_byte_order_marks_and_arrays_are_read(command: Command) -> None:
    for path in (CASES / "semicolons.csv", CASES / "bom.ndjson"):
        assert command.load(path).code == 0
    utf16 = command.file("a.csv", csv_text(event(flight_number=3)).encode("utf-16"))
    array = command.file("a.json", json.dumps([event(flight_number=4), event(flight_number=5)]))
    run = command.load(utf16, array)
    assert (run.code, run.flights) == (0, [1, 2, 3, 4, 5, 1545])


def test_upper_case_headers_are_refused_with_what_was_meant(command: Command) -> None:
    head, rows = csv_text(event()).split("\n", 1)
    run = command.load(command.file("a.csv", f"{head.upper()}\n{rows}"))
    assert run.code == 2
    assert "did you mean flight_date for 'FLIGHT_DATE'" in run.err


def test_a_file_whose_rows_are_all_rejected_ends_with_1_and_the_reason_once(command: Command) -> None:
    rows = [event(flight_number=number, scheduled_departure="0545") for number in range(1, 51)]
    run = command.load(command.file("a.csv", csv_text(*rows)))
    assert (run.code, counts(run)) == (1, [50, 0, 50])
    assert re.search(r"50  \S+/a.csv:2  scheduled_departure is '0545': ", run.out)
    assert run.out.count("scheduled_departure") == 2  # with the place in the object: one line of the table
    assert "nothing was loaded: every row was rejected" in run.out


def test_some_rejected_rows_end_with_3_and_are_counted_and_kept(command: Command) -> None:
    data = [line(flight_number=1), b"{", line(status="late"), line(flight_number=2)]
    run = command.load(command.file("a.ndjson", b"\n".join(data)))
    assert (run.code, counts(run), run.flights) == (3, [4, 2, 2], [1, 2])
    assert "a.ndjson:2  not JSON" in run.out
    assert "a.ndjson:3  status is 'late': Invalid enum value" in run.out
    assert len(list(command.store.list("rejected/"))) == 1


@pytest.mark.parametrize(("name", "data"), [("a.csv", b""), ("a.csv", HEADER.encode()), ("a.json", b"[]")])
def test_a_file_without_rows_ends_with_1(name: str, data: bytes, command: Command) -> None:
    run = command.load(command.file(name, data))
    assert (run.code, counts(run)) == (1, [0, 0, 0])
    assert "nothing was loaded: there is no row in it" in run.out


def test_dates_and_floats_of_pandas_are_dates_and_integers(command: Command) -> None:
    for name in ("pd_date.parquet", "pd_float.parquet", "float_delay.csv"):
        run = command.load(CASES / name)
        assert (run.code, counts(run)) == (0, [2, 2, 0])


def test_a_clock_that_did_not_pass_midnight_rejects_its_row(command: Command) -> None:
    run = command.load(CASES / "actual_before_scheduled.ndjson")
    assert (run.code, counts(run), run.flights) == (3, [2, 1, 1], [2])
    assert "actual_before_scheduled.ndjson:1  " in run.out
    assert "is -1425, outside -180 to 4320" in run.out


def test_two_flights_of_one_key_are_told_in_the_summary(command: Command) -> None:
    rows = [event(), event(scheduled_departure="2013-01-01T19:15:00-05:00", event_time="2013-01-01T12:00:00Z")]
    run = command.load(command.file("a.ndjson", b"\n".join(map(encode, rows))))
    assert run.code == 0
    expected = "1 times events of one key have scheduled departures more than 3 h apart, first 2013-01-01-UA-1545-EWR"
    assert expected in run.out


# -- the order of loads ----------------------------------------------------------------------------------------


def statuses(command: Command) -> list[str]:
    return [row["status"] for row in table_rows(command.store)]


def test_a_later_load_wins_whatever_the_times_of_the_files_are(command: Command) -> None:
    first = command.file("a.ndjson", line(status="scheduled"))
    second = command.file("b.ndjson", line(status="arrived"))
    os.utime(second, (0, 0))
    assert command.load(first).code == command.load(second).code == 0
    assert statuses(command) == ["arrived"]
    assert command.load(first).code == 0
    assert statuses(command) == ["scheduled"]


def test_a_later_file_of_one_load_wins(command: Command) -> None:
    for number in range(4):  # whatever their sums are
        files = [command.file(f"{status}{number}.ndjson", line(status=status)) for status in ("arrived", "departed")]
        command.load(*files)
        assert statuses(command) == ["departed"]
        command.load(*reversed(files))
        assert statuses(command) == ["arrived"]


def test_an_older_publish_time_loses(command: Command) -> None:
    command.load(command.file("a.ndjson", line(status="arrived")))
    run = command.load("--published", "2013-01-02T00:00:00Z", command.file("b.ndjson", line(status="scheduled")))
    assert (run.code, statuses(command)) == (0, ["arrived"])
    run = command.load("--published", "2099-01-01T00:00:00Z", command.file("b.ndjson", line()))
    assert run.code == 2
    assert "in the future" in run.err


# -- and what else ---------------------------------------------------------------------------------------------


def test_a_dry_run_checks_everything_and_writes_nothing(command: Command) -> None:
    data = [line(flight_number=1), line(flight_number=1), b"{", encode(event(flight_date="2013-01-02"))]
    run = command.load("--dry-run", command.file("a.ndjson", b"\n".join(data)))
    assert (run.code, run.flights) == (3, [])
    assert "would load" in run.out
    assert re.search(r"^2013-01 +3 +2 +2 +1$", run.out, re.MULTILINE)
    assert list(command.store.list("")) == []


def test_what_was_loaded_is_merged_when_the_load_ends(command: Command) -> None:
    rows = [
        event(flight_number=n, flight_date=f"2013-0{m}-01", scheduled_departure=f"2013-0{m}-01T05:00:00-05:00")
        for n in range(1, 5)
        for m in (1, 2, 3)
    ]
    run = command.load(command.file("a.ndjson", b"\n".join(map(encode, rows))))
    assert run.code == 0
    snapshot = latest(command.store)
    assert sum(file.rows for file in snapshot.shown_files()) == 12
    assert {info.name for info in command.store.list("landing/")} <= set(snapshot.absorbed)


def test_progress_is_told_before_the_first_row(command: Command) -> None:
    run = command.load(command.file("a.ndjson", line()))
    assert run.err.splitlines()[0].endswith("a.ndjson  0 rows")
    assert any(text.startswith("landing 2013-01") for text in run.err.splitlines())
    assert "merging 2013-01" in run.err.splitlines()


def test_progress_is_told_while_a_file_is_unpacked(command: Command) -> None:
    run = command.load(command.file("a.ndjson.gz", gzip.compress(line())))
    first, last, *_ = run.err.splitlines()
    assert first.endswith("unpacking " + str(command.folder / "a.ndjson.gz") + "  0 MB")
    assert "100%" in last


def test_a_file_that_changes_while_it_is_read_is_refused(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    path = command.file("a.ndjson", line())

    def change(*arguments: Any) -> Any:
        path.write_bytes(line(flight_number=2) + b"\n" + line(flight_number=3))
        return event_row(*arguments)

    monkeypatch.setattr("ingest_writer.backfill.bulk_load.event_row", change)
    run = command.load(path)
    assert (run.code, run.flights) == (2, [])
    assert "a.ndjson: changed while it was read" in run.err


def test_files_by_pattern_and_compressed_ones_are_loaded(command: Command) -> None:
    command.file("a1.csv.gz", gzip.compress(csv_text(event(flight_number=1)).encode()))
    command.file("a2.csv", csv_text(event(flight_number=2)))
    run = command.load(f"{command.folder}/a*.csv*")
    assert (run.code, run.flights) == (0, [1, 2])


def test_a_file_whose_name_is_no_text_is_loaded_and_named_in_plain_letters(command: Command) -> None:
    name = os.fsdecode(b"a\xff\x1b[2J.ndjson")
    run = command.load(command.file(name, line() + b"\n{"))
    assert run.code == 3
    assert r"a\udcff\x1b[2J.ndjson:2" in run.out
    assert "\x1b" not in run.out + run.err


def test_a_file_that_cannot_be_read_is_refused(command: Command) -> None:
    run = command.load("/proc/self/mem")  # gives an error instead of its first byte
    assert run.code == 2
    assert "/proc/self/mem: cannot be read: Input/output error" in run.err
