"""Bulk load of events from Parquet, CSV or NDJSON files: month by month, compacting before the next.

Every row goes through the decoder of the subscriber. Pass one decodes and sorts rows into a spill file a
month; pass two lands a month and compacts it. Loading a file again changes nothing: a row's message_id is the
file's SHA-256, its line the row number, its publish_time the file's modification time.
"""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import json
import logging
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ingest_writer.compaction.compactor import Compactor
from ingest_writer.decoding.decoder import RejectedLine, event_table
from ingest_writer.decoding.event import Origin, RejectError, Row
from ingest_writer.decoding.line import decode_line, decode_object
from ingest_writer.landing import by_publish_date, landed_events, rejected_lines, sorted_by_key, store_with_retry
from lakehouse import object_names
from lakehouse.errors import ConfigError
from lakehouse.local_disk import local_errors, temporary_folder
from lakehouse.object_names import RandomId
from lakehouse.schema.event import EVENT_SCHEMA, FIELDS
from lakehouse.schema.fields import Integer
from lakehouse.store.store import Store

log = logging.getLogger(__name__)

_ROWS_A_BATCH: Final = 100_000  # about 100 MB as Python values
_CELL_MAX_CHARACTERS: Final = 10_000_000  # as much as a whole message may have
_INTEGER: Final = re.compile(r"-?(0|[1-9][0-9]{0,8})", re.ASCII)
_OWN_COLUMNS: Final = frozenset(field.name for field in FIELDS if not field.from_publisher)
_INTEGER_FIELDS: Final = frozenset(field.name for field in FIELDS if isinstance(field, Integer)) - _OWN_COLUMNS
_HOUR: Final = EVENT_SCHEMA.get_field_index("scheduled_departure_hour")


@dataclass
class LoadReport:
    """What a load did."""

    files: int = 0
    rows: int = 0
    rejected: int = 0
    months: list[str] = field(default_factory=list)
    snapshot: int = 0
    unknown_fields: Counter[str] = field(default_factory=Counter)
    unreadable: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Line:
    """One row of a file: how to decode it, and its bytes in case that fails."""

    number: int
    decode: Callable[[Origin, Counter[str]], Row]
    raw: Callable[[], bytes]


class Loader:
    """Loads files into a store."""

    def __init__(self, store: Store, compactor: Compactor, random_id: RandomId, scratch: Path) -> None:
        self._store = store
        self._compactor = compactor
        self._random_id = random_id
        self._scratch = scratch

    def load(self, files: list[Path]) -> LoadReport:
        """Loads all rows of all files. Raises ConfigError for a file that is none, LocalDiskError and the store's."""
        report = LoadReport(files=len(files))
        readers = [(file, _reader(file)) for file in files]
        self._compactor.check_history()  # a lake that takes no commit is refused before anything has landed
        with temporary_folder("load-", self._scratch) as folder:
            spill = _Spill(folder)
            try:
                for file, read in readers:
                    self._decode_file(file, read, spill, report)
            finally:
                spill.close()
            for month, path in sorted(spill.files.items()):
                self._land_month(path)
                self._compact(month, report)
        return report

    def _decode_file(self, file: Path, read: Reader, spill: _Spill, report: LoadReport) -> None:
        message_id = "load:" + _sha256(file)
        publish_time_us = file.stat().st_mtime_ns // 1000
        rows: list[Row] = []
        rejected: list[RejectedLine] = []
        for line in read(file):
            origin = Origin(publish_time_us, message_id, line.number)
            try:
                rows.append(line.decode(origin, report.unknown_fields))
            except RejectError as error:
                attributes = {"file": file.name}
                rejected.append(RejectedLine(line.raw(), attributes, error.stage, error.reason, *_last_three(origin)))
            if len(rows) + len(rejected) >= _ROWS_A_BATCH:
                self._flush(rows, rejected, spill, report)
                rows, rejected = [], []
        self._flush(rows, rejected, spill, report)

    def _flush(self, rows: list[Row], rejected: list[RejectedLine], spill: _Spill, report: LoadReport) -> None:
        spill.add(rows)
        report.rows += len(rows)
        report.rejected += len(rejected)
        for day, lines in by_publish_date(rejected).items():  # of one file: one day
            for part in rejected_lines(day, lines, self._random_id):
                store_with_retry(self._store, part)
            first = rejected[0]
            log.warning("rejected %d rows, the first: line %d: %s", len(rejected), first.message_line, first.reason)

    def _land_month(self, path: Path) -> None:
        with local_errors(path.parent), pq.ParquetFile(path) as file:  # the store's errors are no OSErrors
            for batch in file.iter_batches(batch_size=_ROWS_A_BATCH):
                table = pa.Table.from_batches([batch])
                for day in table["flight_date"].unique().to_pylist():
                    rows = table.filter(pc.equal(table["flight_date"], pa.scalar(day)))
                    for part in landed_events(day, rows, self._random_id):
                        store_with_retry(self._store, part)

    def _compact(self, month: str, report: LoadReport) -> None:
        """Absorbs the month before the next one is landed, so that the tail stays as small as one month."""
        before = -1
        while True:
            done = self._compactor.compact()
            report.snapshot = done.snapshot
            report.unreadable |= done.unreadable
            if done.pending_files == 0 or done.absorbed_files == 0 or done.pending_files == before:
                break
            before = done.pending_files
        report.months.append(month)
        log.info("loaded month %s: snapshot=%d", month, report.snapshot)


Reader = Callable[[Path], Iterator[Line]]


class _Spill:
    """Rows sorted into one temporary Parquet file a month."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._writers: dict[str, pq.ParquetWriter] = {}
        self.files: dict[str, Path] = {}

    def add(self, rows: list[Row]) -> None:
        months: dict[str, list[Row]] = {}
        for row in rows:
            months.setdefault(object_names.month_of(row[0]), []).append(row)
        for month, some in months.items():
            table = sorted_by_key(event_table(some))
            with local_errors(self._folder):
                if month not in self._writers:
                    self.files[month] = self._folder / f"{month}.parquet"
                    self._writers[month] = pq.ParquetWriter(self.files[month], EVENT_SCHEMA, compression="zstd")
                self._writers[month].write_table(table)

    def close(self) -> None:
        with local_errors(self._folder):
            while self._writers:
                self._writers.popitem()[1].close()


def _reader(file: Path) -> Reader:
    readers: dict[str, Reader] = {
        ".parquet": _read_parquet,
        ".csv": _read_csv,
        ".ndjson": _read_ndjson,
        ".jsonl": _read_ndjson,
    }
    if file.suffix not in readers:
        raise ConfigError(f"{file}: takes files that end in {', '.join(readers)}")
    if not file.is_file():
        raise ConfigError(f"{file}: there is no such file")
    return readers[file.suffix]


def _read_ndjson(file: Path) -> Iterator[Line]:
    with file.open("rb") as lines:
        for number, text in enumerate(lines):
            line = text.rstrip(b"\r\n")
            if line.strip():
                yield _text_line(number, line)


def _text_line(number: int, text: bytes) -> Line:
    return Line(number, lambda origin, unknown: decode_line(text, origin, unknown), lambda: text)


def _read_csv(file: Path) -> Iterator[Line]:
    """Rows of a CSV with a header; an empty cell is an unknown value."""
    with file.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as text:
        csv.field_size_limit(_CELL_MAX_CHARACTERS)
        try:
            reader = csv.DictReader(text, strict=False)
            header = reader.fieldnames or ()
            if twice := sorted({name for name in header if list(header).count(name) > 1}):
                raise ConfigError(f"{file}: the header names {twice} more than once")
            for number, cells in enumerate(reader):
                yield _object_line(number, {name: _cell(name, value) for name, value in cells.items() if value})
        except csv.Error as error:
            raise ConfigError(f"{file}: not a CSV file: {error}") from error


def _cell(name: str, value: str) -> str | int:
    return int(value) if name in _INTEGER_FIELDS and _INTEGER.fullmatch(value) else value


def _read_parquet(file: Path) -> Iterator[Line]:
    """Rows of a Parquet file with the event's columns; the lake's own files can be loaded too."""
    try:
        with pq.ParquetFile(file) as parquet:
            number = 0
            for batch in parquet.iter_batches(batch_size=10_000):
                for values in _python_rows(_in_microseconds(batch)):
                    yield _parquet_line(number, values)
                    number += 1
    except pa.ArrowException as error:
        raise ConfigError(f"{file}: not a Parquet file: {error}") from error


def _python_rows(batch: pa.RecordBatch) -> list[dict[str, Any]]:
    """The rows; what Python has no date for (infinity is one) is a text, which a decoder refuses with its row alone."""
    try:
        rows: list[dict[str, Any]] = batch.to_pylist()
    except (ValueError, OverflowError):
        columns = [[_python_value(value) for value in column] for column in batch.columns]
        return [dict(zip(batch.schema.names, row, strict=True)) for row in zip(*columns, strict=True)]
    return rows


def _python_value(value: pa.Scalar) -> Any:
    try:
        return value.as_py()
    except (ValueError, OverflowError):
        return "infinity, or a time beyond the years 1 to 9999"


def _in_microseconds(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Timestamps in nanoseconds lose what Python cannot hold; the order is by microseconds anyway."""
    for number, column in enumerate(batch.schema):
        if pa.types.is_timestamp(column.type) and column.type.unit == "ns":
            kind = pa.timestamp("us", tz=column.type.tz)
            batch = batch.set_column(number, column.name, _floored(batch.column(number)).cast(kind))
    return batch


def _floored(nanoseconds: pa.Array) -> pa.Array:
    """Whole microseconds, as integers. A cast would go towards 1970, and nothing may get newer than it was."""
    given = nanoseconds.cast(pa.int64())
    quotient = pc.divide(given, 1000)  # towards 0
    return pc.subtract(quotient, pc.less(given, pc.multiply(quotient, 1000)).cast(pa.int64()))


def _parquet_line(number: int, values: dict[str, Any]) -> Line:
    hour = values.get("scheduled_departure_hour")
    event = {k: v for k, v in values.items() if v is not None and k not in _OWN_COLUMNS}
    if event.get("operational_suffix") == "":
        del event["operational_suffix"]
    line = _object_line(number, event)
    departure = event.get("scheduled_departure")
    # A column of timestamps has one zone for all rows, which need not be any row's origin's.
    is_typed = isinstance(departure, dt.datetime)

    def decode(origin: Origin, unknown: Counter[str]) -> Row:
        row = line.decode(origin, unknown)
        if isinstance(hour, int) and 0 <= hour <= 23:
            return (*row[:_HOUR], hour, *row[_HOUR + 1 :])
        if is_typed:
            raise RejectError(
                "validate",
                "scheduled_departure is a timestamp column, so its local hour is unknown; give it as text with the"
                " origin's offset, or add the column scheduled_departure_hour",
            )
        return row

    if not is_typed:
        return Line(number, decode, line.raw)
    # Without the offset, which is not the origin's: decoded again, the line must not pass with a wrong hour.
    return Line(number, decode, _object_line(number, event | {"scheduled_departure": f"{departure:%FT%T.%f}"}).raw)


def _object_line(number: int, values: Mapping[str, Any]) -> Line:
    def raw() -> bytes:
        return json.dumps(values, default=str, ensure_ascii=False).encode(errors="surrogateescape")

    def decode(origin: Origin, unknown: Counter[str]) -> Row:
        if None in values:
            raise RejectError("decode", "the row has more cells than the header")
        if any(not _is_unicode(text) for text in (*values, *values.values())):
            raise RejectError("decode", "not UTF-8")
        return decode_object(values, origin, unknown)

    return Line(number, decode, raw)


def _is_unicode(value: object) -> bool:
    """Whether a text came from whole UTF-8; bytes that are not become lone surrogates."""
    try:
        return not isinstance(value, str) or value.isascii() or bool(value.encode())
    except UnicodeEncodeError:
        return False


def _last_three(origin: Origin) -> tuple[str, int, int]:
    return origin.message_id, origin.message_line, origin.publish_time_us


def _sha256(file: Path) -> str:
    with file.open("rb") as data:
        return hashlib.file_digest(data, "sha256").hexdigest()
