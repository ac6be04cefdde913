"""The DOT's rows by blocks: what `reader.py` makes of a row, for all ordinary rows of a block at once.

A row is ordinary if every cell that counts is blank or of the usual form, it was not diverted, its times
follow from minutes, no clock contradicts them, and no time change is within an hour of any of them. What
may be otherwise is marked odd, which is always right: those rows are read one by one.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache, reduce
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from ingest_writer.backfill.readers.bts import cells, columns
from ingest_writer.backfill.readers.bts.columns import Columns
from ingest_writer.backfill.readers.bts.offsets import Zones
from ingest_writer.backfill.readers.csv_blocks import BYTE_BY_BYTE, CsvBlock

_DAY: Final = 24 * 60
_MINUTE_US: Final = 60_000_000
_UTC: Final = pa.timestamp("us", tz="UTC")
_ODD: Final = object()
_STATUS: Final = ("arrived", "cancelled")


@dataclass(frozen=True)
class EventColumns:
    """Fields of events by name, and for each row whether it is odd and they are meaningless."""

    fields: dict[str, pa.Array]
    is_odd: pa.Array


class BlockReader:
    """Reads the blocks of one file."""

    def __init__(self, found: Columns, as_of: dt.datetime) -> None:
        self._position = found.position
        self._as_of = as_of
        self._zones = Zones()
        self._readers: dict[Callable[[str], Any], Callable[[bytes], Any]] = {}

    def read(self, block: CsvBlock) -> EventColumns:
        """What the rows say."""
        taken = _Cells(block, self._position, self._readers)
        is_cancelled = taken.needed(columns.CANCELLED, cells.flag, pa.bool_())
        taken.mark(taken.needed(columns.DIVERTED, cells.flag, pa.bool_()))
        carriers = [taken.known(each, cells.carrier, pa.string()) for each in (columns.CARRIER, columns.IATA_CARRIER)]
        fields = {
            "flight_date": taken.needed(columns.FLIGHT_DATE, cells.flight_date, pa.date32()),
            "carrier": pc.coalesce(*carriers),
            "flight_number": taken.needed(columns.NUMBER, cells.flight_number, pa.int64()),
            "origin": taken.needed(columns.ORIGIN, str, pa.string()),
            "destination": taken.needed(columns.DESTINATION, str, pa.string()),
            "status": pc.if_else(is_cancelled, pa.scalar("cancelled"), pa.scalar("arrived")),
            "air_time_minutes": taken.known(columns.AIR_TIME, cells.minutes, pa.int64()),
            "distance_km": taken.known(columns.DISTANCE, cells.kilometres, pa.int64()),
            "tail_number": taken.known(columns.TAIL, _registration, pa.string()),
            "event_time": pa.repeat(pa.scalar(self._as_of, _UTC), block.num_rows),
        }
        fields |= _Times(taken, self._zones, is_cancelled).fields(fields["flight_date"])
        return EventColumns(fields, taken.is_odd())


def _registration(cell: str) -> str:
    """A text that is none is counted, row by row."""
    if (tail := cells.tail_number(cell)) is None:
        raise cells.CellError
    return tail


class _Cells:
    """The cells of a block by the names of their columns, and which rows are odd."""

    def __init__(
        self,
        block: CsvBlock,
        position: Mapping[str, int],
        readers: dict[Callable[[str], Any], Callable[[bytes], Any]],
    ) -> None:
        self._block = block
        self._position = position
        self._readers = readers
        self._odd: list[pa.Array] = []

    def mark(self, is_odd: pa.Array) -> None:
        """Marks rows as odd; null counts as False."""
        self._odd.append(pc.fill_null(is_odd, False))

    def is_odd(self) -> pa.Array:
        """All that were marked."""
        return reduce(pc.or_, self._odd)

    def needed(self, column: str, read: Callable[[str], Any], kind: pa.DataType) -> pa.Array:
        """A row without the value is odd."""
        values = self.known(column, read, kind)
        self.mark(values.is_null())
        return values

    def known(self, column: str, read: Callable[[str], Any], kind: pa.DataType) -> pa.Array:
        """Null if the cell is blank, or is read by nobody: then the row is odd. Each distinct cell is read once."""
        position = self._position.get(column)
        if position is None:
            return pa.nulls(self._block.num_rows, kind)
        encoded = self._block.column(position).dictionary_encode()
        if read not in self._readers:
            self._readers[read] = _reader(read)
        values = list(map(self._readers[read], encoded.dictionary.to_pylist()))
        if _ODD in values:
            odd = [value is _ODD for value in values]
            values = [None if value is _ODD else value for value in values]
            self.mark(pa.array(odd).take(encoded.indices))
        return pa.array(values, kind).take(encoded.indices)


def _reader(read: Callable[[str], Any]) -> Callable[[bytes], Any]:
    """What `read` makes of a cell as it is in the file; None if it is blank, _ODD if nobody can read it."""

    @lru_cache(maxsize=20_000)
    def value(cell: bytes) -> Any:
        text = cell.decode(BYTE_BY_BYTE).strip()
        try:
            return None if cells.is_unknown(text) else read(text)
        except cells.CellError:
            return _ODD

    return value


class _Times:
    """Moments as minutes since 1970 in UTC, as `times.py` finds them; a row that needs more than minutes is odd."""

    def __init__(self, taken: _Cells, zones: Zones, is_cancelled: pa.Array) -> None:
        self._taken = taken
        self._zones = zones
        self._is_cancelled = is_cancelled

    def fields(self, date: pa.Array) -> dict[str, pa.Array]:
        """Times and delays of flights on these dates."""
        origin, destination = (
            self._taken.needed(column, self._zones.number, pa.int64())
            for column in (columns.ORIGIN, columns.DESTINATION)
        )
        days = pc.multiply(date.cast(pa.int32()).cast(pa.int64()), _DAY)
        wall = pc.add(days, self._clock(columns.CRS_DEPARTURE))
        scheduled = pc.subtract(wall, self._zones.wall_offsets(origin, wall))
        self._taken.mark(scheduled.is_null())
        scheduled_arrival = pc.add(scheduled, self._minutes(columns.CRS_ELAPSED, cells.elapsed))
        self._agree(scheduled_arrival, self._clock(columns.CRS_ARRIVAL), destination)
        departure_delay = self._minutes(columns.DEPARTURE_DELAY, cells.minutes)
        departure = pc.add(scheduled, departure_delay)
        self._agree(departure, self._clock(columns.DEPARTURE), origin)
        arrival_delay = self._of_arrived(self._minutes(columns.ARRIVAL_DELAY, cells.minutes))
        arrival = pc.add(departure, self._of_arrived(self._minutes(columns.ELAPSED, cells.elapsed)))
        self._agree(arrival, self._of_arrived(self._clock(columns.ARRIVAL)), destination)
        self._taken.mark(pc.and_(arrival.is_null(), arrival_delay.is_valid()))
        self._taken.mark(pc.not_equal(pc.add(scheduled_arrival, arrival_delay), arrival))
        return {
            "scheduled_departure": _moments(scheduled),
            "scheduled_departure_hour": pc.divide(_within_day(wall), 60),
            "scheduled_arrival": _moments(scheduled_arrival),
            "actual_departure": _moments(departure),
            "actual_arrival": _moments(arrival),
            "departure_delay_minutes": departure_delay,
            "arrival_delay_minutes": arrival_delay,
        }

    def _clock(self, column: str) -> pa.Array:
        return self._minutes(column, cells.clock)

    def _minutes(self, column: str, read: Callable[[str], int]) -> pa.Array:
        return self._taken.known(column, read, pa.int64())

    def _of_arrived(self, values: pa.Array) -> pa.Array:
        return pc.if_else(self._is_cancelled, pa.scalar(None, values.type), values)

    def _agree(self, moments: pa.Array, clocks: pa.Array, zones: pa.Array) -> None:
        """A row is odd if it has a clock, and the clock does not certainly show the moment."""
        local = pc.add(moments, self._zones.utc_offsets(zones, moments))
        is_right = pc.equal(_within_day(local), _within_day(clocks))
        self._taken.mark(pc.and_(clocks.is_valid(), pc.invert(pc.fill_null(is_right, False))))


def _within_day(minutes: pa.Array) -> pa.Array:
    return pc.subtract(minutes, pc.multiply(pc.divide(minutes, _DAY), _DAY))


def _moments(minutes: pa.Array) -> pa.Array:
    return pc.multiply(minutes, _MINUTE_US).cast(_UTC)
