"""axe-core on every view: what it finds would shut people out."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice, product
from typing import Any

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, ViewportSize

from tools.browser import opened, settled, tab

SIZES: dict[str, ViewportSize] = {
    "desktop": {"width": 1200, "height": 860},
    "tablet": {"width": 768, "height": 1000},
    "phone": {"width": 375, "height": 740},
}
SCHEMES = ("light", "dark")


def problems(page: Page) -> list[tuple[str, Any]]:
    """Of axe: the rule, and the elements that break it."""
    found = Axe().run(page).response["violations"]
    return [(rule["id"], [node["html"][:120] for node in rule["nodes"]]) for rule in found]


def show(page: Page, size: str, scheme: str) -> None:
    page.set_viewport_size(SIZES[size])
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]


def looks(page: Page) -> Iterator[tuple[str, str]]:
    """The page on each device, in light and dark."""
    for size in SIZES:
        for scheme in SCHEMES:
            show(page, size, scheme)
            yield size, scheme


# Each with one look of its own for short runs, which take the first six views: all looks are among them.
_SHORT = 6
VIEWS = {
    "/": ("desktop", "light"),
    "/?view=carriers": ("phone", "dark"),
    "/?view=airports": ("tablet", "light"),
    "/?view=map": ("desktop", "dark"),
    "/?view=routes": ("tablet", "dark"),
    "/?view=when": ("phone", "light"),
    "/?view=flights": ("desktop", "light"),
    "/?view=flight&flight={flight}": ("phone", "dark"),
    "/?carrier=UA&carrier=AA&origin=EWR": ("tablet", "light"),
    "/?carrier=QX": ("desktop", "dark"),
    "/?wrong=1": ("tablet", "dark"),
    "/docs": ("phone", "light"),
    "/?view=carriers&date_from=2013-03-01&date_to=2013-03-31&weekday=1&hour=6": ("desktop", "light"),
}


def arrived(url: str) -> str:
    """A flight's id."""
    return str(httpx.get(f"{url}/v1/flights?status=arrived&limit=1").json()["data"][0]["flight_id"])


def test_the_views_of_a_short_run_have_all_looks() -> None:
    assert set(islice(VIEWS.values(), _SHORT)) == set(product(SIZES, SCHEMES))


def test_axe_finds_nothing_on_the_main_views_in_one_look(browser: Browser, url: str) -> None:
    with tab(browser, url) as watched:
        for path, (size, scheme) in islice(VIEWS.items(), _SHORT):
            watched.page.goto(path)
            show(watched.page, size, scheme)  # as when somebody turns the device
            settled(watched.page)
            assert problems(watched.page) == [], path


@pytest.mark.long
@pytest.mark.parametrize("path", VIEWS)
def test_axe_finds_nothing_in_any_look(browser: Browser, url: str, path: str) -> None:
    with opened(browser, url, path.format(flight=arrived(url))) as watched:
        for look in looks(watched.page):
            settled(watched.page)
            assert problems(watched.page) == [], look


@pytest.mark.long
def test_axe_finds_nothing_on_the_page_of_problems(browser: Browser, url: str) -> None:
    with tab(browser, url) as watched:
        watched.page.goto("/problems")  # which asks for nothing
        for look in looks(watched.page):
            assert problems(watched.page) == [], look


def test_axe_finds_what_it_should(browser: Browser, url: str) -> None:
    with opened(browser, url, "/?view=carriers") as watched:
        watched.page.evaluate("document.querySelector('#content').append(document.createElement('input'))")
        assert [rule for rule, _ in problems(watched.page)] == ["label"]
