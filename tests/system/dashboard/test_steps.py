"""The steps of the charts: chosen by the span, asked of the API, and links to the flights of their dates."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

import lakehouse
from tests._support.long_cases import long_after
from tests.system.dashboard.reading import pairs, table
from tools.browser import opened, settled


def rows_of(url: str, path: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = httpx.get(url + path).raise_for_status().json()["data"]
    return rows


def dates_of(step: str, value: Any) -> tuple[dt.date, dt.date]:
    """The first and the last date of a week, quarter or year of the API, by Python's own calendar."""
    text = str(value)
    if step == "week":
        monday = dt.date.fromisocalendar(int(text[:4]), int(text[6:]), 1)
        return monday, monday + dt.timedelta(6)
    year = int(text[:4])
    first, last = (1, 12) if step == "year" else (3 * int(text[6:]) - 2, 3 * int(text[6:]))
    following = dt.date(year, last, 28) + dt.timedelta(4)
    return dt.date(year, first, 1), following.replace(day=1) - dt.timedelta(1)


def pressed(page: Page) -> list[str]:
    return page.get_by_role("group", name="A point each").locator("[aria-pressed=true]").all_text_contents()


CHOSEN = [
    ("date_from=1990-01-01&date_to=2020-12-31", "Quarter"),
    ("carrier=UA,AA&date_from=2013-09-01&date_to=2013-12-21", "Week"),  # lines that cross each other have fewer
    ("date_from=2013-09-01&date_to=2013-12-21", "Day"),
    ("date_from=2012-12-01&date_to=2013-12-31", "Week"),
    ("date_from=2009-01-01", "Month"),
    ("date_from=1980-01-01&date_to=2100-12-31", "Year"),
]


@pytest.mark.long
@pytest.mark.parametrize(("query", "step"), CHOSEN)
def test_the_step_is_chosen_by_the_span(browser: Browser, years: str, query: str, step: str) -> None:
    with opened(browser, years, f"/?{query}") as watched:
        assert pressed(watched.page) == [step]
        assert watched.errors == []


@pytest.mark.parametrize("step", long_after(1, ["quarter", "week", "year"]))
def test_a_step_shows_what_the_api_and_the_shown_sql_answer(browser: Browser, url: str, lake: Path, step: str) -> None:
    rows = rows_of(url, f"/v1/stats?group_by={step}&limit=10000")
    with opened(browser, url, f"/?by={step}") as watched:
        page = watched.page
        shown = table(page)
        assert [values["flights"][0] for _, values in shown] == [str(row["flights"]) for row in rows]
        assert [(page.locator("#content caption").text_content(), *pressed(page))] == [
            (f"By {step}", step.capitalize())
        ]
        with lakehouse.connect(lake.as_uri()) as analyst:
            answer = analyst.execute(page.locator("#ask pre.sql").first.text_content() or "").fetchall()
        assert [row[:2] for row in answer] == [(row[step], row["flights"]) for row in rows]
        assert watched.errors == []


@pytest.mark.long
@pytest.mark.parametrize("step", ["week", "quarter", "year"])
@pytest.mark.parametrize("which", [0, -1])
def test_a_step_leads_to_the_flights_of_its_dates_within_those_of_the_page(
    browser: Browser, url: str, step: str, which: int
) -> None:
    since, until = dt.date(2013, 1, 9), dt.date(2013, 4, 11)
    query = f"date_from={since}&date_to={until}"
    row = rows_of(url, f"/v1/stats?{query}&group_by={step}")[which]
    first, last = dates_of(step, row[step])
    with opened(browser, url, f"/?by={step}&{query}") as watched:
        page = watched.page
        page.get_by_text("The charts as a table").click()
        page.locator("#content tbody tr").nth(which).locator("td[data-column=flights] a").click()
        page.wait_for_url("**/?view=flights&*")
        settled(page)
        found = dict(pairs(page))
        assert (found["date_from"], found["date_to"]) == (str(max(first, since)), str(min(last, until)))
        expect(page.locator("#totals [data-column=flights] data")).to_have_text(str(row["flights"]))


@pytest.mark.long
@pytest.mark.parametrize(
    ("step", "words"),
    [("week", "Week 2, Jan 5, 2004 to Jan 11, 2004"), ("quarter", "Q1 2004"), ("year", "2004")],
)
def test_steps_are_read_in_words(browser: Browser, years: str, step: str, words: str) -> None:
    with opened(browser, years, f"/?by={step}") as watched:
        page = watched.page
        page.locator(".plot[data-focus=Flights] canvas").wait_for()
        page.locator(".plot[data-focus=Flights]").focus()
        page.keyboard.press("ArrowRight")
        expect(page.locator(".chart").last.locator(".when")).to_have_text(words)
        expect(page.locator("#content tbody th").first).to_have_text(words)
