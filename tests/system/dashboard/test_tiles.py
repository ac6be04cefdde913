"""The totals: how they changed since earlier dates, and what they mean, on hover and on focus."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from lakehouse.store.local import LocalStore
from tests._support.lakes.builder import LakeBuilder, event
from tests._support.long_cases import long_after
from tests.system.dashboard.lake import LAST_DAY
from tools.browser import opened, tab
from tools.served_api import served

COLUMNS = {
    "flights": "count",
    "on_time_arrival_rate": "rate",
    "arrival_delay_mean": "mean",
    "arrival_delay_p90": "minutes",
    "cancellation_rate": "rate",
    "diverted": "count",
}
# What is asked for, and the dates of the period before and of the year before.
PERIODS = [
    ("carrier=UA,B6&date_from=2013-02-15&date_to=2013-03-14", {"before": ("2013-01-18", "2013-02-14")}),
    ("date_from=2013-03-01&date_to=2013-03-31", {"before": ("2013-01-29", "2013-02-28")}),
    ("date_from=2013-03-05&date_to=2013-03-05", {"before": ("2013-03-04", "2013-03-04")}),
]


def totals(url: str, query: str) -> dict[str, Any]:
    row: dict[str, Any] = httpx.get(f"{url}/v1/stats?{query}").raise_for_status().json()["data"][0]
    return row


def change(kind: str, now: float | None, then: float | None) -> str:
    if now is None or then is None or (kind == "count" and then == 0):
        return "–"
    difference = now - then
    if kind == "minutes":
        return f"{difference:+d} min" if difference else "0 min"
    value = {"count": 100 * difference / (then or 1), "rate": 100 * difference, "mean": difference}[kind]
    unit = {"count": "%", "rate": " points", "mean": " min"}[kind]
    return f"{value:+.1f}{unit}" if abs(value) >= 0.05 else f"0.0{unit}"


def changes(page: Page, period: str) -> dict[str, str]:
    expect(page.locator(f"[data-change={period}]")).to_have_count(len(COLUMNS))
    expect(page.locator(".change b", has_text="…")).to_have_count(0)
    tile = page.locator("#totals .tile")
    found: dict[str, str] = tile.evaluate_all(
        "(tiles, period) => Object.fromEntries(tiles.map((tile) =>"
        " [tile.dataset.column, tile.querySelector(`[data-change=${period}] b`)?.textContent]))",
        period,
    )
    return found


def compared(url: str, query: str, dates: tuple[str, str]) -> dict[str, str]:
    since, until = dates
    others = re.sub(r"&?date_(from|to)=[^&]*", "", query)
    then = totals(url, f"{others}&date_from={since}&date_to={until}".lstrip("&"))
    now = totals(url, query)
    return {column: change(kind, now[column], then[column]) for column, kind in COLUMNS.items()}


@pytest.mark.parametrize(("query", "periods"), long_after(1, PERIODS))
def test_totals_show_the_change_since_the_period_before(
    browser: Browser, url: str, query: str, periods: dict[str, tuple[str, str]]
) -> None:
    with opened(browser, url, f"/?by=month&{query}") as watched:
        for period, dates in periods.items():
            assert changes(watched.page, period) == compared(url, query, dates)
        expect(watched.page.locator("[data-change=year]")).to_have_count(0)  # the lake has no 2012
        assert watched.errors == []


def test_totals_show_the_change_since_the_same_dates_a_year_before(browser: Browser, years: str) -> None:
    query = "date_from=2012-02-01&date_to=2012-02-29"
    with opened(browser, years, f"/?{query}") as watched:
        assert changes(watched.page, "year") == compared(years, query, ("2011-02-01", "2011-02-28"))
        assert changes(watched.page, "before") == compared(years, query, ("2012-01-03", "2012-01-31"))
        delay = watched.page.locator("#totals [data-column=arrival_delay_mean] [data-change=year] b")
        expect(delay).to_have_text("+5.0 min")
        expect(delay).to_have_class("bad")


@pytest.mark.parametrize(
    ("query", "dates"),
    long_after(
        1,
        [
            ("date_from=2013-02-01&date_to=2013-02-28", "Feb 1, 2012 to Feb 29, 2012"),
            ("date_from=2013-02-21&date_to=2013-02-28", "Feb 21, 2012 to Feb 28, 2012"),  # as many days
        ],
    ),
)
def test_a_whole_month_is_compared_with_all_of_it_a_year_before(
    browser: Browser, years: str, query: str, dates: str
) -> None:
    with opened(browser, years, f"/?{query}") as watched:
        tile = watched.page.locator("#totals [data-column=flights]")
        expect(tile).to_have_attribute("data-tip", re.compile(re.escape(f"a year before ({dates})")))


@pytest.fixture(scope="module")
def mid_month(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[str]:
    """A service over the flights of 17 to 31 March, one a day."""
    folder = tmp_path_factory.mktemp("mid_month")
    builder = LakeBuilder(LocalStore(folder))
    builder.land(*(event(flight_date=dt.date(2013, 3, day)) for day in range(17, 32)))
    builder.merge()
    with served(folder, tmp_path_factory.mktemp("logs")) as url:
        yield url


@pytest.mark.long
def test_a_period_before_that_is_not_all_in_the_lake_is_no_comparison(browser: Browser, mid_month: str) -> None:
    with opened(browser, mid_month, "/?date_from=2013-03-24&date_to=2013-03-30") as watched:
        assert changes(watched.page, "before")["flights"] == "0.0%"  # 17 to 23 March are
        watched.page.goto("/?date_from=2013-03-21&date_to=2013-03-27")
        expect(watched.page.locator("#data")).not_to_be_empty()  # it is known which dates there are
        expect(watched.page.locator("#totals [data-column=flights] data")).to_have_text("7")
        expect(watched.page.locator(".change")).to_have_count(0)
        assert not any("date_to=2013-03-20" in request for request in watched.requests)
        assert watched.errors == []


@pytest.mark.long
def test_days_that_are_still_to_come_are_compared_with_nothing(browser: Browser, years: str) -> None:
    with opened(browser, years, "/?date_from=2013-12-01&date_to=2013-12-31") as watched:
        expect(watched.page.locator("[data-change=before]").first).to_contain_text(f"vs {LAST_DAY.day} days before")


@pytest.mark.long
@pytest.mark.parametrize("path", ["/?carrier=UA,B6&date_from=2013-01-05", "/", "/?view=flights"])
def test_nothing_is_asked_and_shown_where_nothing_is_earlier(browser: Browser, url: str, path: str) -> None:
    with opened(browser, url, path) as watched:
        watched.page.wait_for_function("document.querySelector('#data').textContent !== ''")
        expect(watched.page.locator(".change")).to_have_count(0)
        assert len({r for r in watched.requests if "/v1/stats" in r and "group_by" not in r}) == 1  # the totals


@pytest.mark.long
def test_the_numbers_stay_where_the_earlier_ones_cannot_be_had(browser: Browser, url: str) -> None:
    with tab(browser, url) as watched:
        page = watched.page
        page.route("**date_to=2013-02-28*", lambda route: route.abort())
        page.goto("/?view=carriers&date_from=2013-03-01&date_to=2013-03-31")
        expect(page.locator("[data-change=before] b").first).to_have_text("?")
        expect(page.locator("#content tbody tr")).to_have_count(4)
        expect(page.locator("#totals .tile").first).to_have_attribute("data-tip", re.compile("could not be had"))


@pytest.mark.parametrize("column", long_after(1, list(COLUMNS)))
def test_a_total_says_what_it_means_on_hover_and_on_focus(browser: Browser, url: str, column: str) -> None:
    query = "date_from=2013-03-01&date_to=2013-03-31"
    with opened(browser, url, f"/?view=carriers&{query}") as watched:
        page = watched.page
        tile = page.locator(f"#totals [data-column={column}]")
        changed = changes(page, "before")[column]
        tip = page.get_by_role("tooltip")
        tile.hover()
        expect(tip).to_be_visible()
        said = tip.text_content() or ""
        assert "the 31 days before (Jan 29, 2013 to Feb 28, 2013)" in said
        assert changed in said or changed == "–" or "no change" in said
        page.mouse.move(5, 5)
        expect(tip).to_be_hidden()
        tile.get_by_role("button").focus()
        page.keyboard.press("Tab")
        page.keyboard.press("Shift+Tab")
        expect(tip).to_have_text(said)
        expect(tile.get_by_role("button")).to_have_attribute("aria-describedby", "tip")
        box = tip.bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= page.evaluate("document.documentElement.clientWidth")
        page.keyboard.press("Escape")
        expect(tip).to_be_hidden()


@pytest.mark.long
def test_a_finger_on_the_question_mark_says_what_a_total_means(browser: Browser, url: str) -> None:
    phone: dict[str, Any] = {"viewport": {"width": 375, "height": 740}, "is_mobile": True, "has_touch": True}
    with opened(browser, url, "/?view=carriers", **phone) as watched:
        page = watched.page
        page.locator("#totals [data-column=diverted] .why").tap()
        expect(page.get_by_role("tooltip")).to_contain_text("landed at another airport")
        assert page.evaluate("document.documentElement.scrollWidth") <= 375
