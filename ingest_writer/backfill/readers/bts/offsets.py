"""Offsets of time zones for many moments at once, where no time change is near."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc

from ingest_writer.backfill.readers.bts.airports import zone_of

_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_HOUR: Final = dt.timedelta(hours=1)
_HOURS: Final = 1 << 32  # more than any moment has since 1970

Offset = Callable[[ZoneInfo, int], int | None]


class Zones:
    """Time zones by number, so that columns can have them."""

    def __init__(self) -> None:
        self._numbers: dict[ZoneInfo, int] = {}

    def number(self, airport: str) -> int | None:
        """The number of the airport's zone; None if it is not known."""
        zone = zone_of(airport)
        return None if zone is None else self._numbers.setdefault(zone, len(self._numbers))

    def utc_offsets(self, zones: pa.Array, minutes: pa.Array) -> pa.Array:
        """Offsets in minutes at moments, which are minutes since 1970 in UTC. Null: a change is within the hour."""
        return self._offsets(zones, minutes, _at_moment)

    def wall_offsets(self, zones: pa.Array, minutes: pa.Array) -> pa.Array:
        """The same of what calendars and clocks show, as minutes since 1970 without an offset."""
        return self._offsets(zones, minutes, _on_wall)

    def _offsets(self, zones: pa.Array, minutes: pa.Array, offset: Offset) -> pa.Array:
        """Each hour of a zone is looked up once."""
        found = pc.add(pc.multiply(zones, _HOURS), pc.divide(minutes, 60)).dictionary_encode()
        by_number = list(self._numbers)
        offsets = [
            None if hour is None else offset(by_number[hour // _HOURS], hour % _HOURS)
            for hour in found.dictionary.to_pylist()
        ]
        return pa.array(offsets, pa.int64()).take(found.indices)


@lru_cache(maxsize=100_000)
def _at_moment(zone: ZoneInfo, hour: int) -> int | None:
    begin = _EPOCH + hour * _HOUR
    return _only([moment.astimezone(zone).utcoffset() for moment in (begin, begin + _HOUR)])


@lru_cache(maxsize=100_000)
def _on_wall(zone: ZoneInfo, hour: int) -> int | None:
    """One that is repeated or left out has two readings: with both folds at both ends, none is missed."""
    begin = (_EPOCH + hour * _HOUR).replace(tzinfo=zone)
    return _only([wall.replace(fold=fold).utcoffset() for wall in (begin, begin + _HOUR) for fold in (0, 1)])


def _only(offsets: list[dt.timedelta | None]) -> int | None:
    """In minutes, if they are one and whole: no time zone changed twice within an hour."""
    [first, *others] = offsets
    minutes, rest = divmod(first or dt.timedelta(), dt.timedelta(minutes=1))
    return minutes if not rest and all(other == first for other in others) else None
