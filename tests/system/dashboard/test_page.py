"""How the pages behave: links, filters, keyboard, small screens, dark, keys, failures."""

from __future__ import annotations

import json
import re
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests._support.api.browser_problems import answer
from tests._support.long_cases import long_after
from tests.system.dashboard.clock import COPIED_FOR_MS, FIRST_LOOK_WITHIN_MS
from tests.system.dashboard.reading import cells, pairs, tiles
from tools.browser import Watched, opened, settled, tab

VIEWS = (
    "/",
    "/?view=carriers",
    "/?view=airports",
    "/?view=map",
    "/?view=routes&carrier=UA",
    "/?view=when",
    "/?view=flights",
    "/docs",
)
PHONE: dict[str, Any] = {"viewport": {"width": 375, "height": 740}, "is_mobile": True, "has_touch": True}

# What is laid out wider than the window, scrolling boxes of their own aside.
TOO_WIDE = """() => [...document.querySelectorAll('body *')]
  .filter((e) => !e.parentElement.closest('.scroll, pre, .plot, .map svg'))
  .filter((e) => e.getBoundingClientRect().right > innerWidth + 0.5 && e.checkVisibility())
  .map((e) => e.outerHTML.slice(0, 80))"""

# The contrast of WCAG between text and what is behind it, for every element with text of its own.
LOW_CONTRAST = """() => {
  const parse = (text) => text.match(/[\\d.]+/g).map(Number);
  const linear = (v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  const light = ([r, g, b]) => 0.2126 * linear(r / 255) + 0.7152 * linear(g / 255) + 0.0722 * linear(b / 255);
  const isOpaque = (colour) => colour.length < 4 || colour[3] > 0;
  const behind = (e) => {
    const colour = parse(getComputedStyle(e).backgroundColor);
    return isOpaque(colour) || !e.parentElement ? colour : behind(e.parentElement);
  };
  const ratio = (a, b) => (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  return [...document.querySelectorAll('body *')]
    .filter((e) => e.checkVisibility() && [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim()))
    .map((e) => [ratio(light(parse(getComputedStyle(e).color)), light(behind(e))), e.outerHTML.slice(0, 80)])
    .filter(([contrast]) => contrast < 4.5);
}"""


def quiet(watched: Watched) -> None:
    assert watched.errors == []
    assert watched.foreign == []


def press_until_focused(page: Page, key: str, wanted: str) -> None:
    """Presses `key` until the element with that data-focus has the focus."""
    for _ in range(60):
        if page.evaluate("document.activeElement?.dataset.focus") == wanted:
            return
        page.keyboard.press(key)
    raise AssertionError(f"{wanted} is not reached by {key}")


def test_filters_of_the_url_are_in_the_fields(browser: Browser, url: str) -> None:
    link = "/?view=carriers&carrier=UA&carrier=XQ&origin=EWR&date_from=2013-01-05&status=arrived&tail_number=N1"
    with opened(browser, url, link) as watched:
        chips = watched.page.locator("#filters .chip").all_text_contents()
        assert chips == ["UA×", "XQ×", "EWR×", "arrived×", "tail_number N1×"]
        assert watched.page.get_by_label("First day", exact=True).input_value() == "2013-01-05"
        assert watched.page.get_by_label("Last day", exact=True).input_value() == ""
        assert watched.page.locator("#views [aria-current]").all_text_contents() == ["Carriers"]
        quiet(watched)


def test_fields_write_the_url_and_going_back_undoes_them(browser: Browser, url: str) -> None:
    with opened(browser, url, "/?view=carriers") as watched:
        page = watched.page
        all_flights = tiles(page)["flights"]
        page.get_by_label("Carrier", exact=True).fill("ua")
        page.keyboard.press("Enter")
        expect(page.locator("#filters .chip")).to_have_text(["UA×"])
        assert pairs(page) == [("view", "carriers"), ("carrier", "UA")]
        page.get_by_label("Last day", exact=True).fill("2013-02-28")
        page.keyboard.press("Tab")
        page.wait_for_url("**/?view=carriers&carrier=UA&date_to=2013-02-28")
        settled(page)
        (row,) = httpx.get(f"{url}/v1/stats?carrier=UA&date_to=2013-02-28").json()["data"]
        assert tiles(page)["flights"] == (str(row["flights"]), str(row["flights"]))
        page.get_by_role("button", name="Remove Carrier UA").click()
        page.wait_for_url("**/?view=carriers&date_to=2013-02-28")
        page.go_back()
        expect(page.locator("#filters .chip")).to_have_text(["UA×"])
        page.go_back()
        page.go_back()
        expect(page.locator("#filters .chip")).to_have_count(0)
        settled(page)
        assert tiles(page)["flights"] == all_flights
        quiet(watched)


@pytest.mark.long
def test_a_year_that_is_still_being_typed_is_not_asked_for(browser: Browser, url: str) -> None:
    with opened(browser, url, "/?view=carriers") as watched:
        watched.page.get_by_label("First day", exact=True).focus()
        watched.page.keyboard.type("02032013")
        watched.page.wait_for_url("**/?view=carriers&date_from=2013-02-03")
        settled(watched.page)
        assert not any("date_from=0" in request for request in watched.requests)
        quiet(watched)


def test_codes_are_suggested_from_the_data(browser: Browser, url: str) -> None:
    with opened(browser, url, "/") as watched:
        watched.page.get_by_label("To", exact=True).focus()
        options = watched.page.locator("#codes-destination option")
        expect(options).to_have_count(4)
        found = {(o.get_attribute("value"), o.text_content()) for o in options.all()}
        assert found == {
            ("LAX", "Los Angeles Intl"),
            ("SJU", "Luis Munoz Marin Intl, San Juan"),
            ("QQQ", ""),
            ("BOS", "General Edward Lawrence Logan Intl, Boston"),
        }
        quiet(watched)


def test_all_of_it_is_reached_by_keyboard(browser: Browser, url: str) -> None:
    with opened(browser, url, "/") as watched:
        page = watched.page
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.textContent") == "Skip to the numbers"
        press_until_focused(page, "Tab", "carrier")
        page.keyboard.type("B6")
        page.keyboard.press("Enter")
        page.wait_for_url("**/?carrier=B6")
        assert page.evaluate("document.activeElement.dataset.focus") == "carrier"
        page.keyboard.press("Backspace")
        page.wait_for_url(f"{url}/")
        press_until_focused(page, "Tab", "view carriers")
        page.keyboard.press("Enter")
        page.wait_for_url("**/?view=carriers")
        settled(page)
        press_until_focused(page, "Tab", "order cancellation_rate")
        page.keyboard.press("Enter")
        page.wait_for_url("**/?view=carriers&order=-cancellation_rate")
        settled(page)
        expect(page.locator("th[aria-sort]")).to_have_text("Cancelled")
        assert page.evaluate("document.activeElement.dataset.focus") == "order cancellation_rate"
        quiet(watched)


def test_arrow_keys_read_a_chart_aloud(browser: Browser, url: str) -> None:
    rows = httpx.get(f"{url}/v1/stats?group_by=month").json()["data"]
    with opened(browser, url, "/?by=month") as watched:
        page = watched.page
        readout = page.locator(".chart", has_text="Flights").last.locator(".readout")
        assert readout.get_attribute("aria-live") == "polite"
        press_until_focused(page, "Tab", "Flights")
        for key, row, month in [
            ("ArrowRight", rows[0], "January"),
            ("ArrowRight", rows[1], "February"),
            ("End", rows[-1], "April"),
        ]:
            page.keyboard.press(key)
            expect(readout).to_have_text(f"Flights {row['flights']}{month} 2013")
        quiet(watched)


def test_a_chart_has_a_table_that_opens_and_stays_open(browser: Browser, url: str) -> None:
    with opened(browser, url, "/?by=month") as watched:
        table = watched.page.get_by_role("table", name="By month")
        expect(table).to_be_hidden()
        watched.page.get_by_text("The charts as a table").click()
        expect(table).to_be_visible()
        watched.page.get_by_role("button", name="Day", exact=True).click()
        expect(watched.page.get_by_role("table", name="By day")).to_be_visible()


@pytest.mark.long
def test_routes_are_turned_from_worst_to_best(browser: Browser, url: str) -> None:
    with opened(browser, url, "/?view=routes") as watched:
        page = watched.page
        worst = [row[0] for row in cells(page)]
        page.get_by_role("button", name="Best first").click()
        page.wait_for_url("**/?view=routes&order=arrival_delay_mean")
        settled(page)
        assert [row[0] for row in cells(page)] == worst[::-1]
        page.get_by_role("button", name="On time", exact=True).first.click()
        page.wait_for_url("**/?view=routes&order=-on_time_arrival_rate")
        quiet(watched)


def test_a_phone_has_nothing_that_is_too_wide(browser: Browser, url: str) -> None:
    with tab(browser, url, **PHONE) as watched:
        for path in VIEWS:
            watched.page.goto(path)
            settled(watched.page)
            assert watched.page.evaluate("document.documentElement.scrollWidth") <= 375, path
            assert watched.page.evaluate(TOO_WIDE) == [], path
        quiet(watched)


def test_text_is_readable_in_light_and_dark(browser: Browser, url: str) -> None:
    with tab(browser, url) as watched:
        for path in VIEWS:
            watched.page.emulate_media(color_scheme="light")
            watched.page.goto(path)
            settled(watched.page)
            assert min(background(watched.page)) > 200, path
            assert watched.page.evaluate(LOW_CONTRAST) == [], path
            watched.page.emulate_media(color_scheme="dark")  # as it happens at sunset, with the page open
            assert max(background(watched.page)) < 60, path
            assert watched.page.evaluate(LOW_CONTRAST) == [], path
        quiet(watched)


def background(page: Page) -> list[int]:
    """Red, green and blue."""
    colour: str = page.evaluate("getComputedStyle(document.body).backgroundColor")
    return [int(level) for level in re.findall(r"\d+", colour)]


def test_curl_and_sql_are_copied_as_they_are_shown(browser: Browser, url: str) -> None:
    permissions = ["clipboard-read", "clipboard-write"]
    with opened(browser, url, "/?view=carriers&carrier=UA", has_clock=True, permissions=permissions) as watched:
        for what in ("curl", "sql", "python"):
            if what != "curl":
                watched.page.locator("#ask summary", has_text=re.compile(f"^{what} of carriers", re.IGNORECASE)).click()
            button = watched.page.get_by_role("button", name=re.compile(f"copy {what} of carriers", re.IGNORECASE))
            button.click()
            expect(watched.page.get_by_text("Copied")).to_have_count(1)
            shown = watched.page.locator(f"#ask pre.{what}").first.text_content()
            assert watched.page.evaluate("navigator.clipboard.readText()") == shown
            watched.page.clock.fast_forward(COPIED_FOR_MS)
            expect(watched.page.get_by_text("Copied")).to_have_count(0)


@pytest.mark.parametrize(
    ("path", "parts"),
    long_after(
        3,
        [
            ("/?carier=UA", ["A parameter is unknown", "There is no parameter 'carier' here", "Got", "UA"]),
            ("/?date_from=2013-02-01&date_to=2013-01-01", ["date_from is '2013-02-01'", "a date not after date_to"]),
            ("/?view=pilots", ["view is 'pilots'", "time, carriers, airports, routes, when"]),
            ("/?view=carriers&order=shoe_size", ["order_by is 'shoe_size'"]),
            ("/?group_by=carrier", ["group_by is set by the view", "Got", "carrier"]),
            ("/?snapshot=1", ["snapshot is set by the view"]),
            ("/?view=carriers&format=csv", ["format is set by the view"]),
        ],
    ),
)
def test_a_wrong_link_is_a_problem_in_words_and_shows_no_numbers(
    browser: Browser, url: str, path: str, parts: list[str]
) -> None:
    with opened(browser, url, path) as watched:
        problem = watched.page.get_by_role("alert")
        for part in parts:
            expect(problem).to_contain_text(part)
        expect(watched.page.locator("data")).to_have_count(0)
        assert watched.foreign == []


def test_an_answer_that_is_not_of_the_service_is_a_problem_in_words(browser: Browser, url: str) -> None:
    with tab(browser, url) as watched:
        watched.page.route("**/v1/stats*", lambda route: route.fulfill(status=200, body="<html>Log in</html>"))
        watched.page.goto(f"{url}/")
        expect(watched.page.get_by_role("alert")).to_contain_text("The answer is not JSON")


@pytest.mark.long
@pytest.mark.parametrize(("status", "title"), [(503, "Too many questions at once"), (429, "Too many requests")])
def test_a_busy_service_is_asked_again_after_the_time_that_it_named(
    browser: Browser, url: str, status: int, title: str
) -> None:
    with tab(browser, url, has_clock=True) as watched:
        refused: list[str] = []

        def busy_once(route: Route) -> None:
            of_the_header = ("-flight_date", "group_by=route")  # the last date, and the airports
            if route.request.url in refused or any(part in route.request.url for part in of_the_header):
                route.continue_()
            else:
                refused.append(route.request.url)
                route.fulfill(**answer(status, title, **{"Retry-After": "1"}))

        watched.page.route("**/v1/stats*", busy_once)
        watched.page.goto("/?view=carriers")
        expect(watched.page.locator("#notice")).to_contain_text(f"{title}; trying again in 1 s")
        watched.page.clock.fast_forward(1_000)
        settled(watched.page)
        assert len(refused) == 2
        assert len(cells(watched.page)) == 4


def test_a_failure_that_stays_is_shown_with_a_way_to_try_again(browser: Browser, url: str) -> None:
    with tab(browser, url, has_clock=True) as watched:
        watched.page.route("**/v1/lake", lambda route: route.abort())  # nothing tries again but the button
        watched.page.route("**/v1/stats*", lambda route: route.fulfill(**answer(504, "The question took too long")))
        watched.page.goto("/?view=carriers")
        expect(watched.page.locator("#live")).to_contain_text("Not live")
        watched.page.clock.fast_forward(FIRST_LOOK_WITHIN_MS)
        expect(watched.page.get_by_role("alert")).to_contain_text("The question took too long, in detail.")
        watched.page.unroute_all()
        watched.page.get_by_role("button", name="Try again").click()
        expect(watched.page.locator("#content tbody tr")).to_have_count(4)


@pytest.mark.long  # of the same kind: test_live.py stalls and stops a service
def test_a_service_that_is_gone_is_said_to_be_not_live(browser: Browser, url: str) -> None:
    with opened(browser, url, "/?view=carriers") as watched:
        watched.page.route("**/v1/lake", lambda route: route.abort())
        expect(watched.page.locator("#live")).to_contain_text("Not live")
        expect(watched.page.locator("#live")).to_contain_text("The service does not answer")


def test_a_page_that_nobody_sees_asks_for_nothing(browser: Browser, url: str) -> None:
    with tab(browser, url, has_clock=True) as watched:
        page = watched.page
        page.add_init_script("Object.defineProperty(document, 'hidden', { get: () => window.isHidden ?? false })")
        page.goto("/?view=carriers")
        settled(page)
        expect(page.locator("#live")).to_contain_text("Live")

        def looked_at() -> int:
            return sum(request.endswith("/v1/lake") for request in watched.requests)

        page.evaluate("window.isHidden = true; document.dispatchEvent(new Event('visibilitychange'))")
        expect(page.locator("#live")).to_contain_text("Paused")
        before = looked_at()
        page.clock.run_for(120_000)
        assert looked_at() == before
        page.evaluate("window.isHidden = false; document.dispatchEvent(new Event('visibilitychange'))")
        expect(page.locator("#live")).to_contain_text("Live")
        assert looked_at() == before + 1


def test_a_key_is_asked_for_when_needed_and_sent_with_every_question(browser: Browser, url: str) -> None:
    with tab(browser, url) as watched:
        page = watched.page

        def locked(route: Route) -> None:
            if route.request.headers.get("x-api-key") == "secret":
                route.continue_()
            else:
                route.fulfill(**answer(401, "A key is needed"))

        page.route("**/v1/**", locked)
        page.goto("/?view=carriers")
        expect(page.get_by_role("alert")).to_contain_text("A key is needed")
        for key, outcome in [("wrong", "The service does not accept this key."), ("secret", None)]:
            page.locator("#api-key").fill(key)
            page.keyboard.press("Enter")
            if outcome:
                expect(page.locator("#key")).to_contain_text(outcome)
        expect(page.locator("#key")).to_be_hidden()
        expect(page.locator("#content tbody tr")).to_have_count(4)
        expect(page.locator("#live")).to_contain_text("Live")
        assert page.evaluate("[sessionStorage['api-key'], localStorage.length, document.cookie]") == ["secret", 0, ""]
        assert "secret" not in page.content() + page.url
        assert (page.locator("#ask pre.curl").first.text_content() or "").startswith('curl -H "X-API-Key: $API_KEY" ')
        page.reload()
        settled(page)
        expect(page.locator("#content tbody tr")).to_have_count(4)


def test_the_reference_has_every_path_and_sends_requests(browser: Browser, url: str) -> None:
    paths = httpx.get(f"{url}/openapi.json").json()["paths"]
    with opened(browser, url, "/docs") as watched:
        page = watched.page
        assert page.locator("#reference h2").all_text_contents() == [f"GET {path}" for path in paths]
        request = page.get_by_label("Request to /v1/stats")
        request.fill("/v1/stats?group_by=carrier&limit=1")
        page.keyboard.press("Enter")
        shown = page.get_by_label("Answer").text_content() or ""
        assert json.loads(shown) == httpx.get(f"{url}/v1/stats?group_by=carrier&limit=1").json()
        quiet(watched)
