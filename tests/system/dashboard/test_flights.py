"""Down to one flight: pages of flights, a flight with its timeline, and numbers that lead to them."""

from __future__ import annotations

import datetime as dt
import itertools
from typing import Any
from urllib.parse import urlsplit

import duckdb
import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

import lakehouse
from tests._support.long_cases import long_after
from tests.system.dashboard.reading import cells
from tools.browser import opened, settled

FILTERS = "carrier=UA&carrier=B6&date_from=2013-01-10"


def flights_of(url: str, query: str) -> list[dict[str, Any]]:
    """All pages."""
    found: list[dict[str, Any]] = []
    cursor = ""
    while True:
        body = httpx.get(f"{url}/v1/flights?{query}&limit=1000{cursor}").raise_for_status().json()
        found += body["data"]
        if body["next_cursor"] is None:
            return found
        cursor = f"&cursor={body['next_cursor']}"


def ids(page: Page) -> list[str]:
    found: list[str] = page.evaluate(
        "[...document.querySelectorAll('#content tbody th a')].map((a) => new URL(a.href).searchParams.get('flight'))"
    )
    return found


def count(page: Page) -> int:
    settled(page)
    return int(page.locator("#totals [data-column=flights] .value").inner_text().replace(",", ""))


def test_pages_of_flights_are_those_of_the_api_and_no_flight_is_there_twice(browser: Browser, url: str) -> None:
    wanted = [flight["flight_id"] for flight in flights_of(url, FILTERS)]
    assert len(wanted) > 100
    with opened(browser, url, f"/?view=flights&{FILTERS}") as watched:
        page = watched.page
        seen = ids(page)
        while page.get_by_role("link", name="Next page").count():
            before = seen[-50:]
            page.get_by_role("link", name="Next page").click()
            page.wait_for_function("(id) => !document.querySelector(`[data-focus='flight ${id}']`)", arg=before[0])
            settled(page)
            seen += ids(page)
        assert seen == wanted
        page.get_by_role("link", name="First page").click()
        page.wait_for_url(f"**/?view=flights&{FILTERS}")
        assert watched.errors == []


@pytest.mark.long
def test_other_filters_begin_with_their_first_page(browser: Browser, url: str) -> None:
    with opened(browser, url, "/?view=flights") as watched:
        page = watched.page
        page.get_by_role("link", name="Next page").click()
        page.wait_for_url("**cursor=*")
        settled(page)
        page.get_by_label("Carrier", exact=True).fill("UA")
        page.keyboard.press("Enter")
        page.wait_for_url("**/?view=flights&carrier=UA")
        settled(page)
        expect(page.locator("#content tbody tr").first).to_contain_text("UA")
        assert ids(page) == [flight["flight_id"] for flight in flights_of(url, "carrier=UA")][:50]


def test_a_flight_says_what_happened_and_how_that_is_known(browser: Browser, url: str, lake: Any) -> None:
    arrived = next(f for f in flights_of(url, "status=arrived") if f["arrival_delay_minutes"] is not None)
    flight = httpx.get(f"{url}/v1/flights/{arrived['flight_id']}").json()["data"]
    with opened(browser, url, "/?view=flights&status=arrived") as watched:
        page = watched.page
        page.locator(f"[data-focus='flight {flight['flight_id']}']").click()
        page.wait_for_url(f"**/?view=flight&flight={flight['flight_id']}&status=arrived")
        settled(page)
        article = page.locator("#content article")
        for part in (flight["source"]["file"], flight["source"]["message_id"], flight["origin"], flight["status"]):
            expect(article).to_contain_text(part)
        expect(article).to_contain_text(f"{flight['arrival_delay_minutes']} min")
        times = page.locator(".timeline time").evaluate_all("all => all.map((e) => e.getAttribute('datetime'))")
        assert times == sorted(times)
        assert flight["scheduled_departure"] in times
        curl = page.locator("#ask pre.curl").first.text_content() or ""
        assert httpx.get(curl.split("'")[1]).json()["data"] == flight
        with lakehouse.connect(lake.as_uri()) as analyst:
            assert_one(analyst, page.locator("#ask pre.sql").text_content() or "", flight)
        page.get_by_role("link", name="All flights").click()
        page.wait_for_url("**/?view=flights&status=arrived")
        assert watched.errors == []


def assert_one(analyst: duckdb.DuckDBPyConnection, sql: str, flight: dict[str, Any]) -> None:
    (row,) = analyst.execute(f"SELECT tail_number, flight_number, destination FROM ({sql})").fetchall()
    assert row == (flight["tail_number"], flight["flight_number"], flight["destination"])


@pytest.mark.long
def test_a_flight_of_an_id_in_small_letters_is_found_by_its_sql_too(browser: Browser, url: str, lake: Any) -> None:
    flight = flights_of(url, "status=arrived")[0]
    with (
        opened(browser, url, f"/?view=flight&flight={flight['flight_id'].lower()}") as watched,
        lakehouse.connect(lake.as_uri()) as analyst,
    ):
        assert_one(analyst, watched.page.locator("#ask pre.sql").first.text_content() or "", flight)


@pytest.mark.long
def test_a_flight_that_is_not_there_is_a_problem_in_words(browser: Browser, url: str) -> None:
    with opened(browser, url, "/?view=flight&flight=2013-01-01-UA-9998-EWR") as watched:
        expect(watched.page.get_by_role("alert")).to_contain_text("2013-01-01-UA-9998-EWR")


# Columns, and what those of their flights are counted in.
COUNTED = {
    "flights": ["flights"],
    "on_time_arrival_rate": ["arrived"],
    "on_time_departure_rate": ["departed"],  # which counts all that have left
    "cancellation_rate": ["cancelled"],
}
LINKED = ["view=carriers", "by=day", "by=month", "view=routes&min_flights=1"]
LINKS_OF_THE_GATE = [("view=carriers", "on_time_arrival_rate"), ("by=day", "on_time_departure_rate")]
LINKS = [*LINKS_OF_THE_GATE, *(link for link in itertools.product(LINKED, COUNTED) if link not in LINKS_OF_THE_GATE)]


@pytest.mark.parametrize(("view", "column"), long_after(2, LINKS))
def test_a_number_of_a_table_leads_to_the_flights_behind_it(browser: Browser, url: str, view: str, column: str) -> None:
    group = {"view=carriers": "carrier", "by=month": "month", "by=day": "flight_date"}.get(view, "route")
    order = {"carrier": "&order_by=-flights", "route": "&order_by=-arrival_delay_mean&min_flights=1"}.get(group, "")
    query = "date_from=2013-01-03&date_to=2013-03-20"
    row = httpx.get(f"{url}/v1/stats?{query}&group_by={group}{order}").json()["data"][0]
    with opened(browser, url, f"/?{view}&{query}") as watched:
        page = watched.page
        if group in ("month", "flight_date"):
            page.get_by_text("The charts as a table").click()
        page.locator(f"#content tbody tr:first-child td[data-column={column}] a").click()
        page.wait_for_url("**/?view=flights&*")
        assert count(page) == sum(row[name] for name in COUNTED[column])
        assert watched.errors == []


def test_a_total_leads_to_its_flights_within_the_filters(browser: Browser, url: str) -> None:
    (row,) = httpx.get(f"{url}/v1/stats?{FILTERS}&status=cancelled&status=arrived").json()["data"]
    with opened(browser, url, f"/?{FILTERS}&status=cancelled&status=arrived") as watched:
        page = watched.page
        expect(page.locator("#totals [data-column=diverted] a")).to_have_count(0)  # none of these filters
        page.locator("#totals [data-column=cancellation_rate] a").click()
        page.wait_for_url("**&status=cancelled")
        assert count(page) == row["cancelled"]
        assert {line[4] for line in cells(page)} == {"cancelled"}


@pytest.mark.parametrize(
    ("metric", "counted"),
    [
        ("on_time_departure_rate", "departed"),
        pytest.param("arrival_delay_mean", "arrived", marks=pytest.mark.long),
        ("cancellation_rate", "cancelled"),
    ],
)
def test_a_cell_of_the_hours_leads_to_the_flights_behind_it(
    browser: Browser, url: str, metric: str, counted: str
) -> None:
    query = "carrier=UA&carrier=B6&date_from=2013-01-10"
    rows = httpx.get(f"{url}/v1/stats?{query}&group_by=weekday,hour").json()["data"]
    row = max(rows, key=lambda row: row[counted])
    assert row[counted] > 0
    with opened(browser, url, f"/?view=when&metric={metric}&{query}") as watched:
        page = watched.page
        line = page.locator("#content tbody tr").filter(has_text=f"{row['hour']:02}:00")
        line.locator("td").nth(row["weekday"] - 1).get_by_role("link").click()
        page.wait_for_url(f"**&weekday={row['weekday']}&hour={row['hour']}&status=*")
        assert count(page) == row[counted]
        day = dt.date(2013, 1, 6 + row["weekday"])  # the 7th is a Monday
        chips = page.locator("#filters .chip")
        expect(chips.filter(has_text=f"{day:%A}")).to_have_count(1)
        expect(chips.filter(has_text=f"{row['hour']:02}:00")).to_have_count(1)
        wanted = [f for f in flights_of(url, query) if f["scheduled_departure_hour"] == row["hour"]]
        assert set(ids(page)) <= {f["flight_id"] for f in wanted}
        assert watched.errors == []


def test_the_number_of_all_flights_leads_to_them(browser: Browser, url: str) -> None:
    (row,) = httpx.get(f"{url}/v1/stats").json()["data"]
    with opened(browser, url, "/?carrier=UA&view=carriers") as watched:
        page = watched.page
        page.locator("#data a", has_text=f"{row['flights']:,} flights").click()
        page.wait_for_url("**/?view=flights")
        assert count(page) == row["flights"]


@pytest.mark.parametrize("column", ["flights", pytest.param("cancellation_rate", marks=pytest.mark.long)])
def test_a_change_leads_to_the_flights_that_it_compares_with(browser: Browser, url: str, column: str) -> None:
    before = "date_from=2013-01-29&date_to=2013-02-28"
    (row,) = httpx.get(f"{url}/v1/stats?carrier=UA&{before}").json()["data"]
    with opened(browser, url, "/?carrier=UA&date_from=2013-03-01&date_to=2013-03-31") as watched:
        page = watched.page
        page.locator(f"#totals [data-column={column}] [data-change=before] a").click()
        page.wait_for_url(f"**/?view=flights&carrier=UA&{before}*")
        assert count(page) == row["cancelled" if column == "cancellation_rate" else column]


@pytest.mark.long
def test_enter_on_a_point_of_a_chart_shows_its_flights(browser: Browser, url: str) -> None:
    first = httpx.get(f"{url}/v1/stats?group_by=month").json()["data"][0]
    with opened(browser, url, "/?by=month") as watched:
        page = watched.page
        expect(page.locator(".plot[data-focus=Flights] canvas")).to_have_count(1)
        page.locator(".plot[data-focus=Flights]").focus()
        page.keyboard.press("ArrowRight")
        expect(page.locator(".chart").last.locator(".readout .when")).to_have_text("January 2013")
        page.keyboard.press("Enter")
        page.wait_for_url("**/?view=flights&by=month&date_from=2013-01-01&date_to=2013-01-31")
        assert count(page) == first["flights"]
        assert urlsplit(page.url).path == "/"


# The orders that clicks on the head of a column lead to, in turn.
ORDERS = [
    ["-arrival_delay_minutes", "arrival_delay_minutes"],
    ["-departure_delay_minutes", "departure_delay_minutes"],
    ["scheduled_departure", "-scheduled_departure"],
    ["-flight_id", "flight_id"],
]


@pytest.mark.long
@pytest.mark.parametrize("orders", ORDERS)
def test_flights_are_ordered_by_a_column_and_its_pages_go_on_in_it(
    browser: Browser, url: str, lake: Any, orders: list[str]
) -> None:
    head = f"thead [data-focus='order {orders[0].lstrip('-')}']"
    with opened(browser, url, f"/?view=flights&{FILTERS}") as watched, lakehouse.connect(lake.as_uri()) as analyst:
        page = watched.page
        for order in orders:
            page.locator(head).click()
            page.wait_for_url(f"**/?view=flights&{'' if order == 'flight_id' else f'order={order}&'}{FILTERS}")
            settled(page)
            wanted = [f["flight_id"] for f in flights_of(url, f"{FILTERS}&order_by={order}")]
            assert ids(page) == wanted[:50]
            way = "descending" if order.startswith("-") else "ascending"
            expect(page.locator("th[aria-sort]")).to_have_attribute("aria-sort", way)
            assert sql_numbers(analyst, page) == [int(one.split("-")[4]) for one in wanted[:50]]
        page.get_by_role("link", name="Next page").click()
        page.wait_for_url("**cursor=*")
        settled(page)
        assert ids(page) == wanted[50:100]
        page.locator(head).click()
        page.wait_for_url(lambda reached: "cursor" not in reached)
        assert watched.errors == []


def sql_numbers(analyst: duckdb.DuckDBPyConnection, page: Page) -> list[int]:
    """The flight numbers that the shown SQL gives, in its order."""
    result = analyst.execute(page.locator("#ask pre.sql").first.text_content() or "")
    at = [column[0] for column in result.description].index("flight_number")
    return [row[at] for row in result.fetchall()]
