"""The files that a connection reads: those of the dates that it is asked for."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from lakehouse import object_names
from lakehouse.errors import ConfigError
from lakehouse.table.planner import ALL_DATES, Dates, LandedFile, Plan
from lakehouse.table.snapshot import MonthFile
from lakehouse.table.stored_file import StoredFile


class PlanFiles(NamedTuple):
    """The objects that the views `flights` and `probes` of a plan need."""

    months: tuple[MonthFile, ...]
    tail: tuple[LandedFile, ...]

    @property
    def by_name(self) -> dict[str, StoredFile]:
        files: tuple[StoredFile, ...] = (*self.months, *self.tail)
        return {file.name: file for file in files}


def files_of(plan: Plan, dates: Dates) -> PlanFiles:
    """Those of the flights of these dates. All versions of a flight are of one date, so they are enough."""
    first, last = dates.first, dates.last
    months = (*plan.months_between(first, last), *plan.hidden_between(first, last))
    return PlanFiles(months, plan.tail_between(first, last))


def landed_between(plan: Plan, dates: Dates) -> list[LandedFile]:
    """Those of the view `landing`, absorbed ones too."""
    first, last = dates.first or dt.date.min, dates.last or dt.date.max
    return [file for file in plan.landing.files if first <= file.flight_date <= last]


def dates_between(date_from: dt.date | str | None, date_to: dt.date | str | None) -> Dates:
    """Both inside; None is open. Raises ConfigError for what is no date, and for a range that ends before it begins."""
    dates = Dates(_date("date_from", date_from), _date("date_to", date_to))
    if dates.first is not None and dates.last is not None and dates.first > dates.last:
        raise ConfigError(f"date_from is {dates.first}, after date_to, which is {dates.last}")
    return dates


def _date(name: str, value: dt.date | str | None) -> dt.date | None:
    if isinstance(value, dt.datetime):
        raise ConfigError(f"{name} is {value}; it takes a date, without a time")
    if value is None or isinstance(value, dt.date):
        return value
    try:
        return dt.date.fromisoformat(value)
    except (ValueError, TypeError) as error:
        raise ConfigError(f"{name} is {value!r}; it takes a date such as 2013-07-01") from error


@dataclass(frozen=True)
class Reading:
    """What a connection is about to read: months, of all there are, landed files, and bytes."""

    months: int
    all_months: int
    landed: int
    bytes: int

    def __str__(self) -> str:
        landed = f" and {self.landed:,} landed file{'s' if self.landed > 1 else ''}" if self.landed else ""
        months = f"{self.months} of {self.all_months} month{'s' if self.all_months != 1 else ''}"
        return f"{months}{landed}, {_size(self.bytes)}"


def reading(plan: Plan, dates: Dates) -> Reading:
    """What the views of these dates need."""
    needed, every = files_of(plan, dates), files_of(plan, ALL_DATES)
    size = sum(file.size for file in needed.by_name.values())
    return Reading(_months(needed.months), _months(every.months), len(needed.tail), size)


def _months(files: Iterable[MonthFile]) -> int:
    """A month may have several files."""
    parsed = (object_names.parse_month_file(file.name) for file in files)
    return len({name.month for name in parsed if name is not None})


def _size(size: int) -> str:
    return f"{size / 1e6:,.0f} MB" if size >= 1_000_000 else f"{size / 1e3:,.0f} kB"
