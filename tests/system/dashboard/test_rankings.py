"""Rankings: of at least so many flights, best and worst, with bars that say how good a number is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, expect

from lakehouse.store.local import LocalStore
from tests._support.lakes.builder import LakeBuilder, event
from tests.system.dashboard.reading import cells
from tools.browser import opened, settled
from tools.served_api import served

ARRIVAL_DELAYS = {"UA": -10, "AA": 2, "B6": 12, "DL": 40}  # minutes: early, on time, late, very late
FLIGHTS_EACH = 40
LUCKY = "9E"  # one flight, an hour early
DESTINATIONS = [f"D{number:02}" for number in range(30)]  # more than are shown at first

# How far the bar of each row begins and ends, in parts of its track; and its colour's name.
BARS = """(column) => [...document.querySelectorAll(`#content td[data-column=${column}]`)].map((cell) => {
  const track = cell.querySelector('.track').getBoundingClientRect();
  const bar = cell.querySelector('.bar').getBoundingClientRect();
  const at = (x) => (x - track.left) / track.width;
  return [at(bar.left), at(bar.right), cell.querySelector('.bar').className.split(' ').at(-1)];
})"""


@pytest.fixture(scope="module")
def uneven(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[str]:
    """A service over four carriers from early to late, and a fifth with a single flight."""
    folder = tmp_path_factory.mktemp("uneven")
    builder = LakeBuilder(LocalStore(folder))
    of: dict[str, Any] = {"status": "arrived"}
    builder.land(
        *(
            event(**of, carrier=carrier, flight_number=n, destination=DESTINATIONS[n % 30], arrival_delay_minutes=delay)
            for carrier, delay in ARRIVAL_DELAYS.items()
            for n in range(1, FLIGHTS_EACH + 1)
        ),
        event(**of, carrier=LUCKY, flight_number=1, destination="D00", arrival_delay_minutes=-60),
    )
    builder.merge()
    with served(folder, tmp_path_factory.mktemp("logs")) as url:
        yield url


def test_groups_of_few_flights_are_in_no_ranking_until_asked_for(browser: Browser, uneven: str) -> None:
    with opened(browser, uneven, "/?view=carriers") as watched:
        page = watched.page
        assert len(cells(page)) == 5  # by flights: no ranking by chance
        page.get_by_role("button", name="Mean delay", exact=True).first.click()
        page.wait_for_url("**/?view=carriers&order=-arrival_delay_mean")
        settled(page)
        assert [row[0].split()[0] for row in cells(page)] == ["DL", "B6", "AA", "UA"]
        expect(page.get_by_role("button", name="30", exact=True)).to_have_attribute("aria-pressed", "true")
        page.get_by_role("button", name="Any", exact=True).click()
        page.wait_for_url("**/?view=carriers&order=-arrival_delay_mean&min_flights=1")
        settled(page)
        assert [row[0].split()[0] for row in cells(page)][-1] == LUCKY
        page.get_by_role("button", name="Best first").click()
        settled(page)
        expect(page.locator("#content tbody tr").first).to_contain_text(LUCKY)
        assert watched.errors == []


@pytest.mark.long
def test_bars_are_coloured_by_goodness_and_an_early_one_goes_the_other_way(browser: Browser, uneven: str) -> None:
    with opened(browser, uneven, "/?view=carriers&order=arrival_delay_mean") as watched:
        bars = watched.page.evaluate(BARS, "arrival_delay_mean")
        zero = 10 / 50  # from -10 to 40
        ends = [(0, zero), (zero, 12 / 50), (zero, 22 / 50), (zero, 1)]
        assert [bar[:2] for bar in bars] == [pytest.approx(end, abs=0.03) for end in ends]
        assert [bar[2] for bar in bars] == ["good", "good", "warm", "bad"]
        rates = watched.page.evaluate(BARS, "on_time_arrival_rate")
        assert [rate[2] for rate in rates] == ["good", "good", "good", "bad"]


def test_more_rows_are_shown_when_asked_for_and_the_link_keeps_them(browser: Browser, uneven: str) -> None:
    with opened(browser, uneven, "/?view=airports&side=destination") as watched:
        page = watched.page
        assert len(cells(page)) == 25
        page.get_by_role("button", name="Show more").click()
        page.wait_for_url("**/?view=airports&side=destination&rows=50")
        expect(page.locator("#content tbody tr")).to_have_count(30)
        expect(page.get_by_role("button", name="Show more")).to_have_count(0)
        answer = httpx.get(f"{uneven}/v1/stats?group_by=destination&order_by=-flights&limit=50").json()["data"]
        assert [row[0].split()[0] for row in cells(page)] == [row["destination"] for row in answer]


@pytest.mark.long
def test_a_ranking_that_nobody_is_in_says_why_and_shows_all(browser: Browser, uneven: str) -> None:
    with opened(browser, uneven, "/?view=routes&min_flights=9000") as watched:
        page = watched.page
        expect(page.locator("#content")).to_contain_text("No group has at least 9000 flights here.")
        page.get_by_role("button", name="Show all").click()
        expect(page.locator("#content tbody tr")).to_have_count(25)


@pytest.mark.long
@pytest.mark.parametrize(("path", "part"), [("rows=many", "limit is 'many'"), ("min_flights=few", "is 'few'")])
def test_a_wrong_number_in_a_link_is_a_problem_in_words(browser: Browser, uneven: str, path: str, part: str) -> None:
    with opened(browser, uneven, f"/?view=routes&{path}") as watched:
        expect(watched.page.get_by_role("alert")).to_contain_text(part)
