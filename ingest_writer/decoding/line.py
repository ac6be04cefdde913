"""From the bytes of one line to the row of one event, or the reason why there is none.

A line is one JSON object, strictly: no duplicate keys, no `NaN`, limited nesting. Objects within it
are parsed and thrown away: a message of 10 MB must not become gigabytes of Python objects.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from ingest_writer.decoding.event import Event, Origin, RejectError, Row
from lakehouse.schema import event as rules
from lakehouse.schema.event import DECODER_VERSION
from lakehouse.schema.fields import Time

_KNOWN: Final = frozenset(Event.__struct_fields__)
_TIMES: Final = tuple(name for name in Event.__struct_fields__ if isinstance(rules.FIELD[name], Time))
_RFC_3339: Final = re.compile(
    r"[0-9-]{10}[Tt][0-9:]{8}(?:\.(?P<fraction>[0-9]+))?(?P<offset>[Zz]|[+-][0-9]{2}:[0-9]{2})"
)  # rejects what else the library accepts; the library knows the calendar
_FRACTION_DIGITS: Final = 6
_DECODER: Final = msgspec.json.Decoder(Event)
_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
MIN_US: Final = -62_135_510_400_000_000  # 0001-01-02: any offset fits
MAX_US: Final = 253_402_128_000_000_000  # 9999-12-30
_MAX_LEAD_US: Final = rules.MAX_EVENT_LEAD // dt.timedelta(microseconds=1)
_YEARS: Final = f"{rules.MIN_FLIGHT_DATE.year} to {rules.MAX_FLIGHT_DATE.year}"
_MINUTE_US: Final = 60_000_000
_UNKNOWN_OFFSET: Final = "-00:00"
_UNKNOWN_NAMES: Final = 1000
"""Of unknown fields, counted one by one; the others are counted together."""
_OTHER_NAMES: Final = "(others)"
_MAX_NESTING: Final = 100
"""Brackets within brackets; no event needs more than one. Python's own limit depends on the caller."""
_STRINGS: Final = re.compile(rb'"(?:[^"\\]|\\.)*+"?', re.DOTALL)  # an open one goes to the end: linear
_ONE_KIND: Final = bytes.maketrans(b"{}", b"[]")
_OPENING: Final = ord("[")
_BEGIN_BYTES: Final = 10_000
_NO_BRACKETS: Final = bytes(set(range(256)) - set(b"[]{}"))
_INTEGER_DIGITS: Final = 20  # no field has more than a few


def decode_line(line: bytes, origin: Origin, unknown_fields: Counter[str]) -> Row:
    """The row of one line. Raises RejectError."""
    return to_row(_parse(line, unknown_fields), origin)


def decode_object(values: Mapping[str, Any], origin: Origin, unknown_fields: Counter[str]) -> Row:
    """The row of one object that is already parsed. Raises RejectError."""
    for name in values.keys() - _KNOWN:
        count_name(unknown_fields, name)
    try:
        event = msgspec.convert(values, Event)
        _take_times_as_written(event, values)
        return to_row(event, origin)
    except msgspec.ValidationError as error:
        raise RejectError("validate", str(error)) from None


def to_row(event: Event, origin: Origin) -> Row:
    """The row of a valid event, with the rules that span several fields. Raises RejectError."""
    scheduled = _microseconds(event.scheduled_departure, "scheduled_departure")
    event_time = _microseconds(event.event_time, "event_time")
    _check_dates(event, event_time, origin.publish_time_us)
    departure = _optional_microseconds(event.actual_departure, "actual_departure")
    scheduled_arrival = _optional_microseconds(event.scheduled_arrival, "scheduled_arrival")
    arrival = _optional_microseconds(event.actual_arrival, "actual_arrival")
    _check_arrivals(scheduled, scheduled_arrival, departure, arrival)
    departure_delay = event.departure_delay_minutes
    if departure_delay is None:
        departure_delay = _delay("departure_delay_minutes", departure, scheduled)
    arrival_delay = event.arrival_delay_minutes
    if arrival_delay is None:
        arrival_delay = _delay("arrival_delay_minutes", arrival, scheduled_arrival)
    return (
        event.flight_date,
        event.carrier,
        event.flight_number,
        event.operational_suffix or "",
        event.origin,
        event.destination,
        event.diverted_to,
        scheduled,
        event.scheduled_departure.hour,
        scheduled_arrival,
        departure,
        arrival,
        event.status,
        departure_delay,
        arrival_delay,
        event.air_time_minutes,
        event.distance_km,
        event.tail_number,
        event_time,
        origin.publish_time_us,
        origin.message_id,
        origin.message_line,
        DECODER_VERSION,
    )


def count_name(counts: Counter[str], name: str, times: int = 1) -> None:
    """Counts an unknown field by name, for a bounded number of names.

    A publisher that puts ids into names must not fill the memory.
    """
    short = name[:80]
    is_kept = short in counts or len(counts) < _UNKNOWN_NAMES
    counts[short if is_kept else _OTHER_NAMES] += times


def _parse(line: bytes, unknown_fields: Counter[str]) -> Event:
    if not line.strip():
        raise RejectError("decode", "empty: there is no JSON object in it")
    values = parse_object(line, keep_numbers=False)
    event = _validate(line)
    _take_times_as_written(event, values)
    for name in values.keys() - _KNOWN:
        count_name(unknown_fields, name)
    return event


def _validate(line: bytes) -> Event:
    try:
        return _DECODER.decode(line)
    except msgspec.ValidationError as error:
        raise RejectError("validate", str(error)) from None
    except RecursionError:
        raise RejectError("decode", "nested too deep") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RejectError("decode", f"not JSON: {str(error)[:200]}") from None


def _take_times_as_written(event: Event, values: Mapping[str, Any]) -> None:
    """Checks the form of times given as text, and cuts fractions to microseconds.

    The library would round them. Raises RejectError.
    """
    for name in _TIMES:
        text = values.get(name)
        if not isinstance(text, str):
            continue
        match = _RFC_3339.fullmatch(text)
        if match is None:
            wanted = "RFC 3339 has a T between date and time, and a colon in the offset"
            raise RejectError("validate", f"{wanted}, not {text!r} - at `$.{name}`")
        if match["offset"] == _UNKNOWN_OFFSET and name == "scheduled_departure":
            unknown = "-00:00 is an unknown offset (RFC 3339, 4.3), so the local hour of departure is unknown"
            raise RejectError("validate", f"{unknown} - at `$.{name}`")
        if len(match["fraction"] or "") > _FRACTION_DIGITS:
            cut = text[: match.start("fraction") + _FRACTION_DIGITS] + match["offset"]
            setattr(event, name, msgspec.convert(cut, dt.datetime))


def _microseconds(value: dt.datetime, name: str) -> int:
    delta = value - _EPOCH
    result = (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds
    if not MIN_US <= result <= MAX_US:
        raise RejectError("validate", f"{name} is {value.isoformat()}, outside the years 1 to 9999 in UTC")
    return result


def _optional_microseconds(value: dt.datetime | None, name: str) -> int | None:
    return None if value is None else _microseconds(value, name)


def _check_dates(event: Event, event_time_us: int, publish_time_us: int) -> None:
    day = event.flight_date
    if not rules.MIN_FLIGHT_DATE <= day <= rules.MAX_FLIGHT_DATE:
        raise RejectError("validate", f"flight_date is {day}, outside {_YEARS}")
    apart = abs(event.scheduled_departure.toordinal() - day.toordinal())
    if apart > rules.MAX_DAYS_FROM_SCHEDULED_DEPARTURE:
        most = rules.MAX_DAYS_FROM_SCHEDULED_DEPARTURE
        raise RejectError(
            "validate", f"flight_date {day} is {apart} days from scheduled_departure; at most {most} may be"
        )
    if event_time_us - publish_time_us > _MAX_LEAD_US:
        lead = f"{rules.MAX_EVENT_LEAD // dt.timedelta(hours=1)} h"
        raise RejectError(
            "validate", f"event_time {event.event_time.isoformat()} is more than {lead} after the message was published"
        )


def _check_arrivals(scheduled: int, scheduled_arrival: int | None, departure: int | None, arrival: int | None) -> None:
    _check_arrival("scheduled", scheduled, scheduled_arrival)
    _check_arrival("actual", departure, arrival)


def _check_arrival(kind: str, departure_us: int | None, arrival_us: int | None) -> None:
    if departure_us is None or arrival_us is None or arrival_us >= departure_us:
        return
    before = f"{kind}_arrival {_text(arrival_us)} is before {kind}_departure {_text(departure_us)}"
    raise RejectError("validate", f"{before}; a flight over midnight arrives on the next date")


def _text(microseconds: int) -> str:
    return (_EPOCH + dt.timedelta(microseconds=microseconds)).isoformat().replace("+00:00", "Z")


def _delay(name: str, actual_us: int | None, scheduled_us: int | None) -> int | None:
    if actual_us is None or scheduled_us is None:
        return None
    minutes = (actual_us - scheduled_us) // _MINUTE_US
    if not rules.MIN_COMPUTED_DELAY_MINUTES <= minutes <= rules.MAX_COMPUTED_DELAY_MINUTES:
        within = f"{rules.MIN_COMPUTED_DELAY_MINUTES} to {rules.MAX_COMPUTED_DELAY_MINUTES}"
        hint = f"are the times of the right date? If so, give {name}"
        raise RejectError("validate", f"{name} (actual minus scheduled) is {minutes}, outside {within}; {hint}")
    return minutes


class _NestedObject:
    """Stands for any object within the event: no field is one."""

    def __repr__(self) -> str:
        return "{...}"


_NestedObject.__name__ = "object"  # in reasons of msgspec
_NESTED: Final = _NestedObject()


def parse_object(line: bytes, *, keep_numbers: bool) -> dict[str, Any]:
    """The fields of the object. Raises RejectError.

    `keep_numbers`: else a number is a 0 of its kind, which takes no time and no memory.
    """
    if is_nested_too_deep(line):
        raise RejectError("decode", "nested too deep")
    last = _LastObject()
    try:
        value = json.loads(
            line.decode(),
            object_pairs_hook=last,
            parse_constant=_no_constant,
            parse_int=_integer if keep_numbers else _zero,
            parse_float=float if keep_numbers else _zero,
        )
    except UnicodeDecodeError as error:
        raise RejectError("decode", f"not UTF-8: byte {error.start} is 0x{line[error.start]:02x}") from None
    except RecursionError:
        raise RejectError("decode", "nested too deep") from None
    except ValueError as error:
        raise RejectError("decode", f"not JSON: {str(error)[:200]}") from None
    if value is not _NESTED:
        raise RejectError("decode", f"a JSON {type(value).__name__}, not an object")
    return _without_duplicates(last.pairs)


def is_nested_too_deep(data: bytes) -> bool:
    """Whether brackets that match, outside of strings, are within more than _MAX_NESTING others."""
    if data.count(b"[") + data.count(b"{") <= _MAX_NESTING:
        return False
    if _begins_too_deep(data[:_BEGIN_BYTES]):
        return True
    brackets = _STRINGS.sub(b"", data).translate(_ONE_KIND, _NO_BRACKETS)
    for _ in range(_MAX_NESTING):
        inner = len(brackets)
        brackets = brackets.replace(b"[]", b"")
        if len(brackets) == inner:
            return False  # the rest, if any, does not match: no JSON
    return b"[]" in brackets


def _begins_too_deep(begin: bytes) -> bool:
    """Finds 10 MB of opening brackets at once."""
    depth = 0
    for bracket in _STRINGS.sub(b"", begin).translate(_ONE_KIND, _NO_BRACKETS):
        depth += 1 if bracket == _OPENING else -1
        if depth > _MAX_NESTING:
            return True
    return False


class _LastObject:
    """Keeps the object that was finished last, which is the outermost, and forgets those within."""

    def __init__(self) -> None:
        self.pairs: list[tuple[str, Any]] = []

    def __call__(self, pairs: list[tuple[str, Any]]) -> _NestedObject:
        self.pairs = pairs
        return _NESTED


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        names = Counter(name for name, _ in pairs)
        twice = sorted(name[:80] for name, times in names.items() if times > 1)
        raise RejectError("decode", f"duplicate keys: {', '.join(twice[:5])}")
    return values


def _integer(text: str) -> int | float:
    """Python refuses integers of many digits."""
    return int(text) if len(text) <= _INTEGER_DIGITS else float("inf")


def _zero(text: str) -> float:
    return 0 if text.lstrip("-").isdigit() else 0.0


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON value")
