"""The DOT's on-time performance file: one row per flight, as the airlines reported it after the month.

Its texts are ASCII. What is not (a damaged registration of the 1990s) is in no column that counts, so
the bytes are read one by one and no row is lost to them.
"""

from __future__ import annotations

import csv
import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, Final, TypeVar

from ingest_writer.backfill.readers.bts import cells, columns
from ingest_writer.backfill.readers.bts.airports import zone_of
from ingest_writer.backfill.readers.bts.blocks import BlockReader
from ingest_writer.backfill.readers.bts.columns import Columns, is_ours
from ingest_writer.backfill.readers.bts.times import Clocks, ContradictionError, moments
from ingest_writer.backfill.readers.csv import DELIMITERS, Cells, CsvFile
from ingest_writer.backfill.readers.csv_blocks import BYTE_BY_BYTE, MOST_COLUMNS, CsvBlock, CsvBlocks
from ingest_writer.backfill.readers.model import (
    FileRow,
    Format,
    Head,
    InputFile,
    OpenFile,
    ReadOptions,
    RefusedRow,
    RowBlock,
)
from ingest_writer.backfill.readers.text import open_text

Value = TypeVar("Value")


class _RowError(Exception):
    """Why the row has no values."""


def _open(file: InputFile, options: ReadOptions) -> OpenFile:
    open_text(file, options).close()  # refuses UTF-16 that does not say so
    table = CsvFile(file, replace(options, encoding=options.encoding or BYTE_BY_BYTE))
    found = Columns(file.name, table.header, table.header_line)
    flights = _Flights(found, options.as_of or dt.datetime.now(dt.UTC))
    blocks = None
    is_plain = table.encoding == BYTE_BY_BYTE and options.csv_escape == "double"
    if is_plain and len(table.header) <= MOST_COLUMNS:
        positions = list(found.position.values())
        blocks = _blocks(CsvBlocks(file, table, positions, options.row_max_bytes), flights)
    return OpenFile(map(flights.row, table.rows()), share=table.share, notes=flights.notes, blocks=blocks)


def _blocks(read: CsvBlocks, flights: _Flights) -> Iterator[RowBlock | FileRow | RefusedRow]:
    for each in read:
        yield flights.block(each) if isinstance(each, CsvBlock) else flights.row(each)


def _as_written(row: RefusedRow) -> RefusedRow:
    """With the bytes of the file, not with the UTF-8 of what was read byte by byte."""
    try:
        return row if row.raw.isascii() else replace(row, raw=row.raw.decode().encode(BYTE_BY_BYTE))
    except UnicodeError:  # another encoding was asked for
        return row


class _Flights:
    """Makes the fields of an event of each row."""

    def __init__(self, found: Columns, as_of: dt.datetime) -> None:
        self._columns = found
        self._as_of = as_of
        self._blocks = BlockReader(found, as_of)
        self._no_tails: Counter[str] = Counter()

    def block(self, block: CsvBlock) -> RowBlock:
        """Many rows at once."""
        found = self._blocks.read(block)
        return RowBlock(
            block.first_number, found.fields, found.is_odd, lambda chosen: map(self.row, block.rows(chosen))
        )

    def row(self, row: Cells | RefusedRow) -> FileRow | RefusedRow:
        """One row."""
        if isinstance(row, RefusedRow):
            return _as_written(row)
        try:
            return FileRow(row.number, row.line, self.values(row))
        except _RowError as error:
            return _as_written(row.refused(str(error)))

    def notes(self) -> list[str]:
        """What was read otherwise than written."""
        if not self._no_tails:
            return []
        rows, name = self._no_tails.total(), self._columns.name(columns.TAIL)
        shown = ", ".join(repr(tail) for tail, _ in self._no_tails.most_common(3))
        return [f"took {name} as unknown in {rows:,} rows, where it is no registration: {shown}"]

    def values(self, row: Cells) -> dict[str, Any]:
        """The fields by name. Raises _RowError."""
        taken = _Row(self._columns, row.cells)
        is_cancelled = taken.needed(columns.CANCELLED, cells.flag)
        is_diverted = taken.needed(columns.DIVERTED, cells.flag)
        if is_cancelled and is_diverted:
            raise _RowError(f"{taken.shown(columns.CANCELLED)}, and {taken.shown(columns.DIVERTED)}: it can be one")
        values: dict[str, Any] = {
            "carrier": taken.carrier(),
            "flight_number": taken.needed(columns.NUMBER, cells.flight_number),
            "origin": taken.text(columns.ORIGIN),
            "destination": taken.text(columns.DESTINATION),
            "status": "cancelled" if is_cancelled else "diverted" if is_diverted else "arrived",
            "air_time_minutes": taken.known(columns.AIR_TIME, cells.minutes),
            "distance_km": taken.known(columns.DISTANCE, cells.kilometres),
            "tail_number": self._tail_number(taken.text(columns.TAIL)),
            "event_time": self._as_of,
        }
        clocks = _clocks(taken, values["status"])
        if is_diverted:
            values["diverted_to"] = taken.last_landing()
        values["flight_date"] = clocks.date
        values["departure_delay_minutes"] = clocks.departure_delay
        values["arrival_delay_minutes"] = clocks.arrival_delay
        values.update(_times(taken, clocks))
        return values

    def _tail_number(self, cell: str) -> str | None:
        if not cell:
            return None
        if (tail := cells.tail_number(cell)) is None:
            few = cell in self._no_tails or len(self._no_tails) < 100
            self._no_tails[cell[:20] if few else "(others)"] += 1
        return tail


class _Row:
    """The cells of one row by the names of their columns."""

    def __init__(self, found: Columns, row: list[str]) -> None:
        self._columns = found
        self._cells = {
            column: cell
            for column, position in found.position.items()
            if not cells.is_unknown(cell := row[position].strip())
        }

    def text(self, column: str) -> str:
        """The cell; blank if it is unknown, or there is no such column."""
        return self._cells.get(column, "")

    def name(self, column: str) -> str:
        """As the file calls it."""
        return self._columns.name(column)

    def shown(self, column: str) -> str:
        """The column and its value, for a reason."""
        return f"{self.name(column)} is {self.text(column)[:100]!r}"

    def known(self, column: str, read: Callable[[str], Value]) -> Value | None:
        """None if the cell is blank. Raises _RowError."""
        cell = self._cells.get(column)
        try:
            return None if cell is None else read(cell)
        except cells.CellError as error:
            raise _RowError(f"{self.shown(column)}: {error.args[0]}") from None

    def needed(self, column: str, read: Callable[[str], Value]) -> Value:
        """Raises _RowError."""
        value = self.known(column, read)
        if value is None:
            raise _RowError(f"{self.shown(column)}: a flight needs it")
        return value

    def carrier(self) -> str:
        """The unique code, without the number that tells earlier users of a code apart; else IATA's."""
        found = cells.carrier(self.text(columns.CARRIER)) or cells.carrier(self.text(columns.IATA_CARRIER))
        if found is None:
            column = columns.CARRIER if columns.CARRIER in self._columns.position else columns.IATA_CARRIER
            raise _RowError(f"{self.shown(column)}: takes a code of two or three letters and figures")
        return found

    def last_landing(self) -> str | None:
        """The last airport that the flight was diverted to: DivDistance calls it the final one."""
        return next((found for column in reversed(columns.LANDINGS) if (found := self.text(column))), None)


def _clocks(taken: _Row, status: str) -> Clocks:
    """Of a diverted flight, an arrival only if it reached its destination in the end."""
    known = taken.known
    has_reached = status == "diverted" and bool(known(columns.REACHED, cells.flag))
    delay, elapsed = (
        (columns.DIVERTED_DELAY, columns.DIVERTED_ELAPSED) if has_reached else (columns.ARRIVAL_DELAY, columns.ELAPSED)
    )
    has_arrived = status == "arrived" or has_reached
    return Clocks(
        date=taken.needed(columns.FLIGHT_DATE, cells.flight_date),
        crs_departure=taken.needed(columns.CRS_DEPARTURE, cells.clock),
        departure=known(columns.DEPARTURE, cells.clock),
        departure_delay=known(columns.DEPARTURE_DELAY, cells.minutes),
        crs_arrival=known(columns.CRS_ARRIVAL, cells.clock),
        crs_elapsed=known(columns.CRS_ELAPSED, cells.elapsed),
        arrival=known(columns.ARRIVAL, cells.clock) if has_arrived else None,
        arrival_delay=known(delay, cells.minutes) if has_arrived else None,
        elapsed=known(elapsed, cells.elapsed) if has_arrived else None,
        elapsed_column=elapsed,
        delay_column=delay,
    )


def _times(taken: _Row, clocks: Clocks) -> dict[str, Any]:
    zones = []
    for column in (columns.ORIGIN, columns.DESTINATION):
        code = taken.text(column)
        zone = zone_of(code)
        if zone is None:
            name = code if code.isalnum() and len(code) <= 4 else repr(code[:100])  # each airport is a reason by itself
            raise _RowError(f"{taken.name(column)} is {name}, an airport whose time zone is not known")
        zones.append(zone)
    try:
        found = moments(clocks, *zones)
    except ContradictionError as error:
        by = " and ".join(f"{taken.name(column)} {taken.text(column)[:20]!r}" for column in error.by)
        raise _RowError(f"{taken.shown(error.column)}, but it is {error.follows!r} by {by}") from None
    return {
        "scheduled_departure": found.scheduled_departure.isoformat(),
        "scheduled_arrival": found.scheduled_arrival,
        "actual_departure": found.actual_departure,
        "actual_arrival": found.actual_arrival,
    }


def _recognises(head: Head) -> bool:
    line = next((line for line in head.text.splitlines() if line.strip()), "")
    try:
        return any(is_ours(next(csv.reader([line], delimiter=each), [])) for each in DELIMITERS)
    except csv.Error:
        return False


BTS: Final = Format("bts", (), _recognises, _open)
