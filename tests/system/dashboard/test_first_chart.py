"""The first chart is drawn within a second, also over the demo's lake: a year of real flights.

The best of some tries counts: what else runs on the machine makes a page slower, never faster.
"""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Browser

from bench.scale import ScaleData
from tools.browser import WITHIN_MS
from tools.served_api import served

WITHIN_S = 1.0
TRIES = 12
FLIGHTS = 336_776

# Notes, in each frame, whether a chart has pixels of its first line, and then when: since the navigation began.
MARKS = """
const look = () => {
  const canvas = document.querySelector('#content .plot canvas');
  const accent = getComputedStyle(document.documentElement).getPropertyValue('--accent').trim();
  const wanted = [1, 3, 5].map((at) => parseInt(accent.slice(at, at + 2), 16));
  const isMark = (pixels, at) => pixels[at + 3] === 255 && wanted.every((c, i) => pixels[at + i] === c);
  const isDrawn = () => {
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    for (let at = 0; at < data.length; at += 4) if (isMark(data, at)) return true;
    return false;
  };
  if (canvas && canvas.width && isDrawn()) window.firstMarksMs = performance.now();
  else requestAnimationFrame(look);
};
requestAnimationFrame(look);
"""


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[str]:
    """A service over all flights of 2013, merged as the demo's are."""
    lake = ScaleData(tmp_path_factory.mktemp("year")).lake(None, 1)
    with served(lake.root, tmp_path_factory.mktemp("logs")) as url:
        yield url


def seconds_to_marks(browser: Browser, url: str) -> float:
    """Of a visitor who comes for the first time."""
    with browser.new_context(base_url=url) as context:
        page = context.new_page()
        page.add_init_script(MARKS)
        page.goto("/")
        page.wait_for_function("() => window.firstMarksMs", timeout=2 * WITHIN_MS)
        milliseconds: float = page.evaluate("window.firstMarksMs")
        return milliseconds / 1000


def best(browser: Browser, url: str) -> float:
    """Of up to TRIES, until one is fast enough."""
    tries: list[float] = []
    while len(tries) < TRIES and min(tries, default=WITHIN_S) >= WITHIN_S:
        tries.append(seconds_to_marks(browser, url))
    print("seconds to the first marks:", *(f"{each:.2f}" for each in tries))
    return min(tries)


def test_the_first_chart_of_a_small_lake_is_drawn_within_a_second(browser: Browser, url: str) -> None:
    assert best(browser, url) < WITHIN_S


@pytest.mark.long
@pytest.mark.timeout(900)
def test_the_first_chart_of_the_demos_lake_is_drawn_within_a_second(browser: Browser, year: str) -> None:
    assert httpx.get(f"{year}/v1/stats").json()["data"][0]["flights"] == FLIGHTS
    assert best(browser, year) < WITHIN_S


def test_a_page_without_charts_has_no_first_marks(browser: Browser, url: str) -> None:
    """Else the tests above could not fail."""
    with browser.new_context(base_url=url) as context:
        page = context.new_page()
        page.add_init_script(MARKS)
        page.goto("/?view=carriers")
        page.wait_for_selector("#content tbody tr")
        assert (
            page.evaluate("new Promise((done) => requestAnimationFrame(() => done(window.firstMarksMs ?? null)))")
            is None
        )
