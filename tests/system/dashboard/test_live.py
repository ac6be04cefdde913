"""How the pages follow the lake, and what they do while the service fails, lags or is silent."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Route, expect

from local_cloud.processes.supervise import Processes
from tests._support.api.browser_problems import answer
from tests.system.dashboard.clock import go_on_to_the_next_look
from tools.browser import opened, settled, tab
from tools.served_api import serving

STALE_WITHIN_S = 3.0
LATER = "2100-01-01T00:00:00Z"

# When the page says something, on its own clock: what the test's machine takes to notice is not the page's.
WATCH_LIVE = """() => {
  window.saidAt = {};
  new MutationObserver(() => {
    const text = document.querySelector('#live strong')?.textContent;
    if (text && !(text in window.saidAt)) window.saidAt[text] = Date.now() / 1000;
  }).observe(document.getElementById('live'), { childList: true, subtree: true });
}"""

# The second look at the lake breaks off in the middle of its answer.
BREAK_SECOND_LOOK = """
const ask = window.fetch;
let looks = 0;
window.fetch = (url, ...rest) => {
  if (!String(url).endsWith('/v1/lake') || ++looks !== 2) return ask(url, ...rest);
  const broken = new ReadableStream({ pull: (c) => c.error(new TypeError('network error')) });
  return Promise.resolve(new Response(broken, { status: 200 }));
};
"""


@pytest.fixture(scope="module")
def api(lake: Path, tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[tuple[Processes, str]]:
    """A service that tests may stop, and its URL: `api` of the processes. They leave it as it was."""
    with Processes(tmp_path_factory.mktemp("logs")) as processes:
        yield processes, serving(processes, lake)


def test_a_refresh_that_failed_is_tried_again_with_the_next_look(browser: Browser, url: str) -> None:
    with opened(browser, url, "/?view=carriers", has_clock=True) as watched:
        page = watched.page
        page.route("**/v1/stats*", lambda route: route.fulfill(**answer(504, "The question took too long")))
        lake = httpx.get(f"{url}/v1/lake").json() | {"snapshot": 77}
        page.route("**/v1/lake", lambda route: route.fulfill(json=lake))
        go_on_to_the_next_look(page)
        expect(page.locator("#notice")).to_contain_text(
            "These numbers could not be refreshed: The question took too long."
        )
        assert page.locator("#content tbody tr").count() == 4  # they stay
        page.unroute("**/v1/stats*")  # and the lake does not change
        go_on_to_the_next_look(page)
        expect(page.locator("#notice")).to_be_empty()
        assert len(page.locator("#content tbody tr").all()) == 4


@pytest.mark.long
def test_a_first_load_that_failed_is_tried_again_with_the_next_look(browser: Browser, url: str) -> None:
    with tab(browser, url, has_clock=True) as watched:
        page = watched.page
        page.route("**/v1/stats*", lambda route: route.fulfill(**answer(504, "The question took too long")))
        page.goto("/?view=carriers")
        expect(page.get_by_role("alert")).to_contain_text("The question took too long")
        page.unroute("**/v1/stats*")
        go_on_to_the_next_look(page)
        expect(page.locator("#content tbody tr")).to_have_count(4)


@pytest.mark.long
def test_numbers_older_than_the_change_that_they_answer_are_asked_again(browser: Browser, url: str) -> None:
    """Behind a balancer the instance that answers may know less than the one that said that something changed."""
    lagging = True
    with opened(browser, url, "/?view=carriers", has_clock=True) as watched:
        page = watched.page
        behind: list[str] = []

        def stats(route: Route) -> None:
            if lagging:
                behind.append(route.request.url)
                return route.continue_()
            response = route.fetch()
            body = response.json()
            body["data"] = [row | {"flights": 12_345} for row in body["data"]]
            headers = response.headers | {"lake-as-of": LATER}
            return route.fulfill(status=200, headers=headers, body=json.dumps(body))

        page.route("**/v1/stats*", stats)
        lake = httpx.get(f"{url}/v1/lake").json() | {"snapshot": 77, "listed_at": LATER}
        with page.expect_response("**/v1/stats*"):
            page.route("**/v1/lake", lambda route: route.fulfill(json=lake))
            go_on_to_the_next_look(page)
        settled(page)
        assert behind
        lagging = False
        go_on_to_the_next_look(page)
        expect(page.locator("#totals [data-column=flights] data")).to_have_text("12,345")
        expect(page.locator("#notice")).to_be_empty()


def test_an_answer_that_breaks_off_does_not_end_the_looks(browser: Browser, url: str) -> None:
    with tab(browser, url, has_clock=True) as watched:
        page = watched.page
        page.add_init_script(BREAK_SECOND_LOOK)
        page.goto("/?view=carriers")
        go_on_to_the_next_look(page)
        expect(page.locator("#live")).to_contain_text("Not live")
        go_on_to_the_next_look(page)
        expect(page.locator("#live strong")).to_have_text("Live")


def test_a_service_that_stalls_is_said_to_be_so_within_3_s(browser: Browser, api: tuple[Processes, str]) -> None:
    processes, url = api
    with opened(browser, url, "/?view=carriers") as watched:
        page = watched.page
        expect(page.locator("#live strong")).to_have_text("Live")
        page.evaluate(WATCH_LIVE)
        stopped_at = page.evaluate("Date.now() / 1000")
        processes.process("api").send_signal(signal.SIGSTOP)
        try:
            expect(page.locator("#live strong")).to_have_text("Not live")
            expect(page.locator("#live")).to_contain_text("The service does not answer")
        finally:
            processes.process("api").send_signal(signal.SIGCONT)
        assert page.evaluate("window.saidAt['Not live']") - stopped_at < STALE_WITHIN_S + 0.5  # shared machine
        expect(page.locator("#live strong")).to_have_text("Live")
        assert page.locator("#content tbody tr").count() == 4


def test_a_service_that_was_away_is_shown_again_once_it_is_back(
    browser: Browser, lake: Path, api: tuple[Processes, str]
) -> None:
    processes, url = api
    with opened(browser, url, "/?view=carriers") as watched:
        page = watched.page
        processes.stop("api")
        expect(page.locator("#live")).to_contain_text("Not live")
        serving(processes, lake, PORT=url.rpartition(":")[2])
        expect(page.locator("#live strong")).to_have_text("Live")
        expect(page.locator("#content tbody tr")).to_have_count(4)
