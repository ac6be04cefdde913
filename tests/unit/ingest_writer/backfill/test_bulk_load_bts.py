"""Load of the US DOT's zip: rows in are rows stored and rejected, and the summary says what was read otherwise."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path

from ingest_writer.backfill.bulk_load import Loader
from ingest_writer.backfill.load_report import LoadReport
from ingest_writer.backfill.readers.model import ReadOptions
from lakehouse.store.memory import MemoryStore
from tests._support.events.builders import ids
from tests._support.files.bts import CANCELLED, FLIGHT, Row, monthly_zip
from tests._support.lakes.compactors import compactor, table_rows

PUBLISHED = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)
_names = ids()


def load(store: MemoryStore, folder: Path, *rows: Row, as_of: dt.datetime | None = None) -> LoadReport:
    path = monthly_zip(folder / "july.zip", rows)
    loader = Loader(store, compactor(store, folder), _names, folder)
    return loader.load([path], PUBLISHED, ReadOptions(as_of=as_of))


def numbered(row: Row, number: int, **changed: str) -> Row:
    return {**row, "Flight_Number_Reporting_Airline": str(number), **changed}


def test_every_row_is_stored_or_rejected_with_its_airport(tmp_path: Path) -> None:
    store = MemoryStore()
    lost = [numbered(FLIGHT, 10 + number, Origin=code) for number, code in enumerate(("QQQ", "QQQ", "ZZQ"))]
    odd = numbered(FLIGHT, 3, Tail_Number="UNKNOW")
    report = load(store, tmp_path, numbered(FLIGHT, 1), numbered(CANCELLED, 2), odd, *lost)
    assert (report.rows, report.rejected, report.exit_code) == (3, 3, 3)
    assert [(row["flight_number"], row["status"]) for row in table_rows(store)] == [
        (1, "arrived"),
        (2, "cancelled"),
        (3, "arrived"),
    ]
    said = "\n".join(report.lines())
    assert re.search(r" 2  \S+/july.csv:5 +Origin is QQQ, an airport whose time zone is not known\n", said)
    assert re.search(r" 1  \S+/july.csv:7 +Origin is ZZQ, an airport whose time zone is not known\n", said)
    assert "july.csv: took Tail_Number as unknown in 1 rows, where it is no registration: 'UNKNOW'" in said
    assert "left out " in said
    assert "ignored" not in said


def test_the_event_time_is_as_of_or_the_publish_time(tmp_path: Path) -> None:
    for as_of in (None, dt.datetime(2013, 9, 1, tzinfo=dt.UTC)):
        store = MemoryStore()
        load(store, tmp_path, FLIGHT, as_of=as_of)
        [row] = table_rows(store)
        assert row["event_time"] == (as_of or PUBLISHED)


def test_the_file_wins_over_what_was_loaded_of_a_flight_before(tmp_path: Path) -> None:
    store = MemoryStore()
    load(store, tmp_path, FLIGHT, as_of=dt.datetime(2013, 9, 1, tzinfo=dt.UTC))
    load(store, tmp_path, CANCELLED)
    [row] = table_rows(store)
    assert row["status"] == "cancelled"


def test_two_flights_of_one_key_are_counted(tmp_path: Path) -> None:
    report = load(MemoryStore(), tmp_path, FLIGHT, {**CANCELLED, "CRSDepTime": "1715", "CRSArrTime": "2019"})
    assert (report.rows, report.rejected) == (2, 0)
    assert "1 times events of one key have scheduled departures more than 3 h apart" in "\n".join(report.lines())
