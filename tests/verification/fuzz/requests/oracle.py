"""An oracle: which values a parameter takes, and the right answer, in plain Python over the rows.

Written from the documentation, not from the code under test; shares no code with it.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

from tests._support.lakes.builder import Event
from tests._support.lakes.rows import key, newest
from tests._support.oracles.names_oracle import named
from tests._support.oracles.stats_oracle import GROUPS, matching, statistics
from tests.verification.fuzz.requests.question import Expected, Pairs, on_the_wire

STATUSES = ("scheduled", "departed", "arrived", "cancelled", "diverted", "void")
COUNTS = ("flights", "departed", "arrived", "cancelled", "diverted")
RATES = ("cancellation_rate", "on_time_departure_rate", "on_time_arrival_rate")
DELAYS = tuple(
    f"{kind}_delay_{what}" for kind in ("departure", "arrival") for what in ("mean", "p50", "p90", "p95", "max")
)
METRICS = (*COUNTS, *RATES, *DELAYS)
SHOWN = (
    *("flight_id", "carrier", "origin", "destination", "status", "tail_number", "scheduled_departure_hour"),
    *("departure_delay_minutes", "arrival_delay_minutes"),
)
FILTERS = ("carrier", "origin", "destination", "flight_number", "tail_number", "status", "weekday", "hour")
ONCE = (
    *("date_from", "date_to", "order_by", "limit", "format", "cursor"),
    *("min_event_time", "wait_s", "snapshot", "escape_formulas", "min_flights", "on_time_minutes"),
    *("names", "delay", "delay_min", "delay_max"),
)
OF_FLIGHTS = ("cursor", "delay", "delay_min", "delay_max", "columns")
ORDERS = ("flight_id", "departure_delay_minutes", "arrival_delay_minutes", "scheduled_departure")
FORMATS = ("json", "ndjson", "csv", "arrow", "parquet")
MOST = {"/v1/stats": 10_000, "/v1/flights": 1000}
DEFAULT = {"/v1/stats": 1000, "/v1/flights": 100}

_CODES = {"carrier": r"[A-Za-z0-9]{2,3}", "origin": r"[A-Za-z0-9]{3,4}", "destination": r"[A-Za-z0-9]{3,4}"}
_CHOICES: dict[str, Sequence[str]] = {
    "status": STATUSES,
    "escape_formulas": ("true", "false"),
    "names": ("true", "false"),
    "delay": ("departure", "arrival"),
    "order_by": [sign + column for column in ORDERS for sign in ("", "-")],
    "columns": (*SHOWN, *ORDERS),
}
_INTEGERS = {
    "flight_number": (1, 9999),
    "weekday": (1, 7),
    "hour": (0, 23),
    "snapshot": (1, 999_999_999),
    "min_flights": (1, 999_999_999),
    "on_time_minutes": (0, 1440),
    "delay_min": (-1440, 10_080),
    "delay_max": (-1440, 10_080),
}
_FLIGHT_ID = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})-([A-Z0-9]{2,3})-([1-9][0-9]{0,3})([A-Z]?)-([A-Z0-9]{3,4})")
_ANY_CASE = re.compile(_FLIGHT_ID.pattern.replace("A-Z", "A-Za-z"))
_KEY = tuple[date, str, int, str, str]


class Oracle:
    """The right answer to a query string, from the events of the lake and of its only snapshot."""

    def __init__(self, events: Iterable[Event], merged: Iterable[Event] | None = None) -> None:
        self.states = {key(row): row for row in newest(events)}
        self._snapshot = None if merged is None else Oracle(merged)

    def _at(self, pairs: Pairs) -> Oracle | None:
        """What is asked about; None when there is no such snapshot yet."""
        number = _one(pairs, "snapshot")
        if number is None:
            return self
        return self._snapshot if int(number) == 1 else None

    def stats(self, pairs: Pairs) -> Expected:
        wrong = _wrong("/v1/stats", pairs)
        if wrong is not None:
            return Expected(422, wrong)
        at = self._at(pairs)
        if at is None:
            return Expected(404, "snapshot")
        group_by = [item for value in _all(pairs, "group_by") for item in value.split(",")]
        order_by = [item for value in _all(pairs, "order_by") for item in value.split(",")]
        least, minutes = int(_one(pairs, "min_flights") or 0), int(_one(pairs, "on_time_minutes") or 15)
        rows = statistics(at._matching(pairs), group_by, order_by, least, minutes)
        if _one(pairs, "names") == "true":
            rows = [named(row) for row in rows]
        limit = int(_one(pairs, "limit") or DEFAULT["/v1/stats"])
        return Expected(200, body={"data": rows[:limit], "truncated": len(rows) > limit})

    def flights(self, pairs: Pairs) -> Expected:
        wrong = _wrong("/v1/flights", pairs)
        if wrong is not None:
            return Expected(422, wrong)
        at = self._at(pairs)
        if at is None:
            return Expected(404, "snapshot")
        after = cursor_key(_one(pairs, "cursor") or "")
        rows = sorted(filter(_delayed(pairs), at._matching(pairs)), key=_sort_key)
        rows = [row for row in rows if after is None or _sort_key(row) > _bytes_key(after)]
        order = _one(pairs, "order_by") or "flight_id"
        rows = _ordered(rows, order)
        limit = int(_one(pairs, "limit") or DEFAULT["/v1/flights"])
        following = _cursor_after(rows[limit - 1], order) if len(rows) > limit else None
        return Expected(200, rows=tuple(map(shown, rows[:limit])), next_cursor=following)

    def flight(self, asked: str, pairs: Pairs) -> Expected:
        """One flight; `max_long_polls` of the application is 0."""
        if (wrong := _no_utf8(pairs)) is not None:
            return Expected(422, wrong)
        for name, value in pairs:
            if name not in ("min_event_time", "wait_s", "snapshot", "format", "names") or value == "":
                return Expected(422, name)
        wrong = _first_wrong(pairs, ("min_event_time", "wait_s"))
        if wrong is None and _all(pairs, "wait_s") and not _all(pairs, "min_event_time"):
            wrong = "wait_s"
        wrong = wrong or _first_wrong(pairs, ("snapshot", "names"))
        if wrong is None and _all(pairs, "snapshot") and _all(pairs, "min_event_time"):
            wrong = "snapshot"
        parsed = parse_flight_id(asked.upper() if _ANY_CASE.fullmatch(asked) else asked)
        if wrong is not None or parsed is None or _first_wrong(pairs, ("format",)) is not None:
            return Expected(422, wrong or ("flight_id" if parsed is None else "format"))
        at = self._at(pairs)
        if at is None:
            return Expected(404, "snapshot")
        return at._state(parsed, _one(pairs, "min_event_time"), float(_one(pairs, "wait_s") or 0))

    def _state(self, parsed: _KEY, wanted: str | None, wait_s: float) -> Expected:
        row = self.states.get(parsed)
        if wanted is not None and (row is None or row["event_time"] < moment(wanted)):
            return Expected(503 if wait_s > 0 else 504)
        return Expected(404) if row is None or row["status"] == "void" else Expected(200, rows=(shown(row),))

    def _matching(self, pairs: Pairs) -> list[Event]:
        filters: dict[str, Sequence[Any]] = {name: _values(pairs, name) for name in FILTERS if _all(pairs, name)}
        for name in filters.keys() & _INTEGERS.keys():
            filters[name] = [int(value) for value in filters[name]]
        first, last = _one(pairs, "date_from"), _one(pairs, "date_to")
        bounds = [None if day is None else date.fromisoformat(day) for day in (first, last)]
        return matching(self.states.values(), filters, bounds[0], bounds[1])


def is_right(path: str, name: str, value: str) -> bool:
    """Whether one value of a parameter is well formed."""
    match name:
        case "carrier" | "origin" | "destination":
            return re.fullmatch(_CODES[name], value, re.ASCII) is not None
        case _ if name in _INTEGERS:
            is_integer = re.fullmatch(r"0|-?[1-9][0-9]{0,8}", value, re.ASCII) is not None
            return is_integer and _INTEGERS[name][0] <= int(value) <= _INTEGERS[name][1]
        case "tail_number":
            return 1 <= len(value) <= 10  # without commas: they separate
        case "status" | "escape_formulas" | "names" | "delay" | "order_by" | "columns":
            return value in _CHOICES[name]
        case "date_from" | "date_to":
            return _is_date(value)
        case "limit":
            return re.fullmatch(r"[1-9][0-9]{0,4}", value, re.ASCII) is not None and int(value) <= MOST[path]
        case "format":
            return value in (FORMATS if path else FORMATS[:1])
        case "cursor":
            return cursor_key(value) is not None
        case "min_event_time":
            return moment_or_none(value) is not None
        case "wait_s":
            number = re.fullmatch(r"-?[0-9]{1,9}(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,3})?", value, re.ASCII)
            return number is not None and 0 <= float(value) <= 30
    return all(item in GROUPS for item in value.split(","))


def parse_flight_id(text: str) -> _KEY | None:
    match = _FLIGHT_ID.fullmatch(text)
    try:
        return None if match is None else (date.fromisoformat(match[1]), match[2], int(match[3]), match[4], match[5])
    except ValueError:
        return None


def flight_id(row: Event) -> str:
    number = f"{row['flight_number']}{row['operational_suffix']}"
    return f"{row['flight_date'].isoformat()}-{row['carrier']}-{number}-{row['origin']}"


def shown(row: Event) -> dict[str, Any]:
    """Of a flight, what is compared."""
    return {name: row[name] for name in SHOWN if name != "flight_id"} | {"flight_id": flight_id(row)}


def cursor(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode("utf-8", "surrogateescape")).decode().rstrip("=")


def cursor_key(text: str) -> _KEY | None:
    """The flight that a cursor continues after; None when no page gave the cursor."""
    try:
        plain = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode("ascii")
    except ValueError:
        return None
    return parse_flight_id(plain) if cursor(plain) == text else None


def moment(text: str) -> datetime:
    found = moment_or_none(text)
    assert found is not None
    return found


def moment_or_none(text: str) -> datetime | None:
    """RFC 3339 of the years 1000 to 2999, to the microsecond."""
    form = re.fullmatch(
        r"([12]\d{3}-\d\d-\d\d)[Tt](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(?:[Zz]|([+-])(\d\d):(\d\d))", text, re.ASCII
    )
    if form is None:
        return None
    hours, minutes = int(form[5] or 0), int(form[6] or 0)
    if hours > 23 or minutes > 59:
        return None
    offset = timedelta(hours=hours, minutes=minutes) * (-1 if form[4] == "-" else 1)
    try:
        whole = datetime.strptime(f"{form[1]} {form[2]}", "%Y-%m-%d %H:%M:%S").replace(tzinfo=timezone(offset))
    except ValueError:
        return None
    return whole + timedelta(microseconds=int((form[3] or "0").ljust(6, "0")[:6]))


def _wrong(path: str, pairs: Pairs) -> str | None:
    """The parameter that a 422 has to name; None when nothing is wrong. In the order of the documentation."""
    own = ("group_by", "min_flights", "on_time_minutes") if path == "/v1/stats" else OF_FLIGHTS
    shared = ("date_from", "date_to", "limit", "snapshot", "format", "escape_formulas", "names", "order_by")
    known = (*FILTERS, *shared, *own)
    if (wrong := _no_utf8(pairs)) is not None:
        return wrong
    for name, value in pairs:
        if name not in known or value == "":
            return name
    return "group_by" if path == "/v1/stats" and _bad_groups(pairs) else _rest(path, pairs)


def _no_utf8(pairs: Pairs) -> str | None:
    return next((on_the_wire(name) for name, value in pairs if name + value != on_the_wire(name + value)), None)


def _bad_groups(pairs: Pairs) -> bool:
    items = [item for value in _all(pairs, "group_by") for item in value.split(",")]
    return len(set(items)) < len(items) or any(item not in GROUPS for item in items)


def _rest(path: str, pairs: Pairs) -> str | None:
    if (wrong := _first_wrong(pairs, ("date_from", "date_to"), path)) is not None:
        return wrong
    first, last = _one(pairs, "date_from"), _one(pairs, "date_to")
    if first and last and first > last:
        return "date_from"
    filters = ("flight_number", "weekday", "hour", "carrier", "origin", "destination", "tail_number", "status")
    if (wrong := _first_wrong(pairs, filters, path)) is not None:
        return wrong
    if path == "/v1/flights" and (wrong := _bad_delay(pairs)) is not None:
        return wrong
    if path == "/v1/stats" and _bad_order(pairs):
        return "order_by"
    if path == "/v1/flights" and (wrong := _first_wrong(pairs, ("order_by", "columns"), path)) is not None:
        return wrong
    if (wrong := _first_wrong(pairs, ("min_flights",), path)) is not None:
        return wrong
    if _all(pairs, "min_flights") and not _all(pairs, "group_by"):
        return "min_flights"
    if (wrong := _first_wrong(pairs, ("on_time_minutes", "limit", "cursor"), path)) is not None:
        return wrong
    if _one(pairs, "cursor") and _one(pairs, "order_by") not in (None, "flight_id") and path == "/v1/flights":
        return "cursor"  # those that are asked with are of pages by key
    if (wrong := _first_wrong(pairs, ("snapshot", "names"), path) or _bad_names(path, pairs)) is not None:
        return wrong
    if (wrong := _first_wrong(pairs, ("format", "escape_formulas"), path)) is not None:
        return wrong
    is_contradicted = _one(pairs, "escape_formulas") == "true" and _one(pairs, "format") != "csv"
    return "escape_formulas" if is_contradicted else None


def _bad_names(path: str, pairs: Pairs) -> str | None:
    """They go with codes: an answer has to have a column of them."""
    chosen = _all(pairs, "group_by" if path == "/v1/stats" else "columns")
    columns = {item for value in chosen for item in value.split(",")}
    has_codes = not {"carrier", "origin", "destination", "diverted_to", "route"}.isdisjoint(columns)
    has_all = path == "/v1/flights" and not chosen
    return "names" if _one(pairs, "names") == "true" and not has_codes and not has_all else None


def _bad_order(pairs: Pairs) -> bool:
    items = [item.removeprefix("-") for value in _all(pairs, "order_by") for item in value.split(",")]
    groups = [item for value in _all(pairs, "group_by") for item in value.split(",")]
    several = len(_all(pairs, "order_by")) > 1
    return several or len(set(items)) < len(items) or any(item not in (*groups, *METRICS) for item in items)


def _bad_delay(pairs: Pairs) -> str | None:
    if (wrong := _first_wrong(pairs, ("delay", "delay_min", "delay_max"))) is not None:
        return wrong
    least, most = _one(pairs, "delay_min"), _one(pairs, "delay_max")
    if not _all(pairs, "delay"):
        return "delay_min" if least else "delay_max" if most else None
    if not least and not most:
        return "delay"
    return "delay_min" if least and most and int(least) > int(most) else None


def _delayed(pairs: Pairs) -> Callable[[Event], bool]:
    column = f"{_one(pairs, 'delay')}_delay_minutes"
    least, most = int(_one(pairs, "delay_min") or -1440), int(_one(pairs, "delay_max") or 10_080)
    return lambda row: not _all(pairs, "delay") or (row[column] is not None and least <= row[column] <= most)


def _ordered(rows: list[Event], order: str) -> list[Event]:
    """Of rows by key."""
    name, descending = order.removeprefix("-"), order.startswith("-")
    if name == "flight_id":
        return rows[::-1] if descending else rows
    known = sorted((row for row in rows if row[name] is not None), key=lambda row: row[name], reverse=descending)
    return known + [row for row in rows if row[name] is None]


def _cursor_after(row: Event, order: str) -> str:
    if order == "flight_id":
        return cursor(flight_id(row))
    value = row.get(order.removeprefix("-"))
    if isinstance(value, datetime):
        value = (value - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    return cursor(f"{order} {value} {flight_id(row)}")


def _first_wrong(pairs: Pairs, names: Sequence[str], path: str = "") -> str | None:
    for name in names:
        values = _values(pairs, name) if name in FILTERS else _all(pairs, name)
        if (name in ONCE and len(values) > 1) or (name in FILTERS and len(values) > 100):
            return name
        if not all(is_right(path, name, value) for value in values):
            return name
    return None


def _is_date(text: str) -> bool:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return False
    return day.isoformat() == text and date(1980, 1, 1) <= day <= date(2100, 12, 31)


def _all(pairs: Pairs, name: str) -> list[str]:
    return [value for given, value in pairs if given == name]


def _values(pairs: Pairs, name: str) -> list[str]:
    """Of a filter: repeated or separated by commas, codes as capitals."""
    items = [item for value in _all(pairs, name) for item in value.split(",")]
    return [item.upper() if name in _CODES and item.isascii() else item for item in items]


def _one(pairs: Pairs, name: str) -> str | None:
    return next(iter(_all(pairs, name)), None)


def _sort_key(row: Event) -> tuple[Any, ...]:
    return _bytes_key(key(row))


def _bytes_key(values: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(value.encode() if isinstance(value, str) else value for value in values)
