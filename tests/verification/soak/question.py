"""The questions of the load: paths from a seed, and what the oracle needs to know about each."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from tests.verification.crash.events import CARRIERS, DATES

FLIGHTS_A_DATE: Final = 450  # most are still while a few hundred move: bounds of a count stay tight

_WEIGHTS: Final = {"flight": 30, "flights": 15, "by status": 15, "by carrier": 15, "by date": 15, "parquet": 10}


@dataclass(frozen=True)
class Question:
    """`groups` are the columns of a statistic; a question without any is for flights."""

    path: str
    flight: str | None = None
    date: str | None = None
    carriers: tuple[str, ...] = ()
    """Empty: all but ZZ."""
    groups: tuple[str, ...] = ()
    is_parquet: bool = False

    def covers(self, date: str, carrier: str) -> bool:
        is_asked = carrier in self.carriers if self.carriers else carrier != "ZZ"
        return is_asked and self.date in (None, date)


def draw(rng: random.Random) -> Question:
    """One of the mix: a flight, a list of flights, or a statistic."""
    kind = rng.choices(list(_WEIGHTS), list(_WEIGHTS.values()))[0]
    date, number = str(rng.choice(DATES)), rng.randrange(FLIGHTS_A_DATE)
    carrier = CARRIERS[number % len(CARRIERS)]
    if kind == "flight":
        flight = f"{date}-{carrier}-{number + 1}-EWR"
        return Question(f"/v1/flights/{flight}", flight=flight)
    if kind == "flights":
        return _asked("/v1/flights", date, (carrier,), (), limit="1000")
    if kind == "by status":
        return _asked("/v1/stats", date, (), ("status",))
    if kind == "by carrier":
        return _asked("/v1/stats", None, CARRIERS, ("carrier", "status"))
    if kind == "by date":
        return _asked("/v1/stats", None, (), ("flight_date",))
    return _asked("/v1/stats", date, CARRIERS, ("carrier",), format="parquet")


def _asked(path: str, date: str | None, carriers: tuple[str, ...], groups: tuple[str, ...], **more: str) -> Question:
    parameters = [("carrier", carrier) for carrier in carriers]
    parameters += [("date_from", date), ("date_to", date)] if date is not None else []
    parameters += [("group_by", ",".join(groups))] if groups else []
    parameters += list(more.items())
    return Question(
        f"{path}?{urlencode(parameters)}", None, date, carriers, groups, is_parquet=more.get("format") == "parquet"
    )
