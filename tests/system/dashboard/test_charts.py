"""What charts show at their edges: a day, a month, ten years, a series without values."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests._support.long_cases import long_after
from tests.system.dashboard.lake import FIRST_YEAR, LAST_DAY, LAST_YEAR
from tools.browser import Watched, opened, settled, tab

DESKTOP: dict[str, Any] = {"viewport": {"width": 1200, "height": 900}}
TABLET: dict[str, Any] = {"viewport": {"width": 768, "height": 1000}, "color_scheme": "dark"}
PHONE: dict[str, Any] = {"viewport": {"width": 375, "height": 740}, "is_mobile": True, "has_touch": True}

# Every text and every mark that is drawn on a canvas, with the box of the text in the canvas's own pixels.
RECORD = """
window.drawnTexts = []; window.drawnMarks = 0;
const write = CanvasRenderingContext2D.prototype.fillText;
CanvasRenderingContext2D.prototype.fillText = function (text, x, y, ...rest) {
  const width = this.measureText(text).width;
  const left = { center: x - width / 2, right: x - width, end: x - width }[this.textAlign] ?? x;
  const figure = this.canvas.closest('figure')?.querySelector('figcaption').textContent;
  window.drawnTexts.push({ text, figure, left, right: left + width, top: y, size: this.canvas.width });
  return write.call(this, text, x, y, ...rest);
};
const arc = Path2D.prototype.arc;
Path2D.prototype.arc = function (...rest) { window.drawnMarks += 1; return arc.apply(this, rest); };
"""
PHONE_FIRST = [
    pytest.param(PHONE, id="phone"),
    pytest.param(DESKTOP, id="desktop"),
    pytest.param(TABLET, id="tablet"),
]


@contextmanager
def drawn(browser: Browser, url: str, path: str, context: dict[str, Any]) -> Iterator[Watched]:
    with tab(browser, url, **context) as watched:
        watched.page.add_init_script(RECORD)
        watched.page.goto(path)
        settled(watched.page)
        watched.page.wait_for_function("document.querySelectorAll('.plot canvas').length >= 3")
        yield watched
        assert watched.errors == []


def time_labels(page: Page, figure: str) -> list[dict[str, Any]]:
    """Of the time axis: whatever has a letter, or is a year."""
    texts: list[dict[str, Any]] = page.evaluate("window.drawnTexts")
    found = {t["text"]: t for t in texts if t["figure"] == figure and re.search(r"[A-Za-z]|^\d{4}$", t["text"])}
    return sorted(found.values(), key=lambda t: float(t["left"]))


EDGES = [
    ("/?date_from=2013-12-21&date_to=2013-12-21", ["Dec 21"]),
    ("/?by=month&date_from=2013-12-01&date_to=2013-12-31", ["Dec 2013"]),
    ("/?date_from=2013-12-01&date_to=2013-12-31", ["Dec 7", "Dec 21"]),
]


@pytest.mark.long
@pytest.mark.parametrize("context", PHONE_FIRST)
@pytest.mark.parametrize(("path", "ends"), EDGES, ids=["one day", "one month", "a month by day"])
def test_a_short_span_has_marks_and_labels_of_its_own_days_only(
    browser: Browser, years: str, path: str, ends: list[str], context: dict[str, Any]
) -> None:
    with drawn(browser, years, path, context) as watched:
        labels = time_labels(watched.page, "Arrival delay in minutes")
        assert labels
        if len(ends) == 1:
            assert [label["text"] for label in labels] == ends
        assert all(label["text"].startswith("Dec") for label in labels)
        assert watched.page.evaluate("window.drawnMarks") > 0
        assert_inside(labels)


@pytest.mark.long
@pytest.mark.parametrize("context", PHONE_FIRST[::-1])
def test_ten_years_are_labelled_by_years_that_do_not_touch(
    browser: Browser, years: str, context: dict[str, Any]
) -> None:
    with drawn(browser, years, "/", context) as watched:
        labels = time_labels(watched.page, "Flights")
        shown = [int(label["text"]) for label in labels]
        assert len(shown) >= 2
        assert set(shown) <= set(range(FIRST_YEAR, LAST_YEAR + 1))
        assert_inside(labels)
        expect(watched.page.get_by_role("button", name="Month", exact=True)).to_have_attribute("aria-pressed", "true")


@pytest.mark.parametrize("context", long_after(1, PHONE_FIRST))
@pytest.mark.parametrize("step", long_after(1, ["quarter", "week", "year"]))
def test_the_labels_of_longer_steps_are_inside_and_do_not_touch(
    browser: Browser, years: str, step: str, context: dict[str, Any]
) -> None:
    with drawn(browser, years, f"/?by={step}", context) as watched:
        labels = time_labels(watched.page, "Flights")
        assert len(labels) >= 2
        assert_inside(labels)
        assert watched.page.evaluate("document.documentElement.scrollWidth") <= context["viewport"]["width"]


def assert_inside(labels: list[dict[str, Any]]) -> None:
    for label in labels:
        assert 0 <= label["left"] < label["right"] <= label["size"], label
    for one, next_ in pairwise(labels):
        assert one["right"] < next_["left"], (one, next_)


def test_a_series_without_values_is_left_out_in_words(browser: Browser, url: str) -> None:
    with opened(browser, url, "/?status=cancelled") as watched:
        figure = watched.page.locator(".chart", has_text="Arrival delay in minutes")
        expect(figure).to_contain_text("No values here: Mean, 9 in 10 within.")
        expect(figure.locator("canvas")).to_have_count(0)
        expect(watched.page.locator(".chart", has_text="Of all flights").locator("canvas")).to_have_count(1)


def test_the_last_days_end_with_the_last_flight_date(browser: Browser, years: str) -> None:
    with opened(browser, years, "/") as watched:
        watched.page.get_by_role("button", name="7 days").click()
        first = LAST_DAY - dt.timedelta(days=6)
        watched.page.wait_for_url(f"**/?date_from={first}&date_to={LAST_DAY}")
        settled(watched.page)
        expect(watched.page.locator("#totals [data-column=flights] data")).to_have_text("1")
