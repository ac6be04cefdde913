"""What every number means: on hover, on focus, in the "?"; and which data these are."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, expect

from tests._support.long_cases import long_after
from tests.system.dashboard.clock import AIRPORTS_AFTER_MS, go_on_to_the_next_look
from tools.browser import opened
from tools.served_api import served

ON_TIME = "less than 15 minutes late"
EXPLAINED = [
    ("/?view=carriers", "thead [data-focus='order on_time_arrival_rate']", ON_TIME),
    ("/?by=month", ".chart:first-child .why", "Arrivals: Of the arrived flights whose arrival delay is known"),
    ("/?view=carriers", "[data-focus='By arrival_delay_p90']", "the 90th percentile"),
    ("/?view=when", "[data-focus='Show cancellation_rate']", "Cancelled flights, of all"),
    ("/?view=flights", "thead [data-focus='order arrival_delay_minutes']", "early is negative"),
    ("/?by=month&carrier=UA,B6", ".chart:last-child .why", "Flights that match"),
]  # fmt: skip


@pytest.mark.long
@pytest.mark.parametrize(("path", "selector", "words"), EXPLAINED)
def test_a_number_says_what_it_means_on_hover_and_on_focus(
    browser: Browser, url: str, path: str, selector: str, words: str
) -> None:
    with opened(browser, url, path) as watched:
        page = watched.page
        tip = page.get_by_role("tooltip")
        page.locator(selector).hover()
        expect(tip).to_contain_text(words)
        page.mouse.move(2, 2)
        expect(tip).to_be_hidden()
        page.locator(selector).focus()
        page.keyboard.press("Shift+Tab")
        page.keyboard.press("Tab")
        expect(tip).to_contain_text(words)
        expect(page.locator(selector)).to_have_attribute("aria-describedby", "tip")
        assert watched.errors == []


@pytest.mark.long
def test_a_head_that_does_not_order_is_reached_by_keys_too(browser: Browser, url: str) -> None:
    with opened(browser, url, "/?by=month") as watched:
        page = watched.page
        page.get_by_text("The charts as a table").click()
        page.locator("[data-focus='head cancellation_rate']").focus()
        page.keyboard.press("Shift+Tab")
        page.keyboard.press("Tab")
        expect(page.get_by_role("tooltip")).to_contain_text("Cancelled flights")


@pytest.mark.long
@pytest.mark.parametrize("width", [375, 1200])
def test_the_question_mark_has_every_number_and_gives_the_focus_back(browser: Browser, url: str, width: int) -> None:
    context: dict[str, Any] = {"viewport": {"width": width, "height": 740}}
    with opened(browser, url, "/?view=carriers", **context) as watched:
        page = watched.page
        page.locator("#glossary-open").press("Enter")
        dialog = page.get_by_role("dialog", name="What the numbers mean")
        expect(dialog).to_be_visible()
        named = set(dialog.locator("dt").all_text_contents())
        shown = page.locator("#totals .label, #live .fact > span").all_text_contents()
        assert {text.lower() for text in shown} <= {text.lower() for text in named}
        assert len(dialog.locator("dd").all_text_contents()) == len(named)
        box = dialog.bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width
        page.keyboard.press("Escape")
        expect(dialog).to_be_hidden()
        assert page.evaluate("document.activeElement.id") == "glossary-open"
        assert watched.errors == []


def test_the_header_counts_airports_once_for_each_snapshot(browser: Browser, url: str) -> None:
    routes = [row["route"] for row in httpx.get(f"{url}/v1/stats?group_by=route&limit=10000").json()["data"]]
    airports = {end for route in routes for end in route.split("-")}
    with opened(browser, url, "/?view=carriers", has_clock=True) as watched:
        page = watched.page
        page.clock.fast_forward(AIRPORTS_AFTER_MS)
        expect(page.locator("#data")).to_contain_text(f"· {len(airports)} airports ·")
        page.get_by_role("link", name="Hours").click()
        page.wait_for_url("**/?view=when")
        expect(page.locator(".heat")).to_be_visible()
        page.clock.fast_forward(AIRPORTS_AFTER_MS)
        assert sum("group_by=route" in request for request in watched.requests) == 1


def test_the_header_says_as_of_when_and_goes_on_with_the_looks(browser: Browser, url: str) -> None:
    with opened(browser, url, "/?view=carriers", has_clock=True) as watched:
        page = watched.page
        as_of = re.compile(r"as of \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC$")
        expect(page.locator("#data")).to_have_text(as_of)
        later = httpx.get(f"{url}/v1/lake").json() | {"listed_at": "2100-01-01T00:00:00Z"}
        page.route("**/v1/lake", lambda route: route.fulfill(json=later))
        go_on_to_the_next_look(page)
        expect(page.locator("#data")).to_contain_text("as of 2100-01-01 00:00:00 UTC")


DOCUMENTS = "http://127.0.0.1:9/site"  # nobody listens there: only the address is looked at


@pytest.fixture(scope="module")
def documented(lake: Path, tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[str]:
    with served(lake, tmp_path_factory.mktemp("logs"), API_DOCUMENTS_URL=DOCUMENTS) as url:
        yield url


@pytest.mark.parametrize(
    ("view", "page"),
    long_after(
        1,
        [
            ("", "analysts.html#the-apis-numbers-in-sql"),
            ("flights", "event.html#fields"),
            ("flight", "event.html#which-event-counts"),
        ],
    ),
)
def test_the_question_mark_leads_to_the_page_of_the_view(
    browser: Browser, documented: str, view: str, page: str
) -> None:
    with opened(browser, documented, "/?view=carriers") as watched:
        watched.page.evaluate("view => history.replaceState(null, '', `?view=${view}`)", view)
        watched.page.locator("#glossary-open").click()
        link = watched.page.get_by_role("dialog").get_by_role("link")
        expect(link).to_have_attribute("href", f"{DOCUMENTS}/docs/{page}")
        assert watched.errors == watched.foreign == []


@pytest.mark.long
def test_the_question_mark_has_no_link_where_no_documents_are_served(browser: Browser, url: str) -> None:
    with opened(browser, url, "/?view=carriers") as watched:
        watched.page.locator("#glossary-open").click()
        dialog = watched.page.get_by_role("dialog")
        expect(dialog).to_be_visible()
        expect(dialog.get_by_role("link")).to_have_count(0)


def test_a_problem_leads_to_what_it_means(browser: Browser, url: str) -> None:
    with opened(browser, url, "/?view=carriers&order=shoe_size") as watched:
        watched.page.get_by_role("alert").get_by_role("link", name="What this problem means").click()
        watched.page.wait_for_url("**/problems#parameter")
        expect(watched.page.locator("#parameter")).to_be_in_viewport()
