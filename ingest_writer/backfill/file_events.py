"""From the values of a file's row to the row of an event: one strict path behind all readers.

It knows how programs write what an event means (midnight for a date, 5.0 for 5, a timestamp and the
local hour next to it) and leaves every rule about events to the decoder.
"""

from __future__ import annotations

import datetime as dt
import json
import math
import re
from collections import Counter
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final

from ingest_writer.backfill.readers.header import FROM_FILE, HOUR, OWN
from ingest_writer.decoding.event import Origin, RejectError, Row
from ingest_writer.decoding.line import count_name, decode_object
from lakehouse.schema.event import FIELD
from lakehouse.schema.fields import Date, Integer, Time

LOAD_ID: Final = "load:"
"""The message ids of rows of files begin with it; their file's SHA-256 follows."""
_DEPARTURE: Final = "scheduled_departure"
_SHOWN_CHARACTERS: Final = 100
_MIDNIGHT: Final = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})[ T]00:00:00(?:\.0+)?(?:Z|[+-]00:?(?:00)?)?")
_OF_AN_ENGINE: Final = re.compile(
    r"(?P<date>[0-9]{4}-[0-9]{2}-[0-9]{2})[ T](?P<time>[0-9]{2}:[0-9]{2}:[0-9]{2}(?P<fraction>\.[0-9]+)?)"
    r"(?:(?P<hours>[+-][0-9]{2})(?::?(?P<minutes>[0-9]{2}))?| UTC|(?(fraction)Z|(?!)))"
)  # as DuckDB, Polars, pandas, BigQuery and (with a fraction and Z) Arrow write a timestamp
_RFC_3339: Final = re.compile(r"[0-9-]{10}[Tt][0-9:]{8}(?:\.[0-9]+)?(?:[Zz]|[+-][0-9]{2}:[0-9]{2})")
_AT: Final = re.compile(r"at `\$\.(\w+)`")
_EASTMOST: Final = 14
_WESTMOST: Final = -12
_HOUR_IS_UNKNOWN: Final = (
    "scheduled_departure is {how}, so its local hour is unknown; give it as text with the"
    " origin's offset, or add the column scheduled_departure_hour"
)


class ValueRejectedError(RejectError):
    """One value of the row cannot be used. `kind` is the reason without the value."""

    def __init__(self, column: str, value: object, why: str) -> None:
        shown = repr(value) if isinstance(value, str) else str(value)
        if len(shown) > _SHOWN_CHARACTERS:
            shown = f"{shown[:_SHOWN_CHARACTERS]}..."
        super().__init__("validate", f"{column} is {shown}: {why}")
        self.kind = f"{column}: {why}"


def event_row(values: Mapping[str, Any], origin: Origin, unknown_fields: Counter[str]) -> Row:
    """The row of one event. Raises RejectError."""
    event: dict[str, Any] = {}
    for name, value in values.items():
        if value is None or name in OWN:
            continue
        if (take := _TAKE.get(name)) is None:
            count_name(unknown_fields, name)
        elif (taken := take(name, value)) is not None:
            event[name] = taken
    hour = event.pop(HOUR, None)
    if _DEPARTURE in event:
        event[_DEPARTURE] = _departure(event[_DEPARTURE], values[_DEPARTURE], hour, event.get("flight_date"))
    try:
        return decode_object(event, origin, unknown_fields)
    except RejectError as error:
        if (column := _AT.search(error.reason)) and column[1] in values:
            raise ValueRejectedError(column[1], values[column[1]], error.reason) from None
        raise


def raw_of(values: Mapping[str, Any]) -> bytes:
    """The values as JSON, which decodes again to what they are now, or not at all."""
    departure = values.get(_DEPARTURE)
    if isinstance(departure, dt.datetime) and values.get(HOUR) is None:
        # Without the offset, which is not the origin's: decoded again, the line must not pass with a wrong hour.
        values = {**values, _DEPARTURE: f"{departure:%FT%T.%f}"}
    known = {name: value for name, value in values.items() if value is not None}
    return json.dumps(known, default=_as_text, ensure_ascii=False).encode(errors="surrogateescape")


def _as_text(value: object) -> str:
    return value.isoformat() if isinstance(value, dt.date) else str(value)


def _date(name: str, value: Any) -> Any:
    if isinstance(value, str):
        match = _MIDNIGHT.fullmatch(value) if len(value) > len("2013-01-01") else None
        return match[1] if match else value
    if isinstance(value, dt.datetime):
        if value.time() != dt.time():
            raise ValueRejectedError(name, value, "a time of day is no date; only midnight is")
        return value.date()
    return _unless_nan(value)


def _integer(name: str, value: Any) -> Any:
    if type(value) is int:
        return value
    if isinstance(value, bool):
        raise ValueRejectedError(name, value, "a truth value is no number")
    value = _unless_nan(value)
    if isinstance(value, float | Decimal) and math.isfinite(value) and value == int(value):
        return int(value)
    return value


def _text(name: str, value: Any) -> Any:
    if type(value) is str:
        return value
    if isinstance(value, bool):
        raise ValueRejectedError(name, value, "a truth value is no text")
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            raise ValueRejectedError(name, value, "not UTF-8") from None
    return _unless_nan(value)


def _time(name: str, value: Any) -> Any:
    if isinstance(value, str):
        is_usual = value[10:11] == "T" and (value[-1:] == "Z" or value[-3:-2] == ":")
        match = None if is_usual else _OF_AN_ENGINE.fullmatch(value)
        if match is None:
            return value
        return f"{match['date']}T{match['time']}{match['hours'] or '+00'}:{match['minutes'] or '00'}"
    if isinstance(value, dt.datetime) and value.tzinfo is None:
        raise ValueRejectedError(name, value, f"a timestamp without a time zone - at `$.{name}`")
    return _unless_nan(value)


def _unless_nan(value: Any) -> Any:
    """Not a number: how programs write an unknown value into a column of numbers."""
    return None if isinstance(value, float | Decimal) and math.isnan(value) else value


def _takes(name: str) -> Callable[[str, Any], Any]:
    match FIELD[name]:
        case Date():
            return _date
        case Integer():
            return _integer
        case Time():
            return _time
        case _:
            return _text


_TAKE: Final = {name: _takes(name) for name in FROM_FILE}


def _departure(departure: Any, given: Any, hour: Any, flight_date: Any) -> Any:
    """The departure at an offset whose hour is the local one. Raises RejectError if the row contradicts itself."""
    if hour is None:
        if isinstance(given, dt.datetime):
            raise RejectError("validate", _HOUR_IS_UNKNOWN.format(how="a timestamp column"))
        if isinstance(given, str) and departure != given and not _RFC_3339.fullmatch(given):
            raise ValueRejectedError(_DEPARTURE, given, _HOUR_IS_UNKNOWN.format(how="an engine's timestamp"))
        return departure
    if type(hour) is not int or not 0 <= hour <= 23:
        raise ValueRejectedError(HOUR, hour, "takes an hour from 0 to 23")
    if isinstance(departure, str):
        if not _RFC_3339.fullmatch(departure) or departure.endswith("-00:00"):
            return departure  # the decoder says what is wrong
        moment = _moment(departure)
    else:
        moment = departure
    if not isinstance(moment, dt.datetime) or moment.hour == hour:
        return departure
    if isinstance(given, str) and _RFC_3339.fullmatch(given) and moment.utcoffset():  # else an engine's session's
        raise ValueRejectedError(HOUR, hour, f"contradicts scheduled_departure, whose local hour is {moment.hour}")
    return _at_hour(moment, hour, flight_date)


def _moment(text: str) -> dt.datetime | None:
    try:
        return dt.datetime.fromisoformat(text.upper())
    except ValueError:
        return None


def _at_hour(departure: dt.datetime, hour: int, flight_date: Any) -> dt.datetime:
    """The same moment where the clock shows that hour: of two such offsets, the one nearer the flight's date."""
    east = (hour - departure.astimezone(dt.UTC).hour) % 24
    offsets = [offset for offset in (east, east - 24) if _WESTMOST <= offset <= _EASTMOST]
    there = [departure.astimezone(dt.timezone(dt.timedelta(hours=offset))) for offset in offsets]
    day = _day(flight_date)
    return there[0] if day is None else min(there, key=lambda moment: abs(moment.toordinal() - day.toordinal()))


def _day(flight_date: Any) -> dt.date | None:
    if isinstance(flight_date, dt.date):
        return flight_date
    try:
        return dt.date.fromisoformat(str(flight_date))
    except ValueError:
        return None
