"""Several carriers, airports or routes side by side: lines, legend, table, and what is said of more than six."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import duckdb
import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

import lakehouse
from tests._support.long_cases import long_after
from tests.system.dashboard.reading import as_on_page, expected, pairs, table
from tools.browser import opened, settled, tab

DESKTOP: dict[str, Any] = {"viewport": {"width": 1200, "height": 900}}
TABLET: dict[str, Any] = {"viewport": {"width": 768, "height": 1000}, "color_scheme": "dark"}
PHONE: dict[str, Any] = {"viewport": {"width": 375, "height": 740}, "is_mobile": True, "has_touch": True}
SIZES = [
    pytest.param(PHONE | {"color_scheme": "dark"}, id="phone"),
    pytest.param(DESKTOP, id="desktop"),
    pytest.param(TABLET, id="tablet"),
]
COLUMNS = ["flights", "on_time_arrival_rate", "arrival_delay_mean", "cancellation_rate"]
CHARTS = ["Arrived on time", "Mean arrival delay in minutes", "Cancelled", "Flights"]
SIX = ["UA", "AA", "B6", "XQ", "DL", "WN"]

# Every line that is stroked on a canvas: in which figure, its colour, and its dashes in the pixels of the page.
RECORD = """
window.drawnLines = [];
const stroke = CanvasRenderingContext2D.prototype.stroke;
CanvasRenderingContext2D.prototype.stroke = function (...rest) {
  const figure = this.canvas.closest('figure')?.querySelector('figcaption').textContent;
  const dash = this.getLineDash().map((part) => part / devicePixelRatio);
  window.drawnLines.push({ figure, colour: this.strokeStyle, dash: dash.join(' ') });
  return stroke.call(this, ...rest);
};
"""

# The lines of a legend: what each is called, its colour as a canvas says it, and its dashes.
LEGEND = """(items) => items.map((item) => {
  const line = item.querySelector('svg line');
  const ink = document.createElement('canvas').getContext('2d');
  ink.strokeStyle = getComputedStyle(line).stroke;
  const parts = (line.getAttribute('stroke-dasharray') ?? '').split(' ').filter(Boolean);
  if (parts.length % 2) throw new Error('a canvas repeats these');
  return { colour: ink.strokeStyle, dash: parts.join(' ') };
})"""


def legend(page: Page, selector: str) -> list[dict[str, str]]:
    found: list[dict[str, str]] = page.locator(selector).evaluate_all(LEGEND)
    return found


def rows_of(url: str, path: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = httpx.get(url + path).raise_for_status().json()["data"]
    return rows


@pytest.mark.parametrize("context", long_after(1, SIZES))
def test_each_carrier_has_the_line_that_the_legends_show(browser: Browser, url: str, context: dict[str, Any]) -> None:
    with tab(browser, url, **context) as watched:
        page = watched.page
        page.add_init_script(RECORD)
        page.goto("/?by=month&carrier=UA,AA,B6,XQ")
        settled(page)
        page.wait_for_function("document.querySelectorAll('.plot canvas').length === 4")
        shown = legend(page, ".legend li")
        assert [line.split()[0] for line in page.locator(".legend li").all_text_contents()] == ["UA", "AA", "B6", "XQ"]
        assert len({line["dash"] for line in shown}) == 4  # told apart without colour
        assert len({line["colour"] for line in shown}) == 4
        drawn = page.evaluate("window.drawnLines")
        for chart in CHARTS:
            lines = [{k: v for k, v in line.items() if k != "figure"} for line in drawn if line["figure"] == chart]
            assert all(line in lines for line in shown), chart
            figure = page.locator(".chart").filter(has=page.locator("figcaption", has_text=re.compile(f"^{chart}$")))
            assert figure.locator(".key").all_text_contents() == ["UA", "AA", "B6", "XQ"]
        assert legend(page, ".chart:first-child .key") == shown
        assert page.evaluate("document.documentElement.scrollWidth") <= context["viewport"]["width"]
        assert watched.errors == []


@pytest.mark.long
def test_six_lines_are_told_apart_by_their_dashes_alone(browser: Browser, url: str) -> None:
    with opened(browser, url, f"/?by=month&carrier={','.join(SIX)}") as watched:
        assert len({line["dash"] for line in legend(watched.page, ".legend li")}) == 6


QUESTIONS = [
    ("/?by=day&origin=ewr,JFK&carrier=ua", "origin=EWR&origin=JFK&carrier=UA", "flight_date", "origin"),
    ("/?by=month&carrier=UA,B6", "carrier=UA&carrier=B6", "month", "carrier"),
    ("/?by=month&origin=EWR,JFK&destination=LAX", "origin=EWR&origin=JFK&destination=LAX", "month", "route"),
    ("/?by=month&carrier=UA,B6&origin=EWR,JFK&compare=origin",
     "carrier=UA&carrier=B6&origin=EWR&origin=JFK", "month", "origin"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "filters", "at", "by"), long_after(1, QUESTIONS))
def test_the_table_has_a_row_of_each_line_as_the_shown_curl_and_sql(
    browser: Browser, url: str, lake: Path, path: str, filters: str, at: str, by: str
) -> None:
    question = f"/v1/stats?{filters}&group_by={at},{by}&limit=10000"
    rows = rows_of(url, question)
    with opened(browser, url, path) as watched:
        shown = table(watched.page)
        columns = [*COLUMNS, "on_time_departure_rate", "arrival_delay_p90"]
        assert [as_on_page({c: v[c] for c in columns}) for _, v in shown] == [
            as_on_page(expected(row, columns)) for row in rows
        ]
        assert [first.rpartition(", ")[2] for first, _ in shown] == [row[by] for row in rows]
        assert watched.page.locator("#ask pre.curl").first.text_content() == f"curl '{url}{question}'"
        with lakehouse.connect(lake.as_uri()) as analyst:
            assert sql_rows(analyst, watched.page) == [(str(row[at]), row[by], row["flights"]) for row in rows]
        assert watched.errors == []


def sql_rows(analyst: duckdb.DuckDBPyConnection, page: Page) -> list[tuple[Any, ...]]:
    result = analyst.execute(page.locator("#ask pre.sql").first.text_content() or "")
    return [(str(row[0]), row[1], row[2]) for row in result.fetchall()]


def test_arrow_keys_read_every_line_and_a_number_leads_to_its_flights(browser: Browser, url: str) -> None:
    rows = rows_of(url, "/v1/stats?carrier=UA&carrier=B6&group_by=month,carrier")
    first = {row["carrier"]: row["flights"] for row in rows[:2]}
    with opened(browser, url, "/?by=month&carrier=UA,B6") as watched:
        page = watched.page
        page.locator(".plot[data-focus=Flights] canvas").wait_for()
        page.locator(".plot[data-focus=Flights]").focus()
        page.keyboard.press("ArrowRight")
        readout = page.locator(".chart").last.locator(".readout")
        expect(readout).to_have_text(f"UA {first['UA']}B6 {first['B6']}January 2013")
        page.get_by_text("The charts as a table").click()
        page.locator("#content tbody tr").nth(1).locator("td[data-column=flights] a").click()
        page.wait_for_url("**/?view=flights&*")
        settled(page)
        expect(page.locator("#totals [data-column=flights] data")).to_have_text(str(rows[1]["flights"]))
        assert ("carrier", rows[1]["carrier"]) in pairs(page)


@pytest.mark.long
def test_lines_that_an_answer_cuts_off_end_together_and_it_is_said(browser: Browser, url: str) -> None:
    rows = rows_of(url, "/v1/stats?carrier=UA&carrier=B6&group_by=month,carrier")
    assert [row["month"] for row in rows[-2:]] == ["2013-04", "2013-04"]
    march = {row["carrier"]: row["flights"] for row in rows if row["month"] == "2013-03"}
    least = str(len(rows) - 1)  # of April, one of the two
    with tab(browser, url) as watched:
        page = watched.page
        page.route(
            "**limit=10000",
            lambda route: route.continue_(url=route.request.url.replace("limit=10000", f"limit={least}")),
        )
        page.goto("/?by=month&carrier=UA,B6")
        said = f"There are more than {least} rows: the charts end before April 2013."
        expect(page.locator("#content [data-cut]")).to_contain_text(said)
        page.locator(".plot[data-focus=Flights] canvas").wait_for()
        page.locator(".plot[data-focus=Flights]").focus()
        page.keyboard.press("End")
        readout = page.locator(".chart").last.locator(".readout")
        expect(readout).to_have_text(f"UA {march['UA']}B6 {march['B6']}March 2013")
        page.unroute("**limit=10000")
        page.reload()
        expect(page.locator("#content .plot canvas")).to_have_count(4)
        expect(page.locator("#content [data-cut]")).to_have_count(0)


@pytest.mark.long
def test_seven_have_six_lines_and_a_word_of_the_seventh_in_place(browser: Browser, url: str) -> None:
    with opened(browser, url, f"/?by=month&carrier={','.join(SIX[:3])},ZZ,XQ,DL,WN") as watched:
        page = watched.page
        said = page.locator("#content [data-without]")
        expect(said).to_have_text("7 carriers are chosen, and up to 6 have a line. Without one: WN; the table has all.")
        expect(page.locator(".legend li")).to_have_count(6)
        expect(page.locator(".chart").last).to_contain_text("DL")
        expect(page.get_by_role("alert")).to_have_count(0)
        page.get_by_role("button", name="Remove Carrier ZZ").click()
        expect(said).to_have_count(0)
        expect(page.locator(".legend li")).to_have_text([re.compile(code) for code in [*SIX]])


@pytest.mark.long
def test_lines_are_put_together_and_the_choice_is_in_the_url(browser: Browser, url: str) -> None:
    with opened(browser, url, "/?by=month&carrier=UA,B6&origin=EWR,JFK") as watched:
        page = watched.page
        choices = page.get_by_role("group", name="A line for").get_by_role("button")
        assert choices.all_text_contents() == ["All", "Each carrier", "Each origin"]
        page.get_by_role("button", name="All", exact=True).click()
        page.wait_for_url("**compare=none*")
        settled(page)
        expect(page.locator(".legend")).to_have_count(0)
        assert page.locator(".chart figcaption").all_text_contents()[0] == "On time"
        page.get_by_role("button", name="Each origin").click()
        page.wait_for_url("**compare=origin*")
        settled(page)
        expect(page.locator(".legend li")).to_have_text([re.compile("EWR"), re.compile("JFK")])
        page.go_back()
        page.wait_for_url("**compare=none*")


def test_the_first_of_a_ranking_are_compared_by_one_click(browser: Browser, url: str) -> None:
    carriers = [row["carrier"] for row in rows_of(url, "/v1/stats?origin=EWR&group_by=carrier&order_by=-flights")]
    with opened(browser, url, "/?view=carriers&origin=EWR") as watched:
        page = watched.page
        page.get_by_role("link", name=f"Compare the first {len(carriers)} over time").click()
        settled(page)
        expect(page.locator(".legend li")).to_have_text([re.compile(code) for code in carriers])
        chosen = [("carrier", code) for code in carriers]
        assert pairs(page) == [("compare", "carrier"), ("origin", "EWR"), *chosen]
