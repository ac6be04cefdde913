"""What the cells of the DOT's file say: dates, clock times, minutes, flags. A blank one is unknown."""

from __future__ import annotations

import datetime as dt
import re
from functools import lru_cache
from typing import Final

from lakehouse.schema.event import MAX_FLIGHT_DATE, MIN_FLIGHT_DATE

_DATES: Final = (
    re.compile(r"(?P<y>[0-9]{4})-(?P<m>[0-9]{2})-(?P<d>[0-9]{2})(?:[ T]00:00(?::00(?:\.0+)?)?)?", re.ASCII),
    re.compile(r"(?P<m>[0-9]{1,2})/(?P<d>[0-9]{1,2})/(?P<y>[0-9]{4})(?: 12:00(?::00)? ?AM| 0?0:00(?::00)?)?", re.ASCII),
    re.compile(r"(?P<y>[0-9]{4})(?P<m>[0-9]{2})(?P<d>[0-9]{2})", re.ASCII),
)
_FIRST, _LAST = MIN_FLIGHT_DATE, MAX_FLIGHT_DATE
_CLOCK: Final = re.compile(r"([0-9]{1,4})(?:\.0+)?", re.ASCII)
_WHOLE: Final = re.compile(r"(-?[0-9]{1,6})(?:\.0*)?", re.ASCII)
_MILES: Final = re.compile(r"[0-9]{1,6}(?:\.[0-9]*)?", re.ASCII)
_KM_PER_MILE: Final = 1.609344
_CODE: Final = re.compile(r"([A-Z0-9]{2,3})(?: ?\([0-9]+\))?", re.ASCII)
_TAIL: Final = re.compile(r"[A-Za-z0-9-]{1,10}", re.ASCII)
_NO_TAILS: Final = frozenset(("UNKNOW", "UNKNOWN", "NKNO", "NONE", "NA", "NAN", "NULL", "XXXXXX"))
"""What reporters wrote who did not know it. (A text that is damaged is none either.)"""
_UNKNOWN: Final = frozenset(("", "nan", "NaN", "NULL", "NA"))


class CellError(Exception):
    """The cell says nothing that could be meant. `args[0]` is what it takes."""


def is_unknown(cell: str) -> bool:
    """Blank, or what programs write for it."""
    return cell in _UNKNOWN


@lru_cache(maxsize=10_000)
def flight_date(cell: str) -> dt.date:
    """`2013-07-01`, `7/1/2013 12:00:00 AM` or `20130701`."""
    for pattern in _DATES:
        if match := pattern.fullmatch(cell):
            try:
                date = dt.date(int(match["y"]), int(match["m"]), int(match["d"]))
            except ValueError:
                break
            if _FIRST <= date <= _LAST:
                return date
    raise CellError(f"takes a date such as 2013-07-01 or 7/1/2013 12:00:00 AM, from {_FIRST} to {_LAST}")


@lru_cache(maxsize=10_000)
def clock(cell: str) -> int:
    """Minutes since midnight of `0515`, and of `515` and `515.0`, as programs leave it; `2400` is the day's end."""
    if match := _CLOCK.fullmatch(cell):
        hour, minute = divmod(int(match[1]), 100)
        if minute < 60 and (hour < 24 or (hour == 24 and minute == 0)):
            return hour * 60 + minute
    raise CellError("takes a time of day from 0000 to 2400, as hhmm")


@lru_cache(maxsize=10_000)
def minutes(cell: str) -> int:
    """`-5.00` is -5."""
    if match := _WHOLE.fullmatch(cell):
        return int(match[1])
    raise CellError("takes whole minutes")


@lru_cache(maxsize=10_000)
def elapsed(cell: str) -> int:
    """Minutes above 0."""
    found = minutes(cell)
    if found <= 0:
        raise CellError("takes minutes above 0")
    return found


@lru_cache(maxsize=100)
def flag(cell: str) -> bool:
    """`1.00` is yes."""
    if (match := _WHOLE.fullmatch(cell)) and match[1] in ("0", "1"):
        return match[1] == "1"
    raise CellError("takes 0 or 1")


@lru_cache(maxsize=10_000)
def kilometres(cell: str) -> int:
    """Of miles, to the nearest."""
    if _MILES.fullmatch(cell):
        return int(float(cell) * _KM_PER_MILE + 0.5)
    raise CellError("takes miles")


@lru_cache(maxsize=10_000)
def flight_number(cell: str) -> int:
    """`0015` is 15."""
    if match := _WHOLE.fullmatch(cell):
        return int(match[1])
    raise CellError("takes a number")


def carrier(cell: str) -> str | None:
    """The code that the airline had then: `PA` of `PA (1)`, where the number tells users of one code apart."""
    match = _CODE.fullmatch(cell)
    return match[1] if match else None


def tail_number(cell: str) -> str | None:
    """The registration, unless it says that nobody knows it, or is damaged."""
    return cell if _TAIL.fullmatch(cell) and cell.upper() not in _NO_TAILS and cell.strip("0-") else None
