"""Random flights as the US DOT would write them: made in UTC first, then put on the clocks of their airports.

Routes and dates are those where clocks mislead: over midnight, both time changes, Arizona, Hawaii, the date line.
"""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Iterator
from zoneinfo import ZoneInfo

ZONES = {
    "JFK": "America/New_York",
    "IND": "America/Indiana/Indianapolis",
    "ORD": "America/Chicago",
    "DEN": "America/Denver",
    "PHX": "America/Phoenix",
    "LAX": "America/Los_Angeles",
    "ANC": "America/Anchorage",
    "HNL": "Pacific/Honolulu",
    "GUM": "Pacific/Guam",
    "SJU": "America/Puerto_Rico",
}
ROUTES = {
    ("JFK", "LAX"): 370,
    ("LAX", "JFK"): 320,
    ("JFK", "SJU"): 230,
    ("ORD", "IND"): 65,
    ("PHX", "LAX"): 85,
    ("DEN", "PHX"): 110,
    ("PHX", "HNL"): 400,
    ("LAX", "HNL"): 350,
    ("HNL", "LAX"): 300,
    ("ANC", "ORD"): 350,
    ("GUM", "HNL"): 425,
    ("HNL", "GUM"): 475,
}
"""Scheduled minutes."""
DATES = (dt.date(2013, 3, 9), dt.date(2013, 7, 1), dt.date(2013, 11, 2), dt.date(2013, 12, 31))
"""Each with the day after it."""


def random_rows(seed: int, count: int) -> Iterator[dict[str, str]]:
    """Rows of the DOT's columns; each flight has a number of its own."""
    rng = random.Random(seed)
    for number in range(1, count + 1):
        yield _row(rng, number)


def _row(rng: random.Random, number: int) -> dict[str, str]:
    (origin, destination), minutes = rng.choice(list(ROUTES.items()))
    start = dt.datetime.combine(rng.choice(DATES), dt.time(), ZoneInfo(ZONES[origin])).astimezone(dt.UTC)
    departure = start + dt.timedelta(minutes=rng.choice((rng.randrange(2880), 1440 + rng.randrange(240), 1440)))
    elapsed = minutes + rng.randrange(-10, 10)
    date, clock = _local(departure, origin)
    if clock == "0000" and rng.random() < 0.5:
        date, clock = date - dt.timedelta(days=1), "2400"
    carrier = rng.choice(("UA", "9E", "HA", "PA (1)"))
    row = {
        **{"FlightDate": date.isoformat(), "Reporting_Airline": carrier, "IATA_CODE_Reporting_Airline": carrier[:2]},
        **{"Flight_Number_Reporting_Airline": str(number), "Origin": origin, "Dest": destination},
        **{"Tail_Number": rng.choice(("N37408", "N101HA", "N902XJ", "UNKNOW", "")), "Distance": f"{minutes * 7}.00"},
        **{"CRSDepTime": clock, "CRSElapsedTime": f"{elapsed}.00", "Cancelled": "0.00", "Diverted": "0.00"},
        "CRSArrTime": _clock(departure + dt.timedelta(minutes=elapsed), destination),
    }
    fate = rng.random()
    if fate < 0.05:
        return row | {"Cancelled": "1.00"}
    delay = rng.choice((rng.randrange(-15, 30), rng.randrange(60, 400), rng.randrange(1400, 1600)))
    left = departure + dt.timedelta(minutes=delay)
    row |= {"DepTime": _clock(left, origin, "2400"), "DepDelay": f"{delay}.00"}
    if fate < 0.08:
        return row | {"Diverted": "1.00", "DivReachedDest": "0.00", "Div1Airport": "DFW", "Div2Airport": "AUS"}
    flown = minutes + rng.randrange(-25, 60) + (300 if fate < 0.12 else 0)
    late = f"{delay + flown - elapsed}.00"
    row["ArrTime"] = _clock(left + dt.timedelta(minutes=flown), destination, "2400")
    if fate < 0.12:
        reached = {"DivReachedDest": "1.00", "DivActualElapsedTime": f"{flown}.00", "DivArrDelay": late}
        return row | {"Diverted": "1.00", "Div1Airport": "DFW"} | reached
    return row | {"ArrDelay": late, "ActualElapsedTime": f"{flown}.00", "AirTime": f"{flown - 30}.00"}


def _local(moment: dt.datetime, airport: str) -> tuple[dt.date, str]:
    local = moment.astimezone(ZoneInfo(ZONES[airport]))
    return local.date(), f"{local:%H%M}"


def _clock(moment: dt.datetime, airport: str, midnight: str = "0000") -> str:
    clock = _local(moment, airport)[1]
    return midnight if clock == "0000" else clock
