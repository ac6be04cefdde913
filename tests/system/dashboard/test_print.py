"""On paper: black on white, no controls, charts and tables whole, and what they are about in words."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page, expect

from tests._support.long_cases import long_after
from tools.browser import opened

A4 = {"width": 718, "height": 1047}  # in pixels of CSS, within the usual margins

CONTROLS = "#search, #filters, #views, #ask, #live, .segments, .skip, .top .quiet, button:not(thead button), input"
CUT = """() => [...document.querySelectorAll('#content table, #content canvas, #content svg, #totals .tile')]
  .filter((e) => e.checkVisibility())
  .filter((e) => { const box = e.getBoundingClientRect(); return box.left < -0.5 || box.right > innerWidth + 0.5; })
  .map((e) => e.outerHTML.slice(0, 80))"""
SCROLLED = """() => [...document.querySelectorAll('#content *')]
  .filter((e) => e.checkVisibility() && e.scrollHeight > e.clientHeight + 1 && e.clientHeight > 0)
  .filter((e) => getComputedStyle(e).overflowY !== 'visible').map((e) => e.outerHTML.slice(0, 80))"""
COLOURS = """() => [document.body, document.querySelector('.tile .value'), document.querySelector('h1')]
  .flatMap((e) => [getComputedStyle(e).color, getComputedStyle(e).backgroundColor])"""


def on_paper(page: Page) -> None:
    page.set_viewport_size({"width": A4["width"], "height": A4["height"]})
    page.emulate_media(media="print", color_scheme="dark")


@pytest.mark.parametrize("view", long_after(2, ["time", "when", "carriers", "map", "routes&min_flights=1", "flights"]))
def test_a_printed_view_has_its_numbers_and_no_controls(browser: Browser, url: str, view: str) -> None:
    with opened(browser, url, f"/?view={view}&carrier=UA", color_scheme="dark") as watched:
        page = watched.page
        on_paper(page)
        visible = page.locator(CONTROLS).filter(visible=True)
        assert [item.evaluate("e => e.outerHTML") for item in visible.all()] == []
        expect(page.locator("#totals .tile data").first).to_be_visible()
        expect(page.locator("#content .chart, #content table").first).to_be_visible()
        expect(page.locator(".printed")).to_have_text(f"Only: carrier UA. {page.url}")
        assert page.evaluate(CUT) == []
        assert page.evaluate(SCROLLED) == []
        assert set(page.evaluate(COLOURS)) <= {"rgb(0, 0, 0)", "rgb(255, 255, 255)", "rgba(0, 0, 0, 0)"}


@pytest.mark.long
def test_a_chart_is_drawn_for_paper_where_the_page_was_dark(browser: Browser, url: str) -> None:
    has_dark_text = """() => {
      const canvas = document.querySelector('.plot canvas');
      const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
      for (let i = 0; i < data.length; i += 4) {
        if (data[i + 3] > 250 && Math.max(data[i], data[i + 1], data[i + 2]) < 0x60) return true;
      }
      return false;
    }"""
    with opened(browser, url, "/", color_scheme="dark") as watched:
        expect(watched.page.locator(".plot canvas").first).to_be_visible()
        on_paper(watched.page)
        watched.page.wait_for_function(has_dark_text)


@pytest.mark.long
def test_a_printed_page_has_its_pages(browser: Browser, url: str) -> None:
    with opened(browser, url, "/?view=flights") as watched:
        paper = watched.page.pdf(format="A4")
        assert paper.startswith(b"%PDF-")
        assert paper.count(b"/Type /Page\n") > 1
