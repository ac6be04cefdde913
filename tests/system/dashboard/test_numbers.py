"""What the pages show is what the API says."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import httpx
import pytest
from playwright.sync_api import Browser, expect

import lakehouse
from tests._support.lakes.builder import event
from tests._support.long_cases import long_after
from tests._support.waiting import eventually
from tests.system.dashboard.clock import go_on_to_the_next_look
from tests.system.dashboard.lake import build_lake
from tests.system.dashboard.reading import as_on_page, cells, expected, table, tiles
from tools.browser import Watched, opened
from tools.served_api import served

ROWS, TOTALS = 0, 1  # the order of the questions on the page
TILES = [
    *("flights", "on_time_arrival_rate", "arrival_delay_mean", "arrival_delay_p90", "cancellation_rate", "diverted"),
]
COLUMNS = [
    *("flights", "on_time_arrival_rate", "on_time_departure_rate"),
    *("arrival_delay_mean", "arrival_delay_p90", "cancellation_rate"),
]
FILTERS = "carrier=UA&carrier=XQ&date_from=2013-01-20&date_to=2013-03-31"
TABLES = [
    (
        "/?view=carriers&order=-arrival_delay_mean",
        "/v1/stats?group_by=carrier&order_by=-arrival_delay_mean&min_flights=30",
    ),
    (f"/?view=airports&{FILTERS}", f"/v1/stats?{FILTERS}&group_by=origin&order_by=-flights&limit=25"),
    ("/?view=routes", "/v1/stats?group_by=route&order_by=-arrival_delay_mean&min_flights=30&limit=25"),
    (f"/?by=day&compare=none&{FILTERS}", f"/v1/stats?{FILTERS}&group_by=flight_date&limit=10000"),
    (
        "/?view=carriers&weekday=1,7&hour=6,7,20",
        "/v1/stats?weekday=1&weekday=7&hour=6&hour=7&hour=20&group_by=carrier&order_by=-flights",
    ),
    ("/?view=carriers&carrier=ZZ&carrier=B6", "/v1/stats?carrier=ZZ&carrier=B6&group_by=carrier&order_by=-flights"),
    ("/?view=carriers", "/v1/stats?group_by=carrier&order_by=-flights"),
    (
        "/?view=airports&side=destination&order=destination&status=arrived",
        "/v1/stats?status=arrived&group_by=destination&order_by=destination&limit=25",
    ),
    (
        f"/?view=routes&order=on_time_arrival_rate&min_flights=10&{FILTERS}",
        f"/v1/stats?{FILTERS}&group_by=route&order_by=on_time_arrival_rate&min_flights=10&limit=25",
    ),
    ("/?by=month", "/v1/stats?group_by=month&limit=10000"),
    ("/?view=carriers&tail_number=N1", "/v1/stats?tail_number=N1&group_by=carrier&order_by=-flights"),
]


def rows_of(url: str, path: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = httpx.get(url + path).raise_for_status().json()["data"]
    return rows


@pytest.mark.parametrize(("path", "question"), long_after(4, TABLES))
def test_a_table_shows_what_the_shown_curl_and_sql_answer(
    browser: Browser, url: str, analyst: duckdb.DuckDBPyConnection, path: str, question: str
) -> None:
    rows = rows_of(url, question)
    group = question.partition("group_by=")[2].partition("&")[0]
    with opened(browser, url, path) as watched:
        shown = table(watched.page)
        assert [as_on_page(values) for _, values in shown] == [as_on_page(expected(row, COLUMNS)) for row in rows]
        assert [read(group, first) for first, _ in shown] == [row[group] for row in rows]
        assert curl(watched, ROWS) == f"curl '{url}{question}'"
        assert rows_of_sql(analyst, watched, ROWS) == rows
        quiet(watched)


def read(group: str, text: str) -> str:
    """The value of the API behind the first cell of a row."""
    if group == "month":
        return f"{dt.datetime.strptime(text, '%B %Y'):%Y-%m}"  # noqa: DTZ007
    if group == "flight_date":
        return f"{dt.datetime.strptime(text, '%a, %b %d, %Y'):%Y-%m-%d}"  # noqa: DTZ007
    return text.split(maxsplit=1)[0]


def curl(watched: Watched, which: int) -> str:
    """The text of the curl command for the rows or the totals."""
    return watched.page.locator("#ask pre.curl").all_text_contents()[which]


@pytest.fixture(scope="module")
def analyst(lake: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """An analyst's own DuckDB."""
    with lakehouse.connect(lake.as_uri()) as connection:
        yield connection


def rows_of_sql(analyst: duckdb.DuckDBPyConnection, watched: Watched, which: int) -> list[dict[str, Any]]:
    """What the shown SQL answers there."""
    result = analyst.execute(watched.page.locator("#ask pre.sql").all_text_contents()[which])
    names = [column[0] for column in result.description]
    return [dict(zip(names, map(_json, row), strict=True)) for row in result.fetchall()]


def _json(value: Any) -> Any:
    return value.isoformat() if isinstance(value, dt.date) else value


def quiet(watched: Watched) -> None:
    """Nothing on the console, and nobody else was asked for anything."""
    assert watched.errors == []
    assert watched.foreign == []


@pytest.mark.parametrize(
    "filters", long_after(2, [FILTERS, "date_from=2014-01-01", "", "destination=QQQ&status=cancelled"])
)
def test_the_totals_are_those_of_the_shown_curl_and_sql(
    browser: Browser, url: str, analyst: duckdb.DuckDBPyConnection, filters: str
) -> None:
    (row,) = rows_of(url, f"/v1/stats?{filters}")
    with opened(browser, url, f"/?view=carriers&{filters}") as watched:
        assert as_on_page(tiles(watched.page)) == as_on_page(expected(row, TILES))
        assert curl(watched, TOTALS) == f"curl '{url}/v1/stats{'?' if filters else ''}{filters}'"
        assert rows_of_sql(analyst, watched, TOTALS) == [row]
        quiet(watched)


@pytest.mark.parametrize("metric", long_after(1, ["arrival_delay_mean", "on_time_departure_rate", "cancellation_rate"]))
def test_the_hours_are_those_of_the_shown_curl_and_sql(
    browser: Browser, url: str, analyst: duckdb.DuckDBPyConnection, metric: str
) -> None:
    answer = rows_of(url, "/v1/stats?group_by=weekday,hour")
    rows = {(row["hour"], row["weekday"]): row for row in answer}
    with opened(browser, url, f"/?view=when&metric={metric}") as watched:
        lines = cells(watched.page)
        assert [line[0] for line in lines] == [f"{hour:02}:00" for hour in sorted({hour for hour, _ in rows})]
        for hour, *texts in lines:
            wanted = [rows.get((int(hour[:2]), weekday)) for weekday in range(1, 8)]
            assert texts == ["" if row is None else expected(row, [metric])[metric][1] for row in wanted]
        assert curl(watched, ROWS) == f"curl '{url}/v1/stats?group_by=weekday,hour'"
        assert rows_of_sql(analyst, watched, ROWS) == answer
        quiet(watched)


def test_names_stand_next_to_codes_and_a_code_without_a_name_stands_alone(browser: Browser, url: str) -> None:
    with opened(browser, url, "/?view=carriers") as watched:
        texts = {first.split()[0]: first for first, _ in table(watched.page)}
        assert texts["UA"] == "UA United Air Lines Inc."
        assert texts["XQ"].strip() == "XQ"


def test_freshness_is_that_of_the_lake(browser: Browser, url: str) -> None:
    lake = httpx.get(f"{url}/v1/lake").json()
    assert lake["tail"]["rows"] > 0
    with opened(browser, url) as watched:
        fact = watched.page.locator("#live [data-fact]")
        expect(fact.nth(0)).to_have_text(f"snapshot {lake['snapshot']}")
        expect(fact.nth(1)).to_have_text(f"in the tail {lake['tail']['rows']} rows")
        assert fact.nth(2).get_attribute("title") == lake["newest_publish_time"]
        assert fact.nth(3).get_attribute("title") == lake["newest_event_time"]


def test_a_late_event_and_a_new_snapshot_show_without_a_reload(browser: Browser, tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    builder = build_lake(tmp_path / "lake")
    with (
        served(tmp_path / "lake", tmp_path / "logs") as url,
        opened(browser, url, "/?view=carriers&carrier=UA", has_clock=True) as watched,
    ):
        flights = watched.page.locator("#totals [data-column=flights] data")
        before = int(flights.inner_text())
        watched.page.evaluate("window.notReloaded = true")
        rows = httpx.get(f"{url}/v1/lake").json()["tail"]["rows"]
        builder.land(event(flight_number=9999))
        eventually(lambda: bool(httpx.get(f"{url}/v1/lake").json()["tail"]["rows"] > rows), "the service sees it")
        go_on_to_the_next_look(watched.page)
        expect(flights).to_have_text(str(before + 1))
        builder.merge()
        eventually(lambda: bool(httpx.get(f"{url}/v1/lake").json()["snapshot"] == 2), "the service sees it")
        go_on_to_the_next_look(watched.page)
        expect(watched.page.locator("[data-fact=snapshot]")).to_have_text("snapshot 2")
        assert watched.page.evaluate("window.notReloaded")
        quiet(watched)


def test_an_empty_lake_says_so(browser: Browser, tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "lake").mkdir()
    with served(tmp_path / "lake", tmp_path / "logs") as url, opened(browser, url) as watched:
        expect(watched.page.locator("#content")).to_contain_text("There are no flights in the lake yet")
        expect(watched.page.locator("[data-fact=published]")).to_contain_text("none yet")
        quiet(watched)
