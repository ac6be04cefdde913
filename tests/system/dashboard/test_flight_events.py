"""The events of one flight: all that are still there, where each is, and which one won."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, expect

from lakehouse.store.local import LocalStore
from tests._support.lakes.builder import T0, LakeBuilder, event
from tests._support.long_cases import long_after
from tools.browser import opened
from tools.served_api import served

FLIGHT = "2013-01-01-UA-1545-EWR"
DESKTOP: dict[str, Any] = {"viewport": {"width": 1200, "height": 900}}
PHONE: dict[str, Any] = {"viewport": {"width": 375, "height": 740}, "is_mobile": True, "has_touch": True}


@pytest.fixture(scope="module")
def events_url(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[str]:
    """A service over one flight: a merged event, and three in the tail, two of one time."""
    folder = tmp_path_factory.mktemp("events")
    builder = LakeBuilder(LocalStore(folder))
    builder.land(event(status="scheduled", event_time=T0, publish_time=T0, message_id="1"))
    builder.merge()
    later = {"event_time": T0 + dt.timedelta(hours=2), "status": "arrived"}
    builder.land(
        event(status="departed", event_time=T0 + dt.timedelta(hours=1), departure_delay_minutes=7, message_id="2"),
        event(**later, publish_time=T0 + dt.timedelta(hours=2), arrival_delay_minutes=11, message_id="3"),
        event(**later, publish_time=T0 + dt.timedelta(hours=3), arrival_delay_minutes=12, message_id="4"),
    )
    with served(folder, tmp_path_factory.mktemp("logs")) as url:
        yield url


@pytest.mark.parametrize(
    "context", long_after(1, [pytest.param(PHONE, id="phone"), pytest.param(DESKTOP, id="desktop")])
)
def test_a_flight_has_its_events_newest_first_with_file_and_what_won(
    browser: Browser, events_url: str, context: dict[str, Any]
) -> None:
    events = httpx.get(f"{events_url}/v1/flights/{FLIGHT}/events").json()["data"]
    assert [e["message_id"] for e in events] == ["4", "3", "2", "1"]
    with opened(browser, events_url, f"/?view=flight&flight={FLIGHT}", **context) as watched:
        page = watched.page
        rows = page.get_by_role("table", name="Events of this flight").locator("tbody tr")
        shown = [row.locator("th, td").all_text_contents() for row in rows.all()]
        assert [line[:5] for line in shown] == [
            ["2013-01-01 14:00", "arrived", "won: the newest", "–", "12"],
            ["2013-01-01 14:00", "arrived", "as old, published earlier", "–", "11"],
            ["2013-01-01 13:00", "departed", "older", "7", "–"],
            ["2013-01-01 12:00", "scheduled", "older", "–", "–"],
        ]
        for line, row in zip(shown, events, strict=True):
            assert line[6].startswith(f"{row['file']} message {row['message_id']}, line {row['message_line']}")
            assert ("not yet merged" in line[6]) == (not row["absorbed"])
        expect(page.get_by_role("heading", name="4 events, newest first")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= context["viewport"]["width"]
        assert watched.errors == []


@pytest.mark.long
def test_the_events_are_taken_away_by_the_shown_curl_and_as_a_file(browser: Browser, events_url: str) -> None:
    with opened(browser, events_url, f"/?view=flight&flight={FLIGHT}&carrier=UA") as watched:
        page = watched.page
        curl = page.locator("#ask pre.curl").all_text_contents()[1]
        assert curl == f"curl '{events_url}/v1/flights/{FLIGHT}/events'"
        page.locator("#ask summary", has_text="Events").first.click()
        with page.expect_download() as downloading:
            page.locator("#ask details[data-open='ask Events'] a", has_text="CSV").click()
        assert len(downloading.value.path().read_text().splitlines()) == 5
