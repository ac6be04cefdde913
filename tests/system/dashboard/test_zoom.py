"""Zooming into a time chart by dragging or by keys, and back out."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.system.dashboard.reading import pairs
from tools.browser import opened, settled

FEBRUARY, MARCH = dt.date(2013, 2, 1), dt.date(2013, 3, 1)
ZOOMED = ("2013-02-01", "2013-03-31")
DESKTOP: dict[str, Any] = {"viewport": {"width": 1200, "height": 900}}
TABLET: dict[str, Any] = {"viewport": {"width": 768, "height": 1000}, "color_scheme": "dark"}


def chart(page: Page, title: str = "Flights") -> Any:
    page.locator(f".plot[data-focus='{title}'] canvas").wait_for()
    return page.locator(f".plot[data-focus='{title}']")


def drag(page: Page, first: dt.date, last: dt.date) -> None:
    """From a little before `first` to a little after `last`, over the chart of January to April by month."""
    plot = chart(page).locator(".u-over")
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    assert box is not None
    start, end = dt.date(2013, 1, 1) - dt.timedelta(14), dt.date(2013, 4, 1) + dt.timedelta(14)
    left, right = (box["x"] + box["width"] * ((day - start) / (end - start)) for day in (first, last))
    height = box["y"] + box["height"] / 2
    page.mouse.move(left - 10, height)
    page.mouse.down()
    page.mouse.move((left + right) / 2, height)
    page.mouse.move(right + 10, height)
    page.mouse.up()


@pytest.mark.parametrize(
    "context", [pytest.param(DESKTOP, id="desktop"), pytest.param(TABLET, id="tablet", marks=pytest.mark.long)]
)
def test_dragging_sets_the_dates_and_a_button_and_going_back_undo_it(
    browser: Browser, url: str, context: dict[str, Any]
) -> None:
    before = "/?by=month&carrier=UA&date_from=2013-01-02"
    with opened(browser, url, before, **context) as watched:
        page = watched.page
        drag(page, FEBRUARY, MARCH)
        page.wait_for_url("**date_to=2013-03-31")
        settled(page)
        zoomed = [("zoomed_from", "2013-01-02.."), ("carrier", "UA")]
        assert pairs(page) == [*zoomed, ("date_from", ZOOMED[0]), ("date_to", ZOOMED[1])]
        expect(page.get_by_role("button", name="Day", exact=True)).to_have_attribute("aria-pressed", "true")
        page.get_by_role("button", name="Zoom out to all since Jan 2, 2013").click()
        page.wait_for_url("**/?carrier=UA&date_from=2013-01-02")
        settled(page)
        expect(page.get_by_role("button", name="Zoom out")).to_have_count(0)
        page.go_back()
        page.wait_for_url("**date_to=2013-03-31")
        page.go_back()
        page.wait_for_url(f"**{before}")
        assert watched.errors == []


def test_keys_select_points_and_enter_zooms_into_them(browser: Browser, url: str) -> None:
    with opened(browser, url, "/?by=month") as watched:
        page = watched.page
        plot = chart(page)
        plot.focus()
        said = page.locator(".chart").last.locator(".when")
        for key in ("ArrowRight", "ArrowRight", "Shift+ArrowRight"):
            page.keyboard.press(key)
        expect(said).to_have_text("February 2013 to March 2013: Enter zooms in, Escape does not")
        assert plot.locator(".u-select").evaluate("(e) => e.getBoundingClientRect().width") > 10
        page.keyboard.press("Escape")
        expect(said).to_have_text("March 2013")
        page.keyboard.press("Shift+ArrowLeft")
        page.keyboard.press("Enter")
        page.wait_for_url("**/?zoomed_from=..&date_from=2013-02-01&date_to=2013-03-31")
        settled(page)
        assert page.evaluate("document.activeElement.dataset.focus") == "Flights"
        page.get_by_role("button", name="Zoom out to all dates").press("Enter")
        page.wait_for_url(f"{url}/")
        assert watched.errors == []


@pytest.mark.long
def test_the_dates_before_the_first_zoom_stay_the_way_back(browser: Browser, url: str) -> None:
    with opened(browser, url, "/?by=month") as watched:
        page = watched.page
        drag(page, FEBRUARY, MARCH)
        page.wait_for_url("**date_to=2013-03-31")
        settled(page)
        plot = chart(page)
        plot.focus()
        for key in ("ArrowRight", "Shift+ArrowRight", "Enter"):
            page.keyboard.press(key)
        page.wait_for_url(lambda reached: "date_to=2013-03-31" not in reached)
        settled(page)
        expect(page.get_by_role("button", name="Zoom out to all dates")).to_be_visible()
        assert ("zoomed_from", "..") in pairs(page)


@pytest.mark.long
def test_a_click_that_shakes_shows_flights_and_does_not_zoom(browser: Browser, url: str) -> None:
    with opened(browser, url, "/?by=month") as watched:
        page = watched.page
        plot = chart(page).locator(".u-over")
        plot.scroll_into_view_if_needed()
        box = plot.bounding_box()
        assert box is not None
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 50)
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] / 2 + 3, box["y"] + 50)
        page.mouse.up()
        page.wait_for_url("**/?view=flights&*")
        assert watched.errors == []


@pytest.mark.long
@pytest.mark.parametrize("text", ["yesterday", "2013-01-01", ""])
def test_a_way_back_that_is_no_dates_is_none(browser: Browser, url: str, text: str) -> None:
    with opened(browser, url, f"/?zoomed_from={text}&date_from=2013-02-01") as watched:
        expect(watched.page.get_by_role("button", name="Zoom out")).to_have_count(0)
        assert watched.errors == []
