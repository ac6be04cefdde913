"""Airports on a map: where they are, what size and colour say, and what a click or a key does."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from tests._support.long_cases import long_after
from tests.system.dashboard.reading import pairs
from tools.browser import opened, settled

PHONE = {"viewport": {"width": 375, "height": 740}, "is_mobile": True, "has_touch": True}

CIRCLES = """() => [...document.querySelectorAll('.map circle')].map((c) => {
  const [box, frame] = [c.getBoundingClientRect(), c.ownerSVGElement.getBoundingClientRect()];
  return { x: +c.getAttribute('cx'), y: +c.getAttribute('cy'), r: +c.getAttribute('r'), css: c.className.baseVal,
           isInside: box.left >= frame.left && box.right <= frame.right
             && box.top >= frame.top && box.bottom <= frame.bottom };
})"""
LABELS_OUTSIDE = """() => [...document.querySelectorAll('.map text')].filter((t) => {
  const [box, frame] = [t.getBoundingClientRect(), t.ownerSVGElement.getBoundingClientRect()];
  return box.left < frame.left || box.right > frame.right || box.top < frame.top || box.bottom > frame.bottom;
}).map((t) => t.textContent)"""
IS_LAND = """([x, y]) => {
  const path = document.querySelector('.map .land');
  return path.isPointInFill(new DOMPoint(x * 10, y * 10));
}"""


def rows(url: str, query: str) -> list[dict[str, Any]]:
    """Most flights first."""
    found: list[dict[str, Any]] = (
        httpx.get(f"{url}/v1/stats?{query}&order_by=-flights").raise_for_status().json()["data"]
    )
    return found


def drawn(page: Page) -> list[dict[str, Any]]:
    settled(page)
    expect(page.locator(".map .land")).to_be_attached()
    found: list[dict[str, Any]] = page.evaluate(CIRCLES)
    return found


@pytest.mark.parametrize(
    "context", long_after(1, [PHONE, {}, {"color_scheme": "dark"}]), ids=["phone", "desktop", "dark"]
)
def test_each_known_airport_has_a_circle_inside_the_map(browser: Browser, url: str, context: dict[str, Any]) -> None:
    with opened(browser, url, "/?view=map", **context) as watched:
        circles = drawn(watched.page)
        assert len(circles) == 3
        assert all(circle["isInside"] for circle in circles)
        assert watched.page.evaluate(LABELS_OUTSIDE) == []
        assert watched.page.locator(".map text").all_text_contents() != []
        expect(watched.page.locator("#content .missing")).to_have_text("Not on the map: QQQ.")
        assert watched.errors == []
        assert watched.foreign == []


@pytest.mark.long
def test_size_says_how_many_flights_and_colour_how_late(browser: Browser, url: str) -> None:
    found = [row for row in rows(url, "group_by=destination") if row["destination"] != "QQQ"]
    steps = [0, 5, 10, 20, 30]
    with opened(browser, url, "/?view=map") as watched:
        circles = drawn(watched.page)
        sizes = [circle["r"] ** 2 / circles[0]["r"] ** 2 for circle in circles]
        assert sizes == pytest.approx([row["flights"] / found[0]["flights"] for row in found], abs=0.02)
        levels = [f"airport level-{sum(row['arrival_delay_mean'] > step for step in steps)}" for row in found]
        assert [circle["css"] for circle in circles] == levels
        assert watched.page.locator(".map-key li").count() == 6


def test_airports_lie_where_they_are(browser: Browser, url: str) -> None:
    with opened(browser, url, "/?view=map") as watched:
        page = watched.page
        circles = drawn(page)
        codes = [row["destination"] for row in rows(url, "group_by=destination") if row["destination"] != "QQQ"]
        at = dict(zip(codes, circles, strict=True))
        assert at["LAX"]["x"] < at["BOS"]["x"] < at["SJU"]["x"]
        assert at["BOS"]["y"] < at["LAX"]["y"] < at["SJU"]["y"]
        for place, is_land in [
            ((-98, 39), True),
            ((-40, 35), False),
            ((0, -85), True),
            ((100, 65), True),
            ((-178, 67), True),
        ]:
            assert page.evaluate(IS_LAND, place) is is_land, place


def test_a_click_on_an_airport_shows_only_its_flights(browser: Browser, url: str) -> None:
    (row,) = rows(url, "destination=LAX")
    with opened(browser, url, "/?view=map") as watched:
        page = watched.page
        drawn(page)
        index = [r["destination"] for r in rows(url, "group_by=destination") if r["destination"] != "QQQ"].index("LAX")
        page.locator(".map circle").nth(index).click()
        page.wait_for_url("**/?view=map&side=origin&destination=LAX")
        assert len(drawn(page)) == 3
        assert page.locator("#totals [data-column=flights] data").get_attribute("value") == str(row["flights"])
        assert watched.errors == []


def test_the_map_is_read_and_used_by_keys(browser: Browser, url: str) -> None:
    first, second, *_ = [row for row in rows(url, "group_by=destination") if row["destination"] != "QQQ"]
    with opened(browser, url, "/?view=map") as watched:
        page = watched.page
        drawn(page)
        page.locator(".map").focus()
        readout = page.locator("#content .readout")
        page.keyboard.press("ArrowRight")
        expect(readout).to_contain_text(first["destination"])
        expect(readout).to_contain_text(f"{first['flights']:,} flights")
        page.keyboard.press("ArrowRight")
        expect(readout).to_contain_text(second["destination"])
        page.keyboard.press("Enter")
        page.wait_for_url(f"**/?view=map&side=origin&destination={second['destination']}")


@pytest.mark.long
def test_the_table_below_has_all_airports_and_filters_too(browser: Browser, url: str) -> None:
    with opened(browser, url, "/?view=map&side=origin") as watched:
        page = watched.page
        wanted = [row["origin"] for row in rows(url, "group_by=origin")]
        assert [text.split()[0] for text in page.locator("#content tbody th").all_text_contents()] == wanted
        page.locator("#content tbody th a").first.press("Enter")
        page.wait_for_url("**/?view=map&side=destination&origin=*")
        assert ("origin", wanted[0]) in pairs(page)
