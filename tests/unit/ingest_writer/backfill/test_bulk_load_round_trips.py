"""Random flights through each program that writes files, and back: the same flights, never fewer."""

from __future__ import annotations

import csv
import itertools
import json
import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pandas
import polars
import pyarrow as pa
import pyarrow.csv
import pyarrow.feather
import pyarrow.parquet as pq
import pytest

from ingest_writer.backfill.file_events import event_row
from ingest_writer.backfill.readers.model import FileRow, InputFile, ReadError
from ingest_writer.decoding.event import Origin, RejectError
from lakehouse.schema.event import COLUMNS
from tests._support.events.builders import microseconds
from tests._support.files.random_flights import flights, table, with_offsets
from tests._support.files.written import HEADER, file_of, flight_line, rows_of
from tests._support.lakes.rows import Row

OWN = ("publish_time", "message_id", "message_line", "decoder_version")
ORIGIN = Origin(microseconds("2014-06-01T00:00:00Z"), "load:x", 0)
SEEDS = range(3)


def read_back(path: Path, **options: Any) -> tuple[list[Row], list[str]]:
    """The events of the file without the columns that a load gives anew, and the reasons of rejected rows."""
    events: list[Row] = []
    reasons: list[str] = []
    for row in rows_of(InputFile(path.name, path), **options):
        if not isinstance(row, FileRow):
            reasons.append(row.reason)
            continue
        try:
            found = dict(zip(COLUMNS, event_row(row.values, ORIGIN, Counter()), strict=True))
            events.append({name: value for name, value in found.items() if name not in OWN})
        except RejectError as error:
            reasons.append(error.reason)
    return events, reasons


def expected(rows: list[Row]) -> list[Row]:
    """Times as microseconds, as events have them."""
    times = {name for name, value in rows[0].items() if hasattr(value, "hour")} | {"scheduled_arrival"}
    return [
        {n: _microseconds(v) if n in times else v for n, v in row.items() if n not in OWN and n != "remarks"}
        for row in rows
    ]


def _microseconds(value: Any) -> int | None:
    return None if value is None else microseconds(value.isoformat())


# -- our own exports, through other programs -------------------------------------------------------------------


def _duckdb(data: pa.Table, path: Path, options: str, zone: str = "UTC") -> None:
    with duckdb.connect() as connection:
        connection.execute(f"SET TimeZone = '{zone}'")
        connection.register("data", data)
        connection.execute(f"COPY (FROM data) TO '{path}' ({options})")


def _pandas(data: pa.Table) -> pandas.DataFrame:
    frame = data.to_pandas()
    assert isinstance(frame, pandas.DataFrame)
    return frame


def _polars(data: pa.Table) -> polars.DataFrame:
    frame = polars.from_arrow(data)
    assert isinstance(frame, polars.DataFrame)
    return frame


def _in_zone(data: pa.Table, zone: str = "America/New_York") -> pa.Table:
    """All times in the zone of a machine somewhere."""
    for number, column in enumerate(data.schema):
        if pa.types.is_timestamp(column.type):
            kind = pa.timestamp("us", zone)
            data = data.set_column(number, column.name, data.column(number).cast(kind))
    return data


def _midnights(data: pa.Table) -> pandas.DataFrame:
    """Dates as timestamps, as pandas knows them, and texts as categories."""
    frame = _pandas(data)
    frame["flight_date"] = pandas.to_datetime(frame["flight_date"])
    return frame.astype({"carrier": "category", "status": "category"})


WRITERS: dict[str, Callable[[pa.Table, Path], Any]] = {
    "arrow.csv": pyarrow.csv.write_csv,
    "arrow.parquet": pq.write_table,
    "arrow.feather": pyarrow.feather.write_feather,
    "pandas.csv": lambda data, path: _pandas(data).to_csv(path),
    "pandas-windows.csv": lambda data, path: _pandas(data).to_csv(path, index=False, sep=";", lineterminator="\r\n"),
    "pandas-utf16.csv": lambda data, path: _pandas(data).to_csv(path, encoding="utf-16", quoting=csv.QUOTE_ALL),
    "pandas.csv.gz": lambda data, path: _midnights(data).to_csv(path.with_suffix(""), quoting=csv.QUOTE_NONNUMERIC),
    "pandas.parquet": lambda data, path: _midnights(data).to_parquet(path),
    "pandas.feather": lambda data, path: _pandas(data).to_feather(path),
    "pandas.ndjson": lambda data, path: _midnights(data).to_json(
        path, orient="records", lines=True, date_format="iso", date_unit="us"
    ),
    "pandas.json": lambda data, path: _midnights(data).to_json(
        path, orient="records", date_format="iso", date_unit="us", indent=2
    ),
    "polars.csv": lambda data, path: _polars(data).write_csv(path),
    "polars-tab.csv": lambda data, path: _polars(data).write_csv(path, separator="\t", quote_style="always"),
    "polars.ndjson": lambda data, path: _polars(data).write_ndjson(path),
    "polars.json": lambda data, path: _polars(data).write_json(path),
    "polars.parquet": lambda data, path: _polars(data).write_parquet(path),
    "polars.arrow": lambda data, path: _polars(data).write_ipc(path),
    "polars.arrows": lambda data, path: _polars(data).write_ipc_stream(path),
    "duckdb.csv": lambda data, path: _duckdb(data, path, "FORMAT csv, HEADER"),
    "duckdb.ndjson": lambda data, path: _duckdb(data, path, "FORMAT json"),
    "duckdb.json": lambda data, path: _duckdb(data, path, "FORMAT json, ARRAY true"),
    "arrow-new-york.parquet": lambda data, path: pq.write_table(_in_zone(data), path),
    "pandas-new-york.csv": lambda data, path: _pandas(_in_zone(data)).to_csv(path),
    "polars-new-york.csv": lambda data, path: _polars(_in_zone(data)).write_csv(path),
    "duckdb-new-york.csv": lambda data, path: _duckdb(data, path, "FORMAT csv, HEADER", "America/New_York"),
    "duckdb-kolkata.ndjson": lambda data, path: _duckdb(data, path, "FORMAT json", "Asia/Kolkata"),
    "duckdb.parquet": lambda data, path: _duckdb(data, path, "FORMAT parquet"),
}


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("writer", WRITERS)
def test_an_export_through_another_program_is_the_same_flights(writer: str, seed: int, tmp_path: Path) -> None:
    rows = flights(random.Random(seed), 60)
    path = tmp_path / writer
    WRITERS[writer](table(rows), path)
    if not path.exists():
        path = path.with_suffix("")
    assert read_back(path) == (expected(rows), [])


def test_milliseconds_since_1970_are_no_times_and_every_row_is_rejected(tmp_path: Path) -> None:
    """As pandas writes JSON by default: a number could be anything."""
    events = [with_offsets(row) | {"event_time": 1_388_448_000_000} for row in flights(random.Random(1), 20)]
    (tmp_path / "a.json").write_text(json.dumps(events))
    found, reasons = read_back(tmp_path / "a.json")
    assert (found, len(reasons)) == ([], 20)
    assert reasons[0].startswith("event_time is 1388448000000: ")


# -- events, through every dialect of CSV ----------------------------------------------------------------------

DIALECTS = list(
    itertools.product(
        (",", ";", "\t", "|"),
        ("\n", "\r\n", "\r"),
        (csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC),
        ("double", "backslash"),
    )
)


@pytest.mark.parametrize(("delimiter", "end", "quoting", "escape"), DIALECTS)
def test_events_in_every_dialect_of_csv_are_the_same_flights(
    delimiter: str, end: str, quoting: Any, escape: str, tmp_path: Path
) -> None:
    rows = flights(random.Random(f"{delimiter}{end}{quoting}{escape}"), 40)
    events = [with_offsets(row) for row in rows]
    escapes: dict[str, Any] = {"doublequote": False, "escapechar": "\\"} if escape == "backslash" else {}
    with (tmp_path / "a.csv").open("w", newline="") as out:
        writer = csv.DictWriter(
            out, list(events[0]), delimiter=delimiter, lineterminator=end, quoting=quoting, **escapes
        )
        writer.writeheader()
        # The module quotes its own line ends, not others: rows would break there, and be rejected.
        writer.writerows(each | {"remarks": each["remarks"].replace("\n", end)} for each in events)
    assert read_back(tmp_path / "a.csv", csv_escape=escape) == (expected(rows), [])


def _spark_cell(value: object) -> str:
    """As Spark writes it: quoted when it must be, a quote as \\", an empty text as "", null as nothing."""
    text = "" if value is None else str(value)
    if value == "":
        return '""'
    if any(character in text for character in ',"\n\r') or text[:1] == "#" or text != text.strip():
        return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return text


@pytest.mark.parametrize("seed", SEEDS)
def test_the_csv_of_spark_is_the_same_flights_or_refused(seed: int, tmp_path: Path) -> None:
    rows = flights(random.Random(seed), 60)
    events = [with_offsets(row) for row in rows]
    lines = [",".join(events[0]), *(",".join(map(_spark_cell, each.values())) for each in events)]
    path = tmp_path / "a.csv"
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(ReadError, match="--csv-escape backslash"):
        read_back(path)
    assert read_back(path, csv_escape="backslash") == (expected(rows), [])


# -- damage ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(20))
def test_damaged_csv_is_refused_or_every_row_is_accounted_for(seed: int, tmp_path: Path) -> None:
    """Quotes, backslashes and delimiters put anywhere: no row may be missing without a word."""
    random_ = random.Random(seed)
    rows = 30
    text = "\n".join([HEADER, *(flight_line(number) for number in range(1, rows + 1))]) + "\n"
    begin = len(HEADER) + 1
    for _ in range(30):
        damaged = text
        for _ in range(random_.choice((1, 2, 2, 3))):
            at = random_.randrange(begin, len(damaged) - 1)
            if random_.random() < 0.5:  # where a cell begins or ends, quotes do most harm
                at = damaged.rfind(random_.choice((",", "\n")), begin, at) + random_.choice((0, 1))
            at = max(at, begin)
            damaged = damaged[:at] + random_.choice(('"', '"', '""', '\\"', ",")) + damaged[at:]
        try:
            events, reasons = read_back(file_of(tmp_path / "a.csv", damaged).path)
        except ReadError:
            continue
        assert len(events) + len(reasons) == rows, damaged


@pytest.mark.parametrize("seed", range(5))
def test_ndjson_with_any_damage_has_as_many_rows_as_lines(seed: int, tmp_path: Path) -> None:
    random_ = random.Random(seed)
    lines = [json.dumps(with_offsets(row)).encode() for row in flights(random_, 30)]
    for _ in range(20):
        data = bytearray(b"\n".join(lines))
        for _ in range(random_.randrange(1, 5)):
            at = random_.randrange(1, len(data))
            if data[at] != 10:
                data[at] = random_.choice(b'"\\{}[],\xff\x00x')
        events, reasons = read_back(file_of(tmp_path / "a.ndjson", bytes(data)).path)
        assert len(events) + len(reasons) == 30
