"""A lake that exists gets a new field: the code of before, then the code with the field, over the same files."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from lakehouse.schema.event import FORMAT_VERSION
from tests.system.formats.gate import DECODERS, ENTRY, FORMAT_WITH_GATE, ORACLE, add_gate

ROOT = Path(__file__).parents[3]
COPIED = ("lakehouse", "ingest_writer", "query_service", "tests", "tools", "docs", "bigquery")
MONTHS = ("2013-01", "2013-02", "2013-03")
FOLLOWING = (
    *("unit/lakehouse/schema", "unit/lakehouse/table/test_snapshot.py", "unit/lakehouse/table/test_parquet_files.py"),
    *("unit/lakehouse/table/derived/test_content.py", "unit/ingest_writer/backfill/readers/test_header.py"),
    "unit/ingest_writer/decoding/test_vectorized.py::test_what_is_unusual_is_left_over_and_its_mates_are_not",
    "unit/ingest_writer/decoding/test_line.py::test_unknown_fields_are_ignored_and_counted",
    "unit/ingest_writer/decoding/test_line.py::test_every_column_when_every_field_is_given",
    "unit/ingest_writer/decoding/test_line.py::test_without_optional_fields_columns_are_null_and_the_suffix_is_empty",
    "unit/ingest_writer/backfill/test_bulk_load.py::test_a_file_of_each_format_becomes_the_same_row",
    "unit/ingest_writer/test_landing.py::test_a_landed_file_passes_the_readers_check_and_holds_every_value",
    "unit/ingest_writer/compaction/test_compactor_formats.py::test_a_month_of_format_1_without_a_tail_is_rewritten",
    "unit/query_service/api/openapi/test_examples.py",
    "unit/query_service/queries/test_flights.py::test_rows_have_the_event_as_its_publisher_sent_it",
)
"""Tests that know the fields or the format: they take them from the table, and no step changes them."""
STATS = "/v1/stats?group_by=flight_date,carrier"
Row = dict[str, Any]


class Code:
    """A process that takes steps by the source in `tree`."""

    def __init__(self, tree: Path) -> None:
        self.tree = tree
        command = [sys.executable, "-m", "tests.system.formats.steps"]
        self.process = subprocess.Popen(
            command, cwd=tree, env=_environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def take(self, *step: str) -> dict[str, Any]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(step) + "\n")
        self.process.stdin.flush()
        answer: dict[str, Any] = json.loads(self.process.stdout.readline())
        return answer

    def run(self, module: str, *arguments: str) -> None:
        """Runs a module of that source, which has to succeed."""
        command = [sys.executable, "-m", module, *arguments]
        done = subprocess.run(command, check=False, cwd=self.tree, env=_environment(), capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


def _environment() -> dict[str, str]:
    return {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "PYTHONPATH"))}


@contextmanager
def running(tree: Path) -> Iterator[Code]:
    code = Code(tree)
    with code.process:
        yield code
        assert code.process.stdin is not None
        code.process.stdin.close()


@pytest.fixture(scope="module")
def without() -> Iterator[Code]:
    """The code as it is."""
    with running(ROOT) as code:
        yield code


@pytest.fixture(scope="module")
def with_gate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Code]:
    """The code with a field `gate` more."""
    tree = tmp_path_factory.mktemp("with_gate")
    for folder in COPIED:
        shutil.copytree(ROOT / folder, tree / folder, ignore=shutil.ignore_patterns("*.pyc.*"))  # being written
    add_gate(tree)
    with running(tree) as code:
        yield code


class Lake:
    """A lake in a folder, whose steps are taken by the code of one tree or another."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "lake"
        self.folder.mkdir()
        self._lines = folder / "lines.ndjson"

    def step(self, code: Code, step: str, *rest: str) -> list[str]:
        answer = code.take(step, f"file://{self.folder}", *rest)
        assert "error" not in answer, answer["error"]
        lines: list[str] = answer["lines"]
        return lines

    def refusal(self, code: Code, step: str) -> str:
        """What the code says that does not take the step."""
        return str(code.take(step, f"file://{self.folder}")["error"])

    def land(self, code: Code, events: Sequence[Row]) -> None:
        self._lines.write_text("".join(json.dumps(event) + "\n" for event in events))
        self.step(code, "land", str(self._lines))

    def rows(self, code: Code, step: str = "flights") -> list[Row]:
        return [json.loads(line) for line in self.step(code, step)]

    def ask(self, code: Code, *urls: str) -> list[tuple[int, str]]:
        return [(status, text) for status, text in map(json.loads, self.step(code, "ask", *urls))]

    def formats(self) -> dict[str, int]:
        """The oldest format of each month's files as the latest snapshot says."""
        latest = max((self.folder / "snapshots").iterdir())
        months: dict[str, list[Row]] = json.loads(latest.read_text())["months"]
        return {month: min(entry["format_version"] for entry in entries) for month, entries in months.items()}


def event(day: str, number: int, hour: int = 12, **changes: Any) -> Row:
    """An arrival, 10 minutes late; `hour` is that of what its publisher knew."""
    at = f"{day}T{{}}:00-05:00"
    return {
        "flight_date": day,
        "carrier": "UA",
        "flight_number": number,
        "origin": "EWR",
        "destination": "IAH",
        "scheduled_departure": at.format("05:15"),
        "scheduled_arrival": at.format("08:00"),
        "actual_departure": at.format("05:17"),
        "actual_arrival": at.format("08:10"),
        "status": "arrived",
        "event_time": at.format(f"{hour:02}:00"),
    } | changes


@pytest.fixture
def old_lake(tmp_path: Path, without: Code) -> Lake:
    """Three merged months and a tail over the first two, all of the format without the field."""
    lake = Lake(tmp_path)
    for _ in range(2):
        lake.land(without, [event(f"{month}-{day:02}", n) for month in MONTHS for day in (1, 2) for n in (1, 2, 3)])
    lake.step(without, "compact")
    lake.land(
        without, [event("2013-01-02", 1, 13, tail_number="N1"), event("2013-02-01", 4), event("2013-01-01", 1, 11)]
    )
    return lake


def test_contributing_names_the_files_that_the_steps_change_and_no_others() -> None:
    page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    [section] = re.findall(r"^- \*\*Add a field\*\*.*?(?=^- )", page, re.MULTILINE | re.DOTALL)
    steps = re.findall(r"^  [1-9]\. .*?(?=^  [1-9]\. |^$)", section, re.MULTILINE | re.DOTALL)
    assert len(steps) <= 4
    assert "`make fields`" in section
    edited = {insertion.file for insertion in (ENTRY, *DECODERS, ORACLE)}
    assert set(re.findall(r"`([\w/]+\.py)`", "".join(steps))) == edited


def test_copies_and_decoders_agree_with_the_table_after_the_steps(with_gate: Code) -> None:
    agree = ("tests/unit/tools/test_fields.py", "tests/unit/ingest_writer/decoding/test_event.py")
    with_gate.run("pytest", "-q", "--noconftest", "-p", "no:cacheprovider", *agree)
    with_gate.run("tests.verification.fuzz.messages", "--messages", "500", "--seed", "1")
    for copy in ("docs/event.md", "lakehouse/schema/event.schema.json"):
        assert "gate" in (with_gate.tree / copy).read_text(encoding="utf-8")


@pytest.mark.long
def test_tests_that_know_the_fields_follow_the_table(with_gate: Code) -> None:
    configuration = ("-c", str(ROOT / "pyproject.toml"), f"--rootdir={with_gate.tree}", "-p", "no:cacheprovider")
    with_gate.run("pytest", "-q", *configuration, *(f"tests/{test}" for test in FOLLOWING))


def test_a_lake_of_the_format_before_answers_the_same_with_the_field_null(
    old_lake: Lake, without: Code, with_gate: Code
) -> None:
    questions = (STATS, f"{STATS}&snapshot=1", "/v1/stats?tail_number=N1", f"{STATS}&date_to=2013-01-31")
    before, stats = old_lake.rows(without), old_lake.ask(without, *questions)
    assert len(before) == 19
    assert {status for status, _ in stats} == {200}
    after = old_lake.rows(with_gate)
    columns = list(after[0])
    assert columns[columns.index("tail_number") + 1] == "gate"
    assert [row.pop("gate") for row in after] == [None] * 19
    assert after == before
    assert old_lake.ask(with_gate, *questions) == stats
    [(status, text)] = old_lake.ask(with_gate, "/v1/flights/2013-01-02-UA-1-EWR")
    assert (status, json.loads(text)["data"]["gate"]) == (200, None)
    *problems, summary = old_lake.step(with_gate, "verify")
    assert problems == []
    assert "3 months (3 of an older format), 18 rows" in summary


def test_events_with_the_field_and_without_it_are_one_table(old_lake: Lake, with_gate: Code) -> None:
    old_lake.land(
        with_gate,
        [
            event("2013-01-02", 1, 14, gate="C71"),  # newer than the tail of before
            event("2013-01-01", 2, 11, gate="OLD"),  # older than the month file of before
            event("2013-02-01", 5, gate="B2", weather=1),  # a flight nobody knew, and a field: goes line by line
            event("2013-04-01", 1, gate="A1"),  # a month nobody knew
        ],
    )
    rows = old_lake.rows(with_gate)
    gates = {f"{row['flight_date']}-{row['flight_number']}": row["gate"] for row in rows if row["gate"] is not None}
    assert gates == {"2013-01-02-1": "C71", "2013-02-01-5": "B2", "2013-04-01-1": "A1"}
    assert len(rows) == 21
    [(status, text), (_, stats)] = old_lake.ask(with_gate, "/v1/flights?limit=100", "/v1/stats")
    shown = {flight["flight_id"]: flight["gate"] for flight in json.loads(text)["data"]}
    assert (status, len(shown)) == (200, 21)
    assert {flight: gate for flight, gate in shown.items() if gate is not None} == {
        "2013-01-02-UA-1-EWR": "C71",
        "2013-02-01-UA-5-EWR": "B2",
        "2013-04-01-UA-1-EWR": "A1",
    }
    assert json.loads(stats)["data"][0]["flights"] == 21


def test_compaction_brings_months_to_the_new_format_and_changes_no_row(old_lake: Lake, with_gate: Code) -> None:
    old_lake.land(with_gate, [event("2013-01-02", 2, 14, gate="C71")])
    rows = old_lake.rows(with_gate)
    old_lake.step(with_gate, "compact")  # January and February have a tail, March comes along
    assert old_lake.formats() == dict.fromkeys(MONTHS, FORMAT_WITH_GATE)
    assert old_lake.rows(with_gate) == rows
    assert old_lake.rows(with_gate, "published") == rows
    *problems, summary = old_lake.step(with_gate, "verify")
    assert problems == []
    assert "3 months, 19 rows" in summary
    before = [file.name for file in (old_lake.folder / "snapshots").iterdir()]
    old_lake.step(with_gate, "compact")  # nothing is left to do
    assert [file.name for file in (old_lake.folder / "snapshots").iterdir()] == before


def test_the_delta_table_has_all_months_while_their_formats_differ(
    old_lake: Lake, without: Code, with_gate: Code
) -> None:
    old_lake.step(without, "compact")
    rows = [{**row, "gate": None} for row in old_lake.rows(without)]
    for upgraded in (1, 2, 3):
        old_lake.step(with_gate, "compact")
        formats = [FORMAT_WITH_GATE] * upgraded + [FORMAT_VERSION] * (3 - upgraded)
        assert list(old_lake.formats().values()) == formats
        assert old_lake.rows(with_gate, "published") == [{**row, "gate": None} for row in rows]
        *problems, _ = old_lake.step(with_gate, "verify")
        assert problems == []


def test_the_code_of_before_refuses_what_it_does_not_know(old_lake: Lake, without: Code, with_gate: Code) -> None:
    old_lake.land(with_gate, [event("2013-01-02", 1, 14, gate="C71")])
    [touched, other] = old_lake.ask(without, f"{STATS}&date_to=2013-01-02", f"{STATS}&date_from=2013-02-01")
    assert (touched[0], other[0]) == (503, 200)
    advice = f"format_version {FORMAT_WITH_GATE} is newer than {FORMAT_VERSION}, which this program knows; upgrade it"
    assert advice in old_lake.refusal(without, "flights")
    assert advice in old_lake.refusal(without, "compact")
    assert old_lake.ask(without, f"{STATS}&date_from=2013-02-01")[0][0] == 200
    old_lake.step(with_gate, "compact")
    assert old_lake.ask(without, f"{STATS}&date_from=2013-02-01")[0][0] == 503
    assert advice in old_lake.refusal(without, "compact")


def test_a_month_that_cannot_be_read_keeps_no_other_from_the_new_format(
    old_lake: Lake, without: Code, with_gate: Code
) -> None:
    old_lake.step(without, "compact")
    [january] = [
        file for file in (old_lake.folder / "flights/flight_month=2013-01").iterdir() if file.name.startswith("1-")
    ]
    data = bytearray(january.read_bytes())
    data[10] ^= 1
    january.write_bytes(data)
    for _ in range(3):
        old_lake.step(with_gate, "compact")
    assert old_lake.formats() == dict(zip(MONTHS, (FORMAT_VERSION, FORMAT_WITH_GATE, FORMAT_WITH_GATE), strict=True))
