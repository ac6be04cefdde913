"""Every feature on a phone, a tablet and a desktop, in light and in dark: what is there, and that it is inside."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.system.dashboard.looks import LOOKS, SIZES, Look
from tools.browser import Watched, opened, settled

COMPARED = "carrier=UA&carrier=AA&origin=EWR"
MARCH = "date_from=2013-03-01&date_to=2013-03-31"

# Texts and drawings that go beyond the window, and are in nothing that scrolls by itself.
OUTSIDE = """(width) => [...document.querySelectorAll('h2, h3, p, button, a, canvas, svg, .tile *')]
  .filter((e) => !e.closest('.scroll, .skip, [hidden]') && e.getClientRects().length)
  .filter((e) => { const box = e.getBoundingClientRect(); return box.left < -1 || box.right > width + 1; })
  .map((e) => e.outerHTML.slice(0, 120))"""
# Of each chart, how many pixels are not of its background: something is drawn on it, in the colours of the theme.
DRAWN = """() => [...document.querySelectorAll('.plot canvas')].map((canvas) => {
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  let count = 0;
  for (let at = 3; at < data.length; at += 4) count += data[at] > 0;
  return count;
})"""
LABELS_OUTSIDE = """() => [...document.querySelectorAll('.map text, .map circle')].filter((e) => {
  const [box, frame] = [e.getBoundingClientRect(), e.ownerSVGElement.getBoundingClientRect()];
  return box.left < frame.left || box.right > frame.right || box.top < frame.top || box.bottom > frame.bottom;
}).map((e) => e.outerHTML)"""


def rows(url: str, query: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = httpx.get(f"{url}/v1/stats?{query}").raise_for_status().json()["data"]
    return found


def go(watched: Watched, path: str) -> Page:
    watched.page.goto(path)
    settled(watched.page)
    return watched.page


def fits(page: Page) -> None:
    """Nothing is cut off, nor makes the page scroll sideways."""
    assert page.viewport_size is not None
    width = page.viewport_size["width"]  # a phone's own idea of it grows with what does not fit
    assert page.evaluate("document.documentElement.scrollWidth") <= width, page.url
    assert page.evaluate(OUTSIDE, width) == [], page.url


@pytest.mark.parametrize("look", LOOKS)
def test_tables_have_all_their_rows_and_fit(browser: Browser, url: str, look: Look) -> None:
    tables = {
        "/?view=carriers": len(rows(url, "group_by=carrier")),
        "/?view=airports": len(rows(url, "group_by=origin")),
        "/?view=routes&min_flights=1": len(rows(url, "group_by=route")),
        "/?view=flights": 50,
        "/?view=when": len({row["hour"] for row in rows(url, "group_by=hour")}),
    }
    with opened(browser, url, "/docs", **look) as watched:
        for path, count in tables.items():
            page = go(watched, path)
            expect(page.locator("#content tbody tr")).to_have_count(count)
            fits(page)
        cells = [row for row in rows(url, "group_by=weekday,hour") if row["on_time_departure_rate"] is not None]
        expect(page.locator("#content td a.number-link")).to_have_count(len(cells))
        assert watched.errors == []


@pytest.mark.parametrize("look", LOOKS)
def test_charts_are_drawn_with_a_legend_and_fit(browser: Browser, url: str, look: Look) -> None:
    with opened(browser, url, "/docs", **look) as watched:
        for path in ("/?by=day", "/?by=week", "/?by=month", "/?by=quarter", "/?by=year", f"/?by=week&{COMPARED}"):
            page = go(watched, path)
            expect(page.locator(".plot canvas")).to_have_count(4)
            page.wait_for_function(f"() => ({DRAWN})().every((count) => count > 500)")
            fits(page)
        expect(page.locator(".legend li")).to_have_count(2)
        assert watched.errors == []


@pytest.mark.parametrize("look", LOOKS)
def test_the_map_and_its_labels_fit(browser: Browser, url: str, look: Look) -> None:
    with opened(browser, url, "/?view=map", **look) as watched:
        expect(watched.page.locator(".map circle")).to_have_count(3)
        expect(watched.page.locator(".map-key li")).to_have_count(6)
        assert watched.page.evaluate(LABELS_OUTSIDE) == []
        fits(watched.page)
        assert watched.errors == []


@pytest.mark.parametrize("look", LOOKS)
def test_totals_have_their_changes_and_fit(browser: Browser, url: str, look: Look) -> None:
    with opened(browser, url, f"/?view=carriers&{MARCH}", **look) as watched:
        page = watched.page
        expect(page.locator("#totals .tile")).to_have_count(6)
        expect(page.locator("#totals [data-change=before]")).to_have_count(6)
        expect(page.locator(".change b", has_text="…")).to_have_count(0)
        fits(page)
        beyond = "(tiles) => tiles.filter((tile) => tile.scrollWidth > tile.clientWidth).map((tile) => tile.innerText)"
        assert page.locator("#totals .tile").evaluate_all(beyond) == []
        assert watched.errors == []


@pytest.mark.parametrize("look", LOOKS)
def test_a_flight_and_its_events_fit(browser: Browser, url: str, look: Look) -> None:
    flight = httpx.get(f"{url}/v1/flights?status=arrived&limit=1").json()["data"][0]["flight_id"]
    events = httpx.get(f"{url}/v1/flights/{flight}/events").json()["data"]
    with opened(browser, url, f"/?view=flight&flight={flight}", **look) as watched:
        expect(watched.page.locator("table.events tbody tr")).to_have_count(len(events))
        assert watched.page.locator(".timeline li").count() >= 2
        fits(watched.page)
        assert watched.errors == []


@pytest.mark.parametrize("look", LOOKS)
def test_suggestions_of_the_search_and_an_explanation_fit(browser: Browser, url: str, look: Look) -> None:
    with opened(browser, url, "/?view=carriers", **look) as watched:
        page = watched.page
        page.locator("#search input").fill("newark")
        expect(page.locator("#search li").first).to_be_visible()
        fits(page)
        page.keyboard.press("Escape")
        page.locator("#totals .why").last.click()
        expect(page.locator("#tip")).to_be_visible()
        fits(page)
        assert watched.errors == []


def test_what_does_not_fit_is_found(browser: Browser, url: str) -> None:
    with opened(browser, url, "/?view=carriers", **SIZES["phone"]) as watched:
        fits(watched.page)
        wide = "document.querySelector('#content').append(Object.assign(document.createElement('p'), {id: 'wide'}))"
        watched.page.evaluate(wide)
        watched.page.evaluate("document.querySelector('#wide').style.width = '500px'")
        with pytest.raises(AssertionError):
            fits(watched.page)
