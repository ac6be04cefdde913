"""Files that people have: written for a test, opened and read by the readers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ingest_writer.backfill.readers.detect import open_file
from ingest_writer.backfill.readers.model import FileRow, InputFile, ReadOptions, RefusedRow
from tests._support.events.builders import Event

HEADER = "flight_date,carrier,flight_number,origin,destination,scheduled_departure,status,event_time,remarks"


def flight_line(number: int, remarks: str = "ok") -> str:
    """One row below HEADER."""
    return f"2013-07-01,UA,{number},EWR,IAH,2013-07-01T05:15:00-04:00,arrived,2013-07-01T12:00:00Z,{remarks}"


def file_of(path: Path, data: bytes | str) -> InputFile:
    """The file with these bytes."""
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return InputFile(path.name, path)


def rows_of(file: InputFile, **options: Any) -> list[FileRow | RefusedRow]:
    """All rows of the file, by the reader that recognises it."""
    return list(open_file(file, ReadOptions(**options)).rows)


def numbers(rows: Sequence[FileRow | RefusedRow]) -> list[Any]:
    """The flight numbers of the rows; of a refused one, its reason."""
    return [row.values.get("flight_number") if isinstance(row, FileRow) else row.reason for row in rows]


def csv_text(*rows: Event, delimiter: str = ",") -> str:
    """A CSV of events, without any quotes."""
    lines = [delimiter.join(rows[0]), *(delimiter.join(str(each.get(c, "")) for c in rows[0]) for each in rows)]
    return "\n".join(lines) + "\n"
