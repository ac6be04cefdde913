"""The expected result of a message, written from docs/event.md alone; shares no project code.

It uses Python's own JSON parser in strict form; the project mostly uses another one.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from dataclasses import dataclass, field
from typing import Any

_BLANK = b" \t\r\v\f\n"
_DEEPEST = 100
_TIME = re.compile(r"(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:[Zz]|([+-])(\d\d):(\d\d))", re.ASCII)
_DATE = re.compile(r"(\d{4})-(\d\d)-(\d\d)", re.ASCII)
_DAY_US = 86_400_000_000
_EPOCH = dt.date(1970, 1, 1).toordinal()
_FIRST_US = (dt.date(1, 1, 2).toordinal() - _EPOCH) * _DAY_US
_LAST_US = (dt.date(9999, 12, 30).toordinal() - _EPOCH) * _DAY_US
_LETTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
_TAIL = _LETTERS | frozenset("abcdefghijklmnopqrstuvwxyz0123456789-")
_CODE = _LETTERS | frozenset("0123456789")
_STATUSES = frozenset(["scheduled", "departed", "arrived", "cancelled", "diverted", "void"])
_DECODER_VERSION = 3
_MOST_DATES = 400


class _Bad(Exception):
    """The line is not a valid event."""


class _Object(list[tuple[str, Any]]):
    pass


class _Fraction:
    """A number that is not written as an integer."""


@dataclass
class Expected:
    """Rows and rejected bytes of one message by line number."""

    rows: dict[int, tuple[Any, ...]] = field(default_factory=dict)
    rejected: dict[int, bytes] = field(default_factory=dict)


def expect(data: bytes, message_id: str, publish_time_us: int) -> Expected:
    """What must become of the message."""
    expected = Expected()
    dates: set[dt.date] = set()
    for number, line in lines(data):
        try:
            columns = _columns(_values(line), publish_time_us)
            if len(dates | {columns[0]}) > _MOST_DATES:
                raise _Bad
            dates.add(columns[0])
            expected.rows[number] = (
                *columns,
                publish_time_us,
                message_id,
                number,
                _DECODER_VERSION,
            )
        except _Bad:
            expected.rejected[number] = line
    return expected


def lines(data: bytes) -> list[tuple[int, bytes]]:
    """The lines that have to be accounted for."""
    found = [(number, line) for number, line in enumerate(data.split(b"\n")) if line.strip(_BLANK)]
    if not found:
        return [(0, data)]
    if b"\n" in data and data.strip(_BLANK).startswith(b"{") and not _is_json(found[0][1]) and _is_json(data):
        return [(0, data)]
    return found if b"\n" in data else [(0, data)]


def _is_json(data: bytes) -> bool:
    try:
        _parse(data.decode(errors="replace"))
    except _Bad:
        return False
    return True


def _values(line: bytes) -> dict[str, Any]:
    try:
        text = line.decode()
    except UnicodeDecodeError as error:
        raise _Bad from error
    pairs = _parse(text)
    if not isinstance(pairs, _Object) or len({name for name, _ in pairs}) != len(pairs):
        raise _Bad
    return dict(pairs)


def _parse(text: str) -> Any:
    if _depth(text) > _DEEPEST:
        raise _Bad
    try:
        value = json.loads(
            text, object_pairs_hook=_Object, parse_int=_integer, parse_float=lambda _: _Fraction(), parse_constant=_no
        )
    except (ValueError, RecursionError) as error:
        raise _Bad from error
    _check_characters(value)
    return value


def _integer(text: str) -> int:
    return int(text) if len(text) < 20 else 10**19


def _no(_: str) -> None:
    raise _Bad


def _check_characters(value: Any) -> None:
    """Halves of surrogate pairs are in no text and in no name: they have no bytes."""
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise _Bad from error
    elif isinstance(value, _Object):
        for name, inner in value:
            _check_characters(name)
            _check_characters(inner)
    elif isinstance(value, list):
        for inner in value:
            _check_characters(inner)


def _depth(text: str) -> int:
    deepest = depth = 0
    is_string = is_escaped = False
    for character in text if text.count("[") + text.count("{") > _DEEPEST else "":
        if is_string:
            is_string = is_escaped or character != '"'
            is_escaped = character == "\\" and not is_escaped
        elif character == '"':
            is_string = True
        elif character in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif character in "]}":
            depth -= 1
    return deepest


def _columns(values: dict[str, Any], publish_time_us: int) -> tuple[Any, ...]:
    """The columns up to event_time."""
    day = _day(values.get("flight_date"))
    scheduled_us, local_day, hour = _time(values.get("scheduled_departure"))
    event_us = _time(values.get("event_time"))[0]
    scheduled_arrival, departure, arrival = (
        None if values.get(name) is None else _time(values[name])[0]
        for name in ("scheduled_arrival", "actual_departure", "actual_arrival")
    )
    if _is_before(scheduled_arrival, scheduled_us) or _is_before(arrival, departure):
        raise _Bad
    if values["scheduled_departure"].endswith("-00:00"):
        raise _Bad
    if abs(day.toordinal() - local_day) > 7 or event_us - publish_time_us > _DAY_US:
        raise _Bad
    suffix = values.get("operational_suffix")
    if suffix is not None and (not isinstance(suffix, str) or len(suffix) > 1 or not set(suffix) <= _LETTERS):
        raise _Bad
    tail = values.get("tail_number")
    if tail is not None and (not isinstance(tail, str) or not 1 <= len(tail) <= 10 or not set(tail) <= _TAIL):
        raise _Bad
    status = values.get("status")
    if not isinstance(status, str) or status not in _STATUSES:
        raise _Bad
    return (
        day,
        _code(values.get("carrier"), 2, 3),
        _number(values.get("flight_number"), 1, 9999),
        suffix or "",
        _code(values.get("origin"), 3, 4),
        _code(values.get("destination"), 3, 4),
        None if values.get("diverted_to") is None else _code(values["diverted_to"], 3, 4),
        scheduled_us,
        hour,
        scheduled_arrival,
        departure,
        arrival,
        status,
        _delay(values.get("departure_delay_minutes"), departure, scheduled_us),
        _delay(values.get("arrival_delay_minutes"), arrival, scheduled_arrival),
        _optional_number(values.get("air_time_minutes")),
        _optional_number(values.get("distance_km")),
        tail,
        event_us,
    )


def _day(value: Any) -> dt.date:
    match = _DATE.fullmatch(value) if isinstance(value, str) else None
    if match is None or not 1980 <= int(match[1]) <= 2100:
        raise _Bad
    return _calendar(match)


def _calendar(match: re.Match[str]) -> dt.date:
    try:
        return dt.date(int(match[1]), int(match[2]), int(match[3]))
    except ValueError as error:
        raise _Bad from error


def _time(value: Any) -> tuple[int, int, int]:
    """Microseconds since 1970, the local day's number and the local hour."""
    match = _TIME.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise _Bad
    day = _calendar(match).toordinal()
    hour, minute, second = int(match[4]), int(match[5]), int(match[6])
    offset_hours, offset_minutes = int(match[9] or 0), int(match[10] or 0)
    if hour > 23 or minute > 59 or second > 59 or offset_hours > 23 or offset_minutes > 59:
        raise _Bad
    offset_s = (offset_hours * 60 + offset_minutes) * (-60 if match[8] == "-" else 60)
    seconds = (day - _EPOCH) * 86_400 + hour * 3600 + minute * 60 + second - offset_s
    result = seconds * 1_000_000 + int((match[7] or "0")[:6].ljust(6, "0"))
    if not _FIRST_US <= result <= _LAST_US:
        raise _Bad
    return result, day, hour


def _code(value: Any, shortest: int, longest: int) -> str:
    if not isinstance(value, str) or not shortest <= len(value) <= longest or not set(value) <= _CODE:
        raise _Bad
    return value


def _number(value: Any, least: int, most: int) -> int:
    if type(value) is not int or not least <= value <= most:
        raise _Bad
    return value


def _optional_number(value: Any) -> int | None:
    return None if value is None else _number(value, 0, 32767)


def _delay(given: Any, actual_us: int | None, scheduled_us: int | None) -> int | None:
    if given is not None:
        return _number(given, -1440, 10080)
    if actual_us is None or scheduled_us is None:
        return None
    return _number((actual_us - scheduled_us) // 60_000_000, -180, 4320)


def _is_before(arrival_us: int | None, departure_us: int | None) -> bool:
    return arrival_us is not None and departure_us is not None and arrival_us < departure_us
