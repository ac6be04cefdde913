"""Bulk load of files: month by month, compacting before the next.

Pass one reads all files and decodes every row into spill files, one or more a month; a file that is
refused ends the load before anything has landed. Pass two lands a month and compacts it, so the load
ends merged. The publish time of all rows is one moment, which the caller gives: the order of loads
decides which of two equally old states wins, not the times of files. A later file of the same call is a
microsecond later. A row's message_id is the SHA-256 of its file, and its line the row's number.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ingest_writer.backfill.file_events import LOAD_ID, event_row, raw_of
from ingest_writer.backfill.limits import LoadLimits
from ingest_writer.backfill.load_report import FileReport, LoadReport, kind_of
from ingest_writer.backfill.preview import MonthPreview, preview
from ingest_writer.backfill.readers.detect import open_file
from ingest_writer.backfill.readers.model import (
    FileRow,
    InputFile,
    OpenFile,
    Progress,
    ReadError,
    ReadOptions,
    RefusedRow,
    RowBlock,
    Silent,
    printable,
)
from ingest_writer.backfill.readers.sources import Unpacking, files_of, is_plain, sources
from ingest_writer.backfill.spill import Spill
from ingest_writer.compaction.compactor import Compactor
from ingest_writer.compaction.model import SCRATCH_SETTING
from ingest_writer.decoding.decoder import RejectedLine
from ingest_writer.decoding.event import Origin, RejectError, Row
from ingest_writer.decoding.line import count_name
from ingest_writer.decoding.typed import typed_events
from ingest_writer.landing import by_flight_date, by_publish_date, landed_events, rejected_lines, store_with_retry
from lakehouse.local_disk import local_errors, temporary_folder
from lakehouse.object_names import RandomId
from lakehouse.store.store import Store

log = logging.getLogger(__name__)

_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_TABLE_ROWS: Final = 2  # take half of the memory of one as Python values; fewer, larger files merge faster
_PROGRESS_ROWS: Final = 1000  # rows between two looks at the clock
_PIECE_BYTES: Final = 1 << 20
_SLOW_BYTES: Final = 256 << 20  # a second or so of a checksum


class Loader:
    """Loads files into a store."""

    def __init__(
        self,
        store: Store,
        compactor: Compactor,
        random_id: RandomId,
        scratch: Path,
        limits: LoadLimits = LoadLimits(),  # noqa: B008
        progress: Progress | None = None,
    ) -> None:
        self._store = store
        self._compactor = compactor
        self._random_id = random_id
        self._scratch = scratch
        self._limits = limits
        self._progress = progress or Silent()

    def load(
        self,
        files: Sequence[str | Path],
        published: dt.datetime,
        options: ReadOptions = ReadOptions(),  # noqa: B008
    ) -> LoadReport:
        """Loads all rows of all files, as published at that moment.

        Raises ReadError for a file that is none, before anything has landed; LocalDiskError and the store's errors.
        """
        with temporary_folder("load-", self._scratch, SCRATCH_SETTING) as folder:
            spill, report = self._read(folder, files, published, options)
            self._land_rejected(spill, report)
            landed = 0
            for month in spill.months:
                self._progress.step(f"landing {month}")
                landed = self._land_month(spill.files(month), landed, report)
                self._progress.done()
                self._progress.step(f"merging {month}", "")
                self._compact(month, report)
                self._progress.done()
        return report

    def check(
        self,
        files: Sequence[str | Path],
        published: dt.datetime,
        options: ReadOptions = ReadOptions(),  # noqa: B008
    ) -> tuple[LoadReport, list[MonthPreview]]:
        """Reads and decodes everything as `load` does, and writes nothing to the store."""
        with temporary_folder("load-", self._scratch, SCRATCH_SETTING) as folder:
            spill, report = self._read(folder, files, published, options)
            return report, [preview(month, spill.files(month)) for month in spill.months]

    def _read(
        self, folder: Path, files: Sequence[str | Path], published: dt.datetime, options: ReadOptions
    ) -> tuple[Spill, LoadReport]:
        """Pass one: every row of every file, in the spill or in its list of rejected lines."""
        inputs = sources([str(file) for file in files])
        for source in inputs:  # all headers before any row
            if is_plain(source) and source.path is not None:
                open_file(InputFile(source.name, source.path), options)
        self._compactor.check_history()  # a lake that takes no commit is refused before anything has landed
        (folder / "inputs").mkdir()
        report = LoadReport()
        options = replace(options, as_of=options.as_of or published)
        unpacking = Unpacking(folder / "inputs", self._limits.unpacked_max_bytes, report.left_out, self._progress)
        spill = Spill(folder, self._limits.spill_open_files)
        published_us = (published - _EPOCH) // dt.timedelta(microseconds=1)
        try:
            for source in inputs:
                for file in files_of(source, unpacking):
                    self._read_file(file, published_us + report.files, options, spill, report)
        finally:
            spill.close()
        return spill, report

    def _read_file(
        self, file: InputFile, published_us: int, options: ReadOptions, spill: Spill, report: LoadReport
    ) -> None:
        batch = _Batch(FileReport(file.name), spill, self._limits, report)
        try:
            sha256 = _sha256(file, self._progress)
            self._progress.step(f"reading {file.name}")
            opened = open_file(file, options)
            origin = Origin(published_us, LOAD_ID + sha256, 0)
            for row in opened.rows if opened.blocks is None else opened.blocks:
                if is_block := isinstance(row, RowBlock):
                    batch.add_block(row, origin)
                else:
                    batch.add(row, origin._replace(message_line=row.number))
                if is_block or batch.file.read % _PROGRESS_ROWS == 0:
                    self._progress.at(batch.file.read, opened.share())
            self._progress.at(batch.file.read, 1)
            self._progress.done()
            if _sha256(file, self._progress) != sha256:
                raise ReadError(file.name, "changed while it was read", todo="load it again when it is complete")
        except OSError as error:
            raise ReadError(file.name, f"cannot be read: {error.strerror or error}") from error
        batch.end(opened)

    def _land_rejected(self, spill: Spill, report: LoadReport) -> None:
        for some in spill.rejected():
            for day, lines in by_publish_date(some).items():
                for part in rejected_lines(day, lines, self._random_id):
                    store_with_retry(self._store, part)
        if report.rejected:
            reason = max(report.reasons.by_kind.values(), key=lambda each: each.rows)
            log.warning("rejected %d rows, the first: %s: %s", report.rejected, reason.first, reason.text)

    def _land_month(self, paths: Sequence[Path], landed: int, report: LoadReport) -> int:
        for path in paths:
            with local_errors(path.parent), pq.ParquetFile(path) as file:  # the store's errors are no OSErrors
                for batch in file.iter_batches(batch_size=_TABLE_ROWS * self._limits.batch_max_rows):
                    for day, rows in by_flight_date([pa.Table.from_batches([batch])]).items():
                        for part in landed_events(day, rows, self._random_id):
                            store_with_retry(self._store, part)
                    landed += batch.num_rows
                    self._progress.at(landed, landed / report.rows)
        return landed

    def _compact(self, month: str, report: LoadReport) -> None:
        """Absorbs the month before the next one is landed, so that the tail stays as small as one month."""
        before = -1
        while True:
            done = self._compactor.compact()
            report.snapshot = done.snapshot
            report.unreadable |= done.unreadable
            report.conflicts += done.conflicts
            if done.pending_files == 0 or done.absorbed_files == 0 or done.pending_files == before:
                break
            before = done.pending_files
        report.months.append(month)
        log.info("loaded month %s: snapshot=%d", month, report.snapshot)


class _Batch:
    """Rows of one file until they are spilled: events, and what is rejected."""

    def __init__(self, file: FileReport, spill: Spill, limits: LoadLimits, report: LoadReport) -> None:
        self.file = file
        self._attributes = {"file": printable(Path(file.name).name)}
        self._spill = spill
        self._limits = limits
        self._report = report
        self._rows: list[Row] = []
        self._tables: list[pa.Table] = []
        self._in_tables = 0
        self._rejected: list[RejectedLine] = []
        self._rejected_bytes = 0

    def add(self, row: FileRow | RefusedRow, origin: Origin) -> None:
        """Decodes the row, which is then an event or a rejected line."""
        if isinstance(row, RefusedRow):
            self._reject(row, origin, row.raw, RejectError("decode", row.reason))
        else:
            try:
                self._rows.append(event_row(row.values, origin, self._report.unknown_fields))
                self.file.loaded += 1
            except RejectError as error:
                self._reject(row, origin, raw_of(row.values) if row.raw is None else row.raw, error)
        self._flush_if_full()

    def add_block(self, block: RowBlock, origin: Origin) -> None:
        """Decodes the rows, those that are odd one by one. Which come first does not matter: lines give the order."""
        events, is_bad = typed_events(block.columns, origin._replace(message_line=block.number))
        is_left = pc.or_(is_bad, block.is_odd)
        if left := pc.indices_nonzero(is_left).to_pylist():
            events = events.filter(pc.invert(is_left))
            for row in block.rows(left):
                self.add(row, origin._replace(message_line=row.number))
        for at in range(0, events.num_rows, self._limits.batch_max_rows):
            self._tables.append(events.slice(at, self._limits.batch_max_rows))
            self._in_tables += self._tables[-1].num_rows
            self.file.loaded += self._tables[-1].num_rows
            self._flush_if_full()

    def _flush_if_full(self) -> None:
        is_full = len(self._rows) + self._in_tables + len(self._rejected) >= self._limits.batch_max_rows
        if is_full or self._rejected_bytes >= self._limits.batch_max_bytes:
            self._flush()

    def end(self, opened: OpenFile) -> None:
        """Counts the file."""
        self._flush()
        report = self._report
        report.files += 1
        report.rows += self.file.loaded
        report.rejected += self.file.rejected
        report.by_file.append(self.file)
        report.notes.extend(f"{self.file.name}: {note}" for note in opened.notes())
        for name in opened.ignored:
            count_name(report.unknown_fields, name, self.file.read)

    def _reject(self, row: FileRow | RefusedRow, origin: Origin, raw: bytes, error: RejectError) -> None:
        attributes = {**self._attributes, "line": str(row.line)}
        self._rejected.append(RejectedLine(raw, attributes, error.stage, error.reason, *_last_three(origin)))
        self._rejected_bytes += len(raw)
        self.file.rejected += 1
        self._report.reasons.add(error.reason, f"{self.file.name}:{row.line}", kind_of(error))

    def _flush(self) -> None:
        self._spill.add_events(self._rows, self._tables)
        self._spill.add_rejected(self._rejected)
        self._rows, self._tables, self._in_tables = [], [], 0
        self._rejected, self._rejected_bytes = [], 0


def _last_three(origin: Origin) -> tuple[str, int, int]:
    return origin.message_id, origin.message_line, origin.publish_time_us


def _sha256(file: InputFile, progress: Progress) -> str:
    """The file's checksum; `progress` hears of one that takes a while. Raises OSError."""
    size, done, digest = file.path.stat().st_size, 0, hashlib.sha256()
    if is_slow := size >= _SLOW_BYTES:
        progress.step(f"checksum of {file.name}", "MB")
    with file.path.open("rb") as data:
        while piece := data.read(_PIECE_BYTES):
            digest.update(piece)
            done += len(piece)
            if is_slow:
                progress.at(done // 1_000_000, done / size)
    if is_slow:
        progress.done()
    return digest.hexdigest()
