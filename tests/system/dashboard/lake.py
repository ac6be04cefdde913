"""A lake for the pages: a few hundred flights with every status, unknown names, probes, and a tail."""

from __future__ import annotations

import datetime as dt
import random
from pathlib import Path

from lakehouse.store.local import LocalStore
from tests._support.lakes.builder import Event, LakeBuilder, event

FIRST_YEAR, LAST_YEAR = 2004, 2013
LAST_DAY = dt.date(2013, 12, 21)
"""Of the lake of ten years."""

_SEED = 20_130_101
_FLIGHTS = 700
_CARRIERS = ("UA", "AA", "B6", "XQ", "ZZ")  # XQ has no name, ZZ is that of probes
_ORIGINS = ("EWR", "JFK", "LGA")
_DESTINATIONS = ("LAX", "SJU", "BOS", "QQQ")  # QQQ has no name
_STATUSES = ("arrived",) * 8 + ("cancelled", "diverted", "departed", "scheduled", "void")


def build_lake(folder: Path) -> LakeBuilder:
    """Snapshot 1 with 600 flights of January to April 2013 and a tail with 100; prints its seed."""
    print(f"lake of seed {_SEED}")
    chance = random.Random(_SEED)
    builder = LakeBuilder(LocalStore(folder))
    flights = [flight(chance, number) for number in range(1, _FLIGHTS + 1)]
    builder.land(*flights[:-100])
    builder.merge()
    builder.land(*flights[-100:])
    return builder


def build_years(folder: Path) -> None:
    """Ten years with one flight on two days of each month, later every year."""
    builder = LakeBuilder(LocalStore(folder))
    days = [dt.date(y, m, d) for y in range(FIRST_YEAR, LAST_YEAR + 1) for m in range(1, 13) for d in (7, 21)]
    builder.land(*(event(flight_date=day, arrival_delay_minutes=5 * (day.year - FIRST_YEAR) - 4) for day in days))
    builder.merge()


def flight(chance: random.Random, number: int) -> Event:
    """Some flight; a third of its delays are not known."""
    status = chance.choice(_STATUSES)
    return event(
        flight_date=dt.date(2013, 1, 1) + dt.timedelta(chance.randrange(112)),
        carrier=chance.choice(_CARRIERS),
        flight_number=number,
        origin=chance.choice(_ORIGINS),
        destination=chance.choice(_DESTINATIONS),
        scheduled_departure_hour=chance.randrange(5, 23),
        status=status,
        departure_delay_minutes=_delay(chance),
        arrival_delay_minutes=_delay(chance),
    )


def _delay(chance: random.Random) -> int | None:
    return None if chance.random() < 0.3 else int(chance.gauss(12, 30))
