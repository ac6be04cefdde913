"""Decodes rejected lines again, with today's decoder; those that pass are landed under their original ids.

Each line is decoded by itself: the limit on the flight dates of a message is not applied, for nobody waits for an ack.
Rejected objects are kept (the bucket's lifecycle ends them), so running twice lands twice, which changes nothing.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ingest_writer.backfill.file_events import LOAD_ID, event_row
from ingest_writer.backfill.load_report import Reasons, kind_of
from ingest_writer.decoding.decoder import event_table
from ingest_writer.decoding.event import Origin, RejectError, Row
from ingest_writer.decoding.line import decode_line, parse_object
from ingest_writer.landing import by_flight_date, landed_events, store_with_retry
from lakehouse import object_names
from lakehouse.errors import ObjectMissingError, UnreadableError
from lakehouse.local_disk import temporary_folder
from lakehouse.object_names import RandomId
from lakehouse.store.store import Store
from lakehouse.table.parquet_files import read_rejected_file

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


@dataclass
class ReplayReport:
    """How many lines passed, which reasons remain (with how many lines), what could not be read."""

    files: int = 0
    landed: int = 0
    rejected: int = 0
    reasons: Reasons = field(default_factory=Reasons)
    unreadable: dict[str, str] = field(default_factory=dict)

    @property
    def exit_code(self) -> int:
        """0 if no line is left, 3 if some are, 1 if none passed, or storage has damage."""
        if self.unreadable or (self.rejected and not self.landed):
            return 1
        return 3 if self.rejected else 0

    def lines(self) -> Iterator[str]:
        """The summary."""
        read = self.landed + self.rejected
        yield f"read {read:,} lines of {self.files:,} files: landed {self.landed:,}, rejected {self.rejected:,}"
        yield from self.reasons.lines()


def replay_rejected(store: Store, random_id: RandomId) -> ReplayReport:
    """Goes through all of `rejected/`, one object at a time. Raises the store's errors."""
    report = ReplayReport()
    for info in store.list(object_names.REJECTED):
        if object_names.parse_rejected_file(info.name) is None:
            continue
        report.files += 1
        try:
            rows = _decode_again(store, info.name, report)
        except ObjectMissingError:
            continue  # its lifecycle ended it meanwhile
        except UnreadableError as error:
            report.unreadable[error.name] = error.why
            continue
        for date, events in by_flight_date([event_table(rows)]).items():
            for part in landed_events(date, events, random_id):
                store_with_retry(store, part)
        report.landed += len(rows)
    return report


def _decode_again(store: Store, name: str, report: ReplayReport) -> list[Row]:
    with temporary_folder("flights-rejected-") as folder:
        path = folder / "rejected.parquet"
        store.download(name, path)
        table = read_rejected_file(name, path)
    rows: list[Row] = []
    for line in table.to_pylist():
        try:
            rows.append(_decode(line["bytes"], _origin(line)))
        except RejectError as error:
            report.rejected += 1
            report.reasons.add(error.reason, _where(line), kind_of(error))
    return rows


def _decode(line: bytes, origin: Origin) -> Row:
    """Lines that came from a file are read by the rules for files: a local hour may accompany a time in UTC."""
    if origin.message_id.startswith(LOAD_ID):
        return event_row(parse_object(line, keep_numbers=True), origin, Counter())
    return decode_line(line, origin, Counter())


def _where(line: dict[str, Any]) -> str:
    attributes = dict(line["attributes"])
    if line["message_id"].startswith(LOAD_ID) and "line" in attributes:
        return f"{attributes['file']}:{attributes['line']}"
    return f"message {line['message_id']}:{line['message_line']}"


def _origin(line: dict[str, Any]) -> Origin:
    publish_time_us = (line["publish_time"] - _EPOCH) // dt.timedelta(microseconds=1)
    return Origin(publish_time_us, line["message_id"], line["message_line"])
