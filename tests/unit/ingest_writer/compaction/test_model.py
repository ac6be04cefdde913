"""How a report adds up what became of months."""

from __future__ import annotations

from ingest_writer.compaction.model import MonthResult, Report
from lakehouse.errors import ResourcesExhaustedError

NO_ROOM = ResourcesExhaustedError("no room")


def test_results_of_all_months_are_in_the_report() -> None:
    report = Report()
    report.add_results(
        [
            MonthResult("2013-01", unreadable={"a": "no Parquet file"}),
            MonthResult("2013-02", unreadable={"b": "no Parquet file"}, error=NO_ROOM, has_input=True),
        ]
    )
    assert report.unreadable == {"a": "no Parquet file", "b": "no Parquet file"}
    assert report.failed == {"2013-02": NO_ROOM}


def test_a_later_try_of_a_month_replaces_its_error() -> None:
    report = Report()
    report.add_results([MonthResult("2013-01", error=NO_ROOM), MonthResult("2013-02", error=NO_ROOM)])
    report.add_results([MonthResult("2013-01", has_input=True), MonthResult("2013-02")])
    assert report.failed == {"2013-02": NO_ROOM}  # nothing was there to try it with
