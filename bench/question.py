"""The usual question - 30 days grouped by carrier - as a URL of the API and as the SQL that it runs."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode

from bench.scale import Lake
from lakehouse.schema.event import COLUMNS
from lakehouse.table.planner import Dates, FileSet
from query_service.engine.database import LocalFiles
from query_service.queries.model import Filters, StatsRequest
from query_service.queries.stats_sql import stats_query

_DAYS = 30


@dataclass(frozen=True)
class Window:
    """Flight dates, both inside."""

    first: dt.date
    last: dt.date

    def path(self, group_by: str = "carrier") -> str:
        """Of /v1/stats."""
        query = {"date_from": self.first.isoformat(), "date_to": self.last.isoformat(), "group_by": group_by}
        return f"/v1/stats?{urlencode(query)}"

    def question(self, relation: str, group_by: str = "carrier") -> dict[str, object]:
        """The API's own SQL, over another relation with our columns; for an Asker."""
        asked = StatsRequest(Filters(Dates(self.first, self.last)), (group_by,), (), 1000)
        query = stats_query(asked, _Relation(FileSet((), ()), (), (), relation=relation))
        return {"sql": query.sql, "values": {name: value.isoformat() for name, value in query.values.items()}}


@dataclass(frozen=True)
class _Relation(LocalFiles):
    """Rows that are merged already, wherever they are."""

    relation: str = field(kw_only=True)

    def state(self, where: str = "") -> str:
        return f"SELECT {', '.join(COLUMNS)} FROM {self.relation} WHERE {where or 'true'}"


def thirty_days(lake: Lake) -> Window:
    """The first 30 days of the month in the middle of the lake, which begins in a January."""
    return month_of(lake, len(lake.months) // 2)


def month_of(lake: Lake, index: int) -> Window:
    """The first 30 days of one of its months (28 in a February)."""
    year, month = map(int, lake.months[index].split("-"))
    return Window(dt.date(year, month, 1), dt.date(year, month, 28 if month == 2 else _DAYS))


def by_glob(folder: Path) -> str:
    """All files below `folder`, one folder a date."""
    return f"read_parquet('{folder}/*/*.parquet', hive_partitioning = true)"


def single_file(path: Path) -> str:
    return f"read_parquet('{path}')"
