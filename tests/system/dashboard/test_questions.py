"""Five questions that people come with, each answered by at most four clicks and nothing typed."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import polars as pl
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from lakehouse.store.local import LocalStore
from tests._support.lakes.builder import Event, LakeBuilder, event
from tests.system.dashboard.looks import LOOKS, Look, is_phone
from tests.system.dashboard.reading import pairs
from tools.browser import opened, settled
from tools.served_api import served

MOST_CLICKS = 4
_LAST_DAY = dt.date(2013, 8, 31)
_ROUTES = (("EWR", "LAX"), ("LAX", "JFK"), ("BOS", "JFK"))
_DELAYS = {"UA": 3, "DL": 0, "AA": 20}  # of most flights of a carrier
_DELAYS_TO_LAX = _DELAYS | {"DL": 20}  # the best to JFK is not the best of all


def _flights() -> Iterator[Event]:
    """Each carrier on each route, every day of 2013 until August; a snow storm on 8 February."""
    day = dt.date(2013, 1, 1)
    while day <= _LAST_DAY:
        for number, carrier in enumerate(_DELAYS):
            for origin, destination in _ROUTES:
                is_snow = day == dt.date(2013, 2, 8)
                usual = _DELAYS_TO_LAX if destination == "LAX" else _DELAYS
                late = 200 if day.day % (number + 3) == 0 else usual[carrier]
                yield event(
                    flight_date=day,
                    carrier=carrier,
                    flight_number=100 + 10 * number + _ROUTES.index((origin, destination)),
                    origin=origin,
                    destination=destination,
                    scheduled_departure_hour=8 + number,
                    status="cancelled" if is_snow and carrier != "UA" else "arrived",
                    departure_delay_minutes=late,
                    arrival_delay_minutes=late,
                )
        day += dt.timedelta(1)
    others = range(200, 280)  # of the first day: more than a page, before UA 1545 in the usual order
    yield from (event(carrier="AA", flight_number=n, scheduled_departure_hour=9) for n in others)


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[str]:
    """A service over that lake."""
    folder = tmp_path_factory.mktemp("questions")
    builder = LakeBuilder(LocalStore(folder))
    builder.land(*_flights())
    builder.land(event(departure_delay_minutes=None, status="scheduled"))
    later = dt.datetime(2013, 1, 1, 15, tzinfo=dt.UTC)
    builder.land(event(departure_delay_minutes=2, arrival_delay_minutes=11, event_time=later))
    with served(folder, tmp_path_factory.mktemp("logs")) as url:
        yield url


class Clicks:
    """Clicks, counted; each waits for what it asked for."""

    def __init__(self, page: Page, look: Look) -> None:
        self.page = page
        self.is_phone = is_phone(look)
        self.most = MOST_CLICKS + self.is_phone  # one more opens the filters, or the next page
        self.count = 0

    def on(self, what: Locator, **options: Any) -> None:
        before = self.page.url
        what.click(**options)
        self.count += 1
        self.page.wait_for_function("(before) => location.href !== before", arg=before)
        settled(self.page)

    def tab(self, name: str) -> None:
        self.on(self.page.locator("#views").get_by_role("link", name=name, exact=True))

    def month(self, name: str) -> None:
        if self.is_phone:
            self.page.locator("#filters summary").click()
            self.count += 1
        self.on(self.page.get_by_role("toolbar", name="Last months with data").get_by_role("button", name=name))

    def day(self, number: int, of: int) -> None:
        """A point of the first chart, whose days are all there."""
        over = self.page.locator(".plot .u-over").first
        box = over.bounding_box()
        assert box is not None
        self.on(over, position={"x": box["width"] * (number - 0.5) / of, "y": box["height"] / 2})


@pytest.fixture(params=LOOKS)
def clicks(request: pytest.FixtureRequest, browser: Browser, asked: str) -> Iterator[Clicks]:
    with opened(browser, asked, "/", **request.param) as watched:
        expect(watched.page.locator("[aria-label='Last months with data']")).to_be_attached()
        clicks = Clicks(watched.page, request.param)
        yield clicks
        assert 1 < clicks.count <= clicks.most
        assert watched.errors == []


def rows(url: str, query: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = httpx.get(f"{url}/v1/stats?{query}").raise_for_status().json()["data"]
    return found


def test_which_carrier_to_jfk_is_most_on_time_in_july(clicks: Clicks, asked: str) -> None:
    july = "date_from=2013-07-01&date_to=2013-07-31&group_by=carrier&order_by=-on_time_arrival_rate"
    best, *_ = rows(asked, f"{july}&destination=JFK")
    assert rows(asked, july)[0]["carrier"] != best["carrier"]
    clicks.month("Jul")
    clicks.tab("Map")
    clicks.on(clicks.page.locator("#content tbody").get_by_role("link", name="JFK John F Kennedy"))
    clicks.tab("Carriers")
    assert ("destination", "JFK") in pairs(clicks.page)
    found = clicks.page.locator("#content tbody tr").evaluate_all(
        """(rows) => rows.map((row) => [row.querySelector('th b').textContent,
             Number(row.querySelector('[data-column=on_time_arrival_rate] data').value)])"""
    )
    assert max(found, key=lambda row: row[1]) == [best["carrier"], best["on_time_arrival_rate"]]


def test_how_bad_a_day_was(clicks: Clicks, asked: str) -> None:
    (row,) = rows(asked, "date_from=2013-02-08&date_to=2013-02-08")
    clicks.month("Feb")
    clicks.day(8, of=28)
    assert {("date_from", "2013-02-08"), ("date_to", "2013-02-08")} <= set(pairs(clicks.page))
    shown = clicks.page.locator("#totals [data-column=cancellation_rate] data").first
    assert float(shown.get_attribute("value") or "nan") == row["cancellation_rate"] > 0.5


def test_the_carriers_at_an_airport_are_compared(clicks: Clicks, asked: str) -> None:
    carriers = [row["carrier"] for row in rows(asked, "origin=EWR&group_by=carrier&order_by=-flights")]
    clicks.tab("Airports")
    clicks.on(clicks.page.locator("#content tbody").get_by_role("link", name="EWR Newark"))
    clicks.tab("Carriers")
    clicks.on(clicks.page.get_by_role("link", name="Compare the first"))
    assert ("origin", "EWR") in pairs(clicks.page)
    legend = clicks.page.locator("#content .legend").first
    expect(legend.locator("li")).to_have_text([re.compile(f"^{code} ") for code in carriers])
    expect(legend).to_contain_text("United Air Lines Inc.")
    expect(legend).to_contain_text("Delta Air Lines Inc.")
    expect(clicks.page.locator("#content .plot canvas")).to_have_count(4)


def test_a_flight_and_how_its_delay_was_known(clicks: Clicks, asked: str) -> None:
    clicks.month("Jan")
    clicks.day(1, of=31)
    if clicks.is_phone:  # which has no column of that
        clicks.on(clicks.page.get_by_role("link", name="Next page"))
    else:
        clicks.on(clicks.page.get_by_role("button", name="Scheduled, UTC"))
    clicks.on(clicks.page.locator("#content tbody").get_by_role("link", name="UA 1545"))
    flight = httpx.get(f"{asked}/v1/flights/2013-01-01-UA-1545-EWR").json()["data"]
    article = clicks.page.locator("#content article")
    expect(article).to_contain_text("11 minutes late")
    expect(article).to_contain_text("How this is known")
    expect(article).to_contain_text(flight["source"]["file"])


def test_july_as_parquet(clicks: Clicks, asked: str) -> None:
    clicks.month("Jul")
    with clicks.page.expect_download() as downloading:
        clicks.page.locator("#ask").get_by_role("link", name="Parquet").first.click()
    clicks.count += 1
    got = pl.read_parquet(Path(downloading.value.path()))
    wanted = rows(asked, "date_from=2013-07-01&date_to=2013-07-31&group_by=flight_date")
    assert got["flights"].to_list() == [row["flights"] for row in wanted]
    assert len(wanted) == 31


def test_the_months_are_one_stop_of_the_tab_key_and_arrows_go_between(browser: Browser, asked: str) -> None:
    with opened(browser, asked, "/?date_from=2013-02-01&date_to=2013-02-28") as watched:
        months = watched.page.get_by_role("toolbar", name="Last months with data")
        expect(months.locator("button[tabindex='0']")).to_have_text(["Feb"])
        months.locator("button[tabindex='0']").focus()
        watched.page.keyboard.press("ArrowRight")
        watched.page.keyboard.press("Enter")
        watched.page.wait_for_url("**/?date_from=2013-03-01&date_to=2013-03-31")
