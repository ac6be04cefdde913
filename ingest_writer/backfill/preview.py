"""What a load would do, for `--dry-run`: the rows of each month, and how many flights, dates and carriers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from lakehouse.schema.event import KEY
from lakehouse.table.confined_duckdb import connect_confined


@dataclass(frozen=True)
class MonthPreview:
    """One month of a load: flights are distinct keys."""

    month: str
    rows: int
    flights: int
    dates: int
    carriers: int


def preview(month: str, files: Sequence[Path]) -> MonthPreview:
    """Counts the rows of the month's spill files."""
    counts = f"count(*), count(DISTINCT ({', '.join(KEY)})), count(DISTINCT flight_date), count(DISTINCT carrier)"
    with connect_confined([path.parent for path in files]) as connection:
        found = connection.execute(f"SELECT {counts} FROM read_parquet(?)", [list(map(str, files))]).fetchone()
    if found is None:
        raise TypeError("count(*) without groups has one row")
    return MonthPreview(month, *found)


def preview_lines(months: Iterable[MonthPreview]) -> Iterator[str]:
    """A table."""
    yield f"{'month':<8} {'rows':>12} {'flights':>12} {'dates':>6} {'carriers':>9}"
    for each in months:
        yield f"{each.month:<8} {each.rows:>12,} {each.flights:>12,} {each.dates:>6} {each.carriers:>9}"
