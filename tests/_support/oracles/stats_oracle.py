"""An oracle for the statistics, in plain Python over dicts; shares nothing with the SQL."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from tests._support.lakes.builder import T0, Event, event
from tests._support.lakes.rows import key, newest, order

Row = dict[str, Any]

GROUPS: dict[str, Callable[[Event], Any]] = {
    "carrier": lambda e: e["carrier"],
    "origin": lambda e: e["origin"],
    "destination": lambda e: e["destination"],
    "route": lambda e: f"{e['origin']}-{e['destination']}",
    "status": lambda e: e["status"],
    "flight_number": lambda e: e["flight_number"],
    "tail_number": lambda e: e["tail_number"],
    "flight_date": lambda e: e["flight_date"].isoformat(),
    "week": lambda e: "{}-W{:02}".format(*e["flight_date"].isocalendar()[:2]),
    "month": lambda e: e["flight_date"].isoformat()[:7],
    "quarter": lambda e: f"{e['flight_date'].year}-Q{(e['flight_date'].month + 2) // 3}",
    "year": lambda e: e["flight_date"].year,
    "weekday": lambda e: e["flight_date"].isoweekday(),
    "hour": lambda e: e["scheduled_departure_hour"],
}


def matching(
    events: Iterable[Event], filters: Mapping[str, Sequence[Any]], first: date | None, last: date | None
) -> list[Event]:
    """Newest states that are visible and match, by key."""
    return [
        row
        for row in newest(events)
        if row["status"] != "void"
        and (row["carrier"] != "ZZ" or "ZZ" in filters.get("carrier", ()))
        and all(GROUPS[name](row) in allowed for name, allowed in filters.items())
        and (first is None or row["flight_date"] >= first)
        and (last is None or row["flight_date"] <= last)
    ]


def statistics(
    rows: Sequence[Event],
    group_by: Sequence[str],
    order_by: Sequence[str] = (),
    min_flights: int = 0,
    on_time_minutes: int = 15,
) -> list[Row]:
    """All result rows, in order. `order_by` as in the query string."""
    groups: dict[tuple[Any, ...], list[Event]] = {} if group_by else {(): []}
    for row in rows:
        groups.setdefault(tuple(GROUPS[name](row) for name in group_by), []).append(row)
    result = [
        dict(zip(group_by, values, strict=True)) | _numbers(members, on_time_minutes)
        for values, members in groups.items()
        if len(members) >= min_flights
    ]
    for term in (*reversed(group_by), *reversed(order_by)):  # sorts are stable, reversed ones too
        name, descending = term.removeprefix("-"), term.startswith("-")
        known = [row for row in result if row[name] is not None]
        known.sort(key=lambda row: _comparable(row[name]), reverse=descending)
        result = known + [row for row in result if row[name] is None]
    return result


def _comparable(value: Any) -> Any:
    return value.encode() if isinstance(value, str) else value


def _numbers(rows: Sequence[Event], on_time_minutes: int) -> Row:
    departed = [row for row in rows if row["status"] in ("departed", "arrived", "diverted")]
    arrived = [row for row in rows if row["status"] == "arrived"]
    cancelled = sum(row["status"] == "cancelled" for row in rows)
    departures = sorted(d for row in departed if (d := row["departure_delay_minutes"]) is not None)
    arrivals = sorted(d for row in arrived if (d := row["arrival_delay_minutes"]) is not None)
    return {
        "flights": len(rows),
        "departed": len(departed),
        "arrived": len(arrived),
        "cancelled": cancelled,
        "diverted": sum(row["status"] == "diverted" for row in rows),
        "cancellation_rate": cancelled / len(rows) if rows else None,
        "on_time_departure_rate": sum(d < on_time_minutes for d in departures) / len(departures)
        if departures
        else None,
        "on_time_arrival_rate": sum(d < on_time_minutes for d in arrivals) / len(arrivals) if arrivals else None,
        **_delays("departure", departures),
        **_delays("arrival", arrivals),
    }


def _delays(kind: str, ordered: Sequence[int]) -> Row:
    n = len(ordered)
    return {
        f"{kind}_delay_mean": sum(ordered) / n if n else None,
        **{f"{kind}_delay_p{p}": ordered[(p * n + 99) // 100 - 1] if n else None for p in (50, 90, 95)},
        f"{kind}_delay_max": ordered[-1] if n else None,
    }


def random_events(random: random.Random, count: int) -> list[Event]:
    """Events of few flights, so that they meet; ties on every part of the order; each (key, order) once."""
    events: dict[tuple[Any, ...], Event] = {}
    for _ in range(count):
        row = event(
            flight_date=random.choice([date(2013, 1, 30), date(2013, 1, 31), date(2013, 2, 1)]),
            carrier=random.choice(["UA", "AA", "9E", "ZZ", "UAL"]),
            flight_number=random.choice([1, 2, 10, 9999]),
            operational_suffix=random.choice(["", "", "A"]),
            origin=random.choice(["EWR", "JFK", "0AK"]),
            destination=random.choice(["LAX", "IAH", "KLAX"]),
            scheduled_departure_hour=random.randrange(24),
            status=random.choice(["scheduled", "departed", "arrived", "arrived", "cancelled", "diverted", "void"]),
            departure_delay_minutes=random.choice([None, -1440, -3, 0, 14, 15, 16, 10080, random.randrange(-60, 300)]),
            arrival_delay_minutes=random.choice([None, -5, 14, 15, random.randrange(-60, 300)]),
            tail_number=random.choice([None, "N1", "N2", "é☃"]),
            event_time=T0 + timedelta(microseconds=random.randrange(3)),
            publish_time=T0 + timedelta(seconds=random.randrange(2)),
            message_id=random.choice(["m1", "m10", "m2", "M2", "é", "z"]),
            message_line=random.choice([1, 2, 10]),
            decoder_version=random.choice([1, 2]),
        )
        events[key(row), order(row)] = row
    return list(events.values())
