"""Bulk load of events from Parquet, CSV or NDJSON files: month by month, compacting before the next.

Every row goes through the decoder of the subscriber. Pass one decodes and sorts rows into a spill file a
month; pass two lands a month and compacts it. Loading a file again changes nothing: a row's message_id is the
file's SHA-256, its line the row number, its publish_time the file's modification time.
"""

from __future__ import annotations

import hashlib
import logging
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ingest_writer.backfill.file_events import event_row, raw_of
from ingest_writer.backfill.readers.detect import open_file
from ingest_writer.backfill.readers.model import InputFile, OpenFile, ReadOptions, RefusedRow
from ingest_writer.compaction.compactor import Compactor
from ingest_writer.decoding.decoder import RejectedLine, event_table
from ingest_writer.decoding.event import Origin, RejectError, Row
from ingest_writer.decoding.line import count_name
from ingest_writer.landing import by_publish_date, landed_events, rejected_lines, sorted_by_key, store_with_retry
from lakehouse import object_names
from lakehouse.local_disk import local_errors, temporary_folder
from lakehouse.object_names import RandomId
from lakehouse.schema.event import EVENT_SCHEMA
from lakehouse.store.store import Store

log = logging.getLogger(__name__)

_ROWS_A_BATCH: Final = 100_000  # about 100 MB as Python values


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
        options = ReadOptions()
        inputs = [InputFile(str(file), file) for file in files]
        for file in inputs:
            open_file(file, options)  # all headers before any row
        self._compactor.check_history()  # a lake that takes no commit is refused before anything has landed
        with temporary_folder("load-", self._scratch) as folder:
            spill = _Spill(folder)
            try:
                for file in inputs:
                    self._decode_file(file, open_file(file, options), spill, report)
            finally:
                spill.close()
            for month, path in sorted(spill.files.items()):
                self._land_month(path)
                self._compact(month, report)
        return report

    def _decode_file(self, file: InputFile, opened: OpenFile, spill: _Spill, report: LoadReport) -> None:
        message_id = "load:" + _sha256(file.path)
        publish_time_us = file.path.stat().st_mtime_ns // 1000
        attributes = {"file": file.path.name}
        rows: list[Row] = []
        rejected: list[RejectedLine] = []
        for row in opened.rows:
            origin = Origin(publish_time_us, message_id, row.number)
            if isinstance(row, RefusedRow):
                rejected.append(RejectedLine(row.raw, attributes, "decode", row.reason, *_last_three(origin)))
            else:
                try:
                    rows.append(event_row(row.values, origin, report.unknown_fields))
                except RejectError as error:
                    raw = raw_of(row.values) if row.raw is None else row.raw
                    rejected.append(RejectedLine(raw, attributes, error.stage, error.reason, *_last_three(origin)))
            if len(rows) + len(rejected) >= _ROWS_A_BATCH:
                self._count_ignored(opened, len(rows) + len(rejected), report)
                self._flush(rows, rejected, spill, report)
                rows, rejected = [], []
        self._count_ignored(opened, len(rows) + len(rejected), report)
        self._flush(rows, rejected, spill, report)

    def _count_ignored(self, opened: OpenFile, rows: int, report: LoadReport) -> None:
        for name in opened.ignored:
            count_name(report.unknown_fields, name, rows)

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


def _last_three(origin: Origin) -> tuple[str, int, int]:
    return origin.message_id, origin.message_line, origin.publish_time_us


def _sha256(file: Path) -> str:
    with file.open("rb") as data:
        return hashlib.file_digest(data, "sha256").hexdigest()
