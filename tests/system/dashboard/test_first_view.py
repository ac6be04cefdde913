"""What the first view costs: how often it asks, and what it loads."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Route, expect

from tests._support.long_cases import long_after
from tools.browser import Watched, opened, tab

MOST_REQUESTS = 12  # files and data, from nothing to the last chart
POLLED = ("/health", "/v1/lake")  # again and again while the page is there: once each for the view


def shown(watched: Watched) -> list[str]:
    """The paths that were asked for until all charts and the header were there."""
    expect(watched.page.locator("#content .plot canvas")).to_have_count(4)
    expect(watched.page.locator("#data")).not_to_be_empty()
    expect(watched.page.locator(".live .dot.up")).to_be_visible()
    paths = [urlsplit(url).path for url in watched.requests]
    return [path for path in paths if path not in POLLED] + [path for path in POLLED if path in paths]


@pytest.mark.parametrize("path", long_after(1, ["/", "/?carrier=UA&date_from=2013-02-01&date_to=2013-02-28"]))
def test_the_first_view_takes_few_requests(browser: Browser, url: str, path: str) -> None:
    with opened(browser, url, path, is_first=True) as watched:
        paths = shown(watched)
        assert len(paths) <= MOST_REQUESTS, paths
        assert [path.rpartition(".")[2] for path in paths if path.endswith((".js", ".css"))] == ["css", "js"]
        assert watched.errors == []


def test_no_view_needs_more_scripts_than_the_first(browser: Browser, url: str) -> None:
    with opened(browser, url, "/", is_first=True) as watched:
        before = set(shown(watched))
        for link in watched.page.locator("#views a").all():
            link.click()
            expect(link).to_have_attribute("aria-current", "page")
            expect(watched.page.locator("body:not([aria-busy])")).to_be_visible()
        after = {urlsplit(url).path for url in watched.requests} - before
        assert [path for path in after if path.endswith((".js", ".css"))] == []
        assert watched.errors == []


def test_the_first_chart_does_not_wait_for_names_and_a_table_does(browser: Browser, url: str) -> None:
    with tab(browser, url, is_first=True) as watched:
        held: list[Route] = []

        def hold(route: Route) -> None:
            held.append(route)

        watched.page.route("**/names.json", hold)
        watched.page.goto("/")
        expect(watched.page.locator("#content .plot canvas")).to_have_count(4)
        watched.page.locator("#views").get_by_role("link", name="Carriers").click()
        expect(watched.page.locator("body[aria-busy]")).to_be_visible()
        (names,) = held
        names.continue_()
        expect(watched.page.locator("#content tbody th").filter(has_text="UA")).to_contain_text("United Air Lines Inc.")
