"""The spill: what goes in comes out, by month, however few files may be open."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from ingest_writer.backfill.file_events import event_row
from ingest_writer.backfill.spill import Spill
from ingest_writer.decoding.decoder import RejectedLine
from ingest_writer.decoding.event import Origin, Row
from tests._support.events.builders import PUBLISHED, event, microseconds


def row_on(day: dt.date, number: int) -> Row:
    values = event(flight_date=day, flight_number=number, scheduled_departure=f"{day}T05:15:00-05:00")
    return event_row(values, Origin(microseconds(PUBLISHED), "load:x", number), Counter())


@pytest.mark.parametrize("max_open_files", [1, 2, 100])
def test_every_row_is_in_the_files_of_its_month(max_open_files: int, tmp_path: Path) -> None:
    spill = Spill(tmp_path, max_open_files)
    days = [dt.date(2013, month, 1) for month in (1, 2, 3)]
    for number in range(1, 5):
        spill.add_events([row_on(day, number) for day in days])
    spill.close()
    assert spill.months == ["2013-01", "2013-02", "2013-03"]
    for month, day in zip(spill.months, days, strict=True):
        found = [row for path in spill.files(month) for row in pq.read_table(path).to_pylist()]
        assert [(row["flight_date"], row["flight_number"]) for row in found] == [(day, n) for n in range(1, 5)]


def test_rejected_lines_come_out_as_they_were(tmp_path: Path) -> None:
    spill = Spill(tmp_path, 1)
    lines = [
        RejectedLine(bytes([number]), {"file": "a.csv", "line": "2"}, "decode", "why", "load:x", number, 1_000_001)
        for number in range(3)
    ]
    spill.add_rejected(lines[:2])
    spill.add_events([row_on(dt.date(2013, 1, 1), 1)])
    spill.add_rejected([])
    spill.add_rejected(lines[2:])
    spill.close()
    assert [line for some in spill.rejected() for line in some] == lines
