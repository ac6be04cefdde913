"""Search by name: one box, suggestions, and words in its place where there is nothing."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Route, expect

from tests._support.long_cases import long_after
from tests.system.dashboard.reading import pairs
from tools.browser import opened, settled

SEARCHES = [
    ("united", "Carrier UA United Air Lines Inc.", [("carrier", "UA")]),
    ("newark lax", "Route EWR → LAX", [("origin", "EWR"), ("destination", "LAX")]),
    ("8 February 2013", "Day Fri, Feb 8, 2013", [("date_from", "2013-02-08"), ("date_to", "2013-02-08")]),
    ("ua 15", "Flights UA 15", [("view", "flights"), ("carrier", "UA"), ("flight_number", "15")]),
    ("xq", "Carrier XQ", [("carrier", "XQ")]),
    ("newark", "From EWR Newark Liberty Intl", [("origin", "EWR")]),
    ("EWR-LAX", "Route EWR → LAX", [("origin", "EWR"), ("destination", "LAX")]),
    ("2013-02-08", "Day Fri, Feb 8, 2013", [("date_from", "2013-02-08"), ("date_to", "2013-02-08")]),
]


@pytest.mark.parametrize(("text", "suggestion", "query"), long_after(4, SEARCHES))
def test_a_name_a_route_a_day_or_a_flight_is_found(
    browser: Browser, url: str, text: str, suggestion: str, query: list[tuple[str, str]]
) -> None:
    with opened(browser, url, "/") as watched:
        page = watched.page
        box = page.get_by_role("combobox", name="Search")
        with page.expect_response("**/v1/stats?group_by=destination*"):
            box.focus()
        box.fill(text)
        expect(page.get_by_role("option").first).to_contain_text(suggestion)
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        page.wait_for_url("**/?*")
        settled(page)
        assert pairs(page) == query
        expect(box).to_have_value("")
        assert watched.errors == []


@pytest.mark.parametrize("label", long_after(1, ["Search", "Carrier", "From"]))
def test_an_unknown_text_says_so_in_its_place_and_the_numbers_stay(browser: Browser, url: str, label: str) -> None:
    with opened(browser, url, "/?view=carriers") as watched:
        page = watched.page
        page.get_by_label(label, exact=True).fill("atlantis airways")
        page.keyboard.press("Enter")
        told = page.locator(".missing", has_text="here is called “atlantis airways”.")
        expect(told).to_be_visible()
        expect(page.get_by_role("alert")).to_have_count(0)
        expect(page.locator("#content tbody tr")).to_have_count(4)
        assert page.url == f"{url}/?view=carriers"


@pytest.mark.long
@pytest.mark.parametrize(
    ("label", "text", "query"),
    [
        ("To", "San Juan", "destination=SJU"),  # SAN is San Diego
        ("Carrier", "UA United", "carrier=UA"),
        ("From", "newark liberty", "origin=EWR"),
        ("From", "Reno", "origin=RNO"),  # as long as a code, and a part of Moreno
        ("To", "Luis", "destination=SJU"),  # of the data there is one
        ("To", "qqq", "destination=QQQ"),  # a code of the data that has no name
        ("To", "QX1", "destination=QX1"),  # neither a name nor of the data
    ],
)
def test_a_name_in_a_field_becomes_its_code(browser: Browser, url: str, label: str, text: str, query: str) -> None:
    with opened(browser, url, "/?view=carriers") as watched:
        watched.page.get_by_label(label, exact=True).fill(text)
        watched.page.keyboard.press("Enter")
        watched.page.wait_for_url(f"**/?view=carriers&{query}")


@pytest.mark.long
def test_a_name_that_several_have_says_which(browser: Browser, url: str) -> None:
    with opened(browser, url, "/?view=carriers") as watched:
        watched.page.get_by_label("From", exact=True).fill("Waco")
        watched.page.keyboard.press("Enter")
        expect(watched.page.locator("#told-origin")).to_have_text(
            "Several airports are called “Waco”: ACT Waco Regional; CEO Waco Kungo; CNW Tstc Waco."
            " Type the code of one."
        )
        assert watched.page.url == f"{url}/?view=carriers"


@pytest.mark.long
def test_a_suggestion_is_chosen_by_the_mouse_and_escape_closes_the_list(browser: Browser, url: str) -> None:
    with opened(browser, url, "/") as watched:
        page = watched.page
        box = page.get_by_role("combobox", name="Search")
        box.fill("jetblue")
        page.keyboard.press("Escape")
        expect(page.get_by_role("option")).to_have_count(0)
        box.fill("jetblue")
        page.get_by_role("option").first.click()
        page.wait_for_url("**/?carrier=B6")


@pytest.mark.long
def test_what_is_typed_before_the_data_is_known_means_what_the_data_has(browser: Browser, url: str) -> None:
    with opened(browser, url, "/") as watched:
        page = watched.page
        held: list[Route] = []
        page.route("**/v1/stats?group_by=origin*", lambda route: held.append(route))  # noqa: PLW0108  it takes attributes
        box = page.get_by_role("combobox", name="Search")
        with page.expect_request("**/v1/stats?group_by=origin*"):
            box.fill("new")
        expect(page.get_by_role("option").filter(has_text="New Bedford").first).to_be_visible()  # none flies there
        page.keyboard.press("Enter")
        for route in held:
            route.continue_()
        page.wait_for_url("**/?origin=EWR")
