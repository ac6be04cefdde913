"""What is shown, to take away: as files, and as Python that answers the same."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import httpx
import pyarrow.parquet as pq
import pytest
from playwright.sync_api import Browser, expect

from tests._support.long_cases import long_after
from tests.system.dashboard.clock import AIRPORTS_AFTER_MS
from tools.browser import opened

QUESTIONS = [
    ("/?view=carriers&carrier=UA&carrier=B6", "/v1/stats?carrier=UA&carrier=B6&group_by=carrier&order_by=-flights"),
    ("/?view=flights&carrier=UA&status=arrived", "/v1/flights?carrier=UA&status=arrived&limit=50"),
]


@pytest.mark.parametrize(("path", "question"), long_after(1, QUESTIONS))
def test_the_parquet_of_a_view_has_its_rows(browser: Browser, url: str, path: str, question: str) -> None:
    rows = httpx.get(url + question).json()["data"]
    with opened(browser, url, path) as watched:
        with watched.page.expect_download() as downloading:
            watched.page.locator("#ask a", has_text="Parquet").first.click()
        table = pq.read_table(io.BytesIO(Path(downloading.value.path()).read_bytes()))
    assert table.num_rows == len(rows)
    name = "carrier" if "carrier" in rows[0] and "flight_id" not in rows[0] else "flight_id"
    assert table[name].to_pylist() == [row[name] for row in rows]


@pytest.mark.parametrize(("path", "question"), long_after(1, QUESTIONS[::-1]))
def test_the_shown_python_runs_and_gets_the_same(browser: Browser, url: str, path: str, question: str) -> None:
    with opened(browser, url, path) as watched:
        shown = watched.page.locator("#ask pre.python").first
        expect(shown).to_be_hidden()  # closed at first
        code = shown.text_content() or ""
    found: dict[str, Any] = {}
    exec(compile(code, "shown", "exec"), found)
    assert found["data"] == httpx.get(url + question).json()["data"]


@pytest.mark.long
def test_the_file_of_a_ranking_has_the_rows_that_the_view_leaves_out(browser: Browser, url: str) -> None:
    rows = httpx.get(f"{url}/v1/stats?group_by=destination&order_by=-flights").json()["data"]
    with opened(browser, url, "/?view=airports&side=destination&rows=2") as watched:
        expect(watched.page.locator("#content tbody tr")).to_have_count(2)
        files = watched.page.locator("#ask p", has_text="as a file").first
        expect(files).to_contain_text("All of it, up to 10,000 rows, as a file")
        with watched.page.expect_download() as downloading:
            files.get_by_role("link", name="Parquet").click()
        table = pq.read_table(io.BytesIO(Path(downloading.value.path()).read_bytes()))
    assert table["destination"].to_pylist() == [row["destination"] for row in rows]
    assert len(rows) > 2


@pytest.mark.long
def test_a_page_of_flights_is_not_said_to_be_all_of_them(browser: Browser, url: str) -> None:
    flight = httpx.get(f"{url}/v1/flights?limit=1").json()["data"][0]
    with opened(browser, url, "/?view=flights") as watched:
        files = watched.page.locator("#ask p", has_text="as a file").first
        expect(files).to_contain_text("These 50 flights as a file")
        expect(files).to_contain_text("follow next_cursor")
        watched.page.goto(f"/?view=flights&flight_number={flight['flight_number']}")
        expect(files).to_contain_text("All of it as a file")
        expect(files).not_to_contain_text("next_cursor")


def test_the_header_says_which_data_these_are(browser: Browser, url: str) -> None:
    flights = httpx.get(f"{url}/v1/lake").json()["flights"]
    with opened(browser, url, has_clock=True) as watched:
        watched.page.clock.fast_forward(AIRPORTS_AFTER_MS)
        said = re.compile(
            rf"^{flights} flights · January 2013 to \w+, Apr \d+, 2013 · 7 airports · as of [\d :-]+ UTC$"
        )
        expect(watched.page.locator("#data")).to_have_text(said)
