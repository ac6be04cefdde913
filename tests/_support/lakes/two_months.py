"""A lake of two months, and questions about either of them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from lakehouse.store.memory import MemoryStore
from tests._support.lakes.builder import LakeBuilder, event

JANUARY = "/v1/stats?date_to=2013-01-31"
FEBRUARY = "/v1/stats?date_from=2013-02-01"


def raising(error: Exception) -> Callable[[str], None]:
    def hook(_: str) -> None:
        raise error

    return hook


def two_months(store: MemoryStore | None = None) -> LakeBuilder:
    """A flight of January 1st and one of February 1st, merged; one more of January 2nd in the tail."""
    lake = LakeBuilder(store or MemoryStore())
    lake.land(event(), event(flight_date=date(2013, 2, 1)))
    lake.merge()
    lake.land(event(flight_date=date(2013, 1, 2)))
    return lake
