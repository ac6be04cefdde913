"""What a load would do: counts of rows, flights, dates and carriers of a month."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq

from ingest_writer.backfill.preview import MonthPreview, preview, preview_lines
from tests._support.lakes.rows import row, write


def test_a_flight_is_counted_once_and_each_of_its_rows(tmp_path: Path) -> None:
    files = [
        write(tmp_path / "a.parquet", [row(number=1), row(number=2), row(number=2)]),
        write(tmp_path / "b.parquet", [row(number=2), row(number=3, carrier="AA")]),
    ]
    assert pq.read_table(files[0]).num_rows == 3
    found = preview("2013-01", files)
    assert found == MonthPreview("2013-01", rows=5, flights=3, dates=1, carriers=2)
    assert [line.split() for line in preview_lines([found])] == [
        ["month", "rows", "flights", "dates", "carriers"],
        ["2013-01", "5", "3", "1", "2"],
    ]
