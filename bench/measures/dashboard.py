"""Measure 23: 64 dashboards that ask 200 questions a second together, while a file lands each second."""

from __future__ import annotations

import datetime as dt
import itertools
import json
import shutil
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bench.crowd import paced_crowd
from bench.figure import Figure, Goal, bounded, percentile
from bench.http import Answer, Client
from bench.measures.tails import first_answer
from bench.question import month_of
from bench.rig import Rig
from bench.scale import Lake
from ingest_writer.landing import to_parquet
from lakehouse import object_names
from lakehouse.schema.event import EVENT_SCHEMA
from lakehouse.store.local import LocalStore

_CLIENTS = 64
_PER_S = 200.0
_OFFERED_PER_S = 1.02 * _PER_S
"""A little more: who asks 200 times a second gets a little less."""
_P50_MS = 20.0
_LANDS_EVERY_S = 1.0
"""As often as the API looks. A writer lands every five seconds: as many as five of them."""
_ROWS_A_FILE = 100
_DATES = 3
"""The newest dates of the lake, in turn: yesterday's last arrivals, today, tomorrow's timetable."""
_MONTHS = 12
"""So many of the months before the last one are looked at."""
_ON_NEWEST, _ON_ALL = 12, 4
"""So many of the clients look at the last month, whose tail moves, and at all dates; the others at a month before."""
_ROUNDS = 3

_VIEWS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("stats", {"group_by": "flight_date", "limit": 10_000}),
    ("stats", {"group_by": "carrier", "order_by": "-flights"}),
    ("stats", {"group_by": "origin", "order_by": "-flights", "limit": 25}),
    ("stats", {"group_by": "route", "order_by": "-arrival_delay_mean", "min_flights": 30, "limit": 25}),
    ("stats", {"group_by": "weekday,hour"}),
    ("stats", {"group_by": "destination", "order_by": "-flights", "limit": 10_000}),
    ("flights", {"limit": 25}),
)
"""What the views ask besides the totals: over time, carriers, airports, routes, hours, map, flights."""


@dataclass(frozen=True)
class Page:
    """What one look of a dashboard asks, in turn: the lake, its last date, the view, totals, and earlier totals."""

    paths: tuple[str, ...]


class Browser:
    """Asks a page again and again, as a browser does: with the tags of what it has."""

    def __init__(self, page: Page, first: int) -> None:
        """`first`: which of its paths it begins with; no two people open a page at once."""
        self._paths = itertools.islice(itertools.cycle(page.paths), first % len(page.paths), None)
        self._tags: dict[str, str] = {}

    def __call__(self, client: Client) -> Answer:
        path = next(self._paths)
        tag = self._tags.get(path)
        answer = client.get(path, {} if tag is None else {"If-None-Match": tag})
        if "etag" in answer.headers:
            self._tags[path] = answer.headers["etag"]
        return answer


def measure_dashboard(rig: Rig) -> list[Figure]:
    lake = _copied(rig)
    pages = pages_of(lake)
    api = rig.api(lake.url, API_RESULT_CACHE_MB="32")  # the default
    before = _statistics(api.client(), pages)
    browsers = [Browser(page, number) for number, page in enumerate(pages)]
    rates, p50s, p99s, statuses = [], [], [], Counter[int]()
    with _moving_tail(lake) as landed:
        _round(api.url, browsers, rig.sizes.dashboard_s / 2)  # to have the tags, and what is kept
        for _ in range(_ROUNDS):
            answers, per_s = _round(api.url, browsers, rig.sizes.dashboard_s)
            right = [answer.ms for answer in answers if answer.status in (200, 304)]
            rates.append(per_s * len(right) / len(answers))
            p50s.append(percentile(right, 50))
            p99s.append(percentile(right, 99))
            statuses.update(answer.status for answer in answers)
    if _statistics(api.client(), pages) != before:  # what landed says the same, later
        raise ValueError("the tail changes answers")
    what = f"{_CLIENTS} dashboards, the tail moves every {_LANDS_EVERY_S:g} s"
    note = f"{landed()} files landed; {', '.join(f'{count:,} times {status}' for status, count in statuses.items())}"
    return [
        bounded("23", f"{what}: questions answered", "1/s", rates, _PER_S, Goal(1, at_least=True), note),
        bounded("23", "their p50", "ms", p50s, _P50_MS, Goal(1)),
        bounded("23", "their p99", "ms", p99s, _P50_MS, None),
    ]


def _round(url: str, browsers: list[Browser], seconds: float) -> tuple[list[Answer], float]:
    return paced_crowd(url, browsers.__getitem__, _CLIENTS, _OFFERED_PER_S, seconds)


def _copied(rig: Rig) -> Lake:
    """The usual lake, in a folder where files may land."""
    lake = rig.scale.lake(rig.sizes.flights, rig.sizes.years)
    root = rig.folder / "lake"
    shutil.copytree(lake.root, root)
    return Lake(root, lake.months, lake.flights)


def pages_of(lake: Lake) -> list[Page]:
    """Of the clients: each a view of some dates."""
    newest = len(lake.months) - 1
    earlier = [max(0, newest - 1 - number) for number in range(_MONTHS)]
    months = [None] * _ON_ALL + [newest] * _ON_NEWEST
    months += [earlier[number % len(earlier)] for number in range(_CLIENTS - len(months))]
    return [_page(lake, month, *_VIEWS[number % len(_VIEWS)]) for number, month in enumerate(months)]


def _page(lake: Lake, month: int | None, endpoint: str, question: dict[str, Any]) -> Page:
    last = {"date_from": f"{lake.months[-1]}-01", "group_by": "flight_date", "order_by": "-flight_date", "limit": 1}
    dates, *before = [{}] if month is None else _dates(lake, month)
    if month is None and question.get("group_by") == "flight_date":
        question = {**question, "group_by": "month"}
    asked = [(endpoint, dates | question), ("stats", dates), *(("stats", earlier) for earlier in before)]
    return Page(("/v1/lake", *(_path(*one) for one in [("stats", last), *asked])))


def _dates(lake: Lake, month: int) -> list[dict[str, str]]:
    """Of 30 days, of as many before, and of those a year before where the lake has them."""
    window = month_of(lake, month)
    days = window.last - window.first + dt.timedelta(days=1)
    spans = [(window.first, window.last), (window.first - days, window.first - dt.timedelta(days=1))]
    if month >= 12:
        a_year_ago = month_of(lake, month - 12)
        spans.append((a_year_ago.first, a_year_ago.last))
    return [{"date_from": first.isoformat(), "date_to": last.isoformat()} for first, last in spans]


def _path(endpoint: str, query: dict[str, Any]) -> str:
    return f"/v1/{endpoint}?{urlencode(query)}" if query else f"/v1/{endpoint}"


def _statistics(client: Client, pages: list[Page]) -> dict[str, Any]:
    """The rows of every statistic that is asked for."""
    paths = {path for page in pages for path in page.paths if path.startswith("/v1/stats")}
    return {path: json.loads(first_answer(client, path)[0].body)["data"] for path in sorted(paths)}


@contextmanager
def _moving_tail(lake: Lake) -> Iterator[Callable[[], int]]:
    """Lands a file each second until the block ends; how many so far."""
    store, files = LocalStore(lake.root), _landed_files(lake.files[-1])
    stop, landed = threading.Event(), itertools.count()
    done = 0

    def land() -> None:
        nonlocal done
        while not stop.wait(_LANDS_EVERY_S):
            number = next(landed)
            day, data = files[number % len(files)](number)
            store.create(object_names.landed_file(day, f"{number:032x}"), data)
            done = number + 1

    thread = threading.Thread(target=land)
    thread.start()
    try:
        yield lambda: done
    finally:
        stop.set()
        thread.join()


def _landed_files(month: Path) -> list[Callable[[int], tuple[dt.date, bytes]]]:
    """For each of the newest dates: a file of some of its flights, that are as they were, later by so many seconds."""
    merged = pq.ParquetFile(month).read()
    days = sorted(pc.unique(merged["flight_date"]).to_pylist())[-_DATES:]
    time = EVENT_SCHEMA.get_field_index("event_time")

    def of(day: dt.date, flights: pa.Table) -> Callable[[int], tuple[dt.date, bytes]]:
        def made(number: int) -> tuple[dt.date, bytes]:
            some = flights.slice(number * _ROWS_A_FILE % max(1, len(flights) - _ROWS_A_FILE), _ROWS_A_FILE)
            later = pc.add(some["event_time"], dt.timedelta(seconds=number + 1))
            return day, to_parquet(some.set_column(time, "event_time", later).cast(EVENT_SCHEMA))

        return made

    return [of(day, merged.filter(pc.equal(merged["flight_date"], pa.scalar(day)))) for day in days]
