"""A headless Chromium, if this machine has one, and pages in it that may talk to one server only."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from weakref import WeakKeyDictionary

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, expect, sync_playwright

WITHIN_MS: Final = 15_000  # for what a page does; generous, since the machine is shared

# First the one that has no windows: a page in it takes a quarter of the CPU time.
_NAMES = (
    *("chromium-headless-shell", "headless_shell"),
    *("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"),
)
# A browser that phones home at its start fails where nothing else is reached, and takes time over it.
ARGUMENTS = (
    *("--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--force-color-profile=srgb"),
)


def find_chromium() -> str | None:
    """The path of the browser: CHROMIUM if it is set, one that is installed, or the one of `playwright install`."""
    named = os.environ.get("CHROMIUM")
    found = [named] if named else [path for name in _NAMES if (path := shutil.which(name))]
    return found[0] if found else _of_playwright()


def _of_playwright() -> str | None:
    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if Path(path).exists() else None


@contextmanager
def chromium(path: str) -> Iterator[Browser]:
    """The browser at `path`, until the block ends."""
    expect.set_options(timeout=WITHIN_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(ARGUMENTS))
        try:
            yield browser
        finally:
            browser.close()


class Watched:
    """A page, and what went on in it that must not: errors on the console, requests to other hosts."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url
        self.errors: list[str] = []
        self.requests: list[str] = []
        page.set_default_timeout(WITHIN_MS)
        page.on("console", self._on_console)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", self._on_request)

    @property
    def foreign(self) -> list[str]:
        return [url for url in self.requests if not url.startswith((f"{self.url}/", "data:", "blob:"))]

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.errors.append(message.text)

    def _on_request(self, request: Request) -> None:
        self.requests.append(request.url)


_KEPT: Final[WeakKeyDictionary[Browser, dict[str, BrowserContext]]] = WeakKeyDictionary()
"""Of each browser, its contexts by server and options. Each keeps a blank tab, and so its window."""


@contextmanager
def opened(browser: Browser, url: str, path: str = "/", **options: Any) -> Iterator[Watched]:
    """A tab at `path` of the server `url`, once its numbers are there. `options`: see `tab`."""
    with tab(browser, url, **options) as watched:
        watched.page.goto(path)
        settled(watched.page)
        yield watched


@contextmanager
def tab(
    browser: Browser, url: str, *, is_first: bool = False, has_clock: bool = False, **context: Any
) -> Iterator[Watched]:
    """An empty tab for the server `url`, with nothing that others left but the files of the pages.

    `is_first`: as for somebody who comes for the first time. That takes a window of its own: a second of CPU time.
    `has_clock`: `page.clock.fast_forward` makes what the page does every few seconds happen at once.
    `context`: options of Playwright's `Browser.new_context`.
    """
    if is_first:
        with browser.new_context(base_url=url, **context) as fresh:
            yield Watched(fresh.new_page(), url)
        return
    kept = _kept(browser, url, context, has_clock)
    try:
        yield Watched(kept.new_page(), url)
    finally:
        for page in kept.pages[1:]:
            page.close()
        kept.clear_cookies()


def _kept(browser: Browser, url: str, options: dict[str, Any], has_clock: bool) -> BrowserContext:
    contexts = _KEPT.setdefault(browser, {})
    key = f"{url} {has_clock} {sorted(options.items())}"
    if key not in contexts:
        contexts[key] = browser.new_context(base_url=url, **options)
        if has_clock:
            contexts[key].clock.install()  # of all tabs of a context
        contexts[key].new_page()
    return contexts[key]


def settled(page: Page) -> None:
    """Waits until what the URL asks for is on the page: numbers, or a problem."""
    page.wait_for_selector("body:not([aria-busy]) #content > :not(.loading):not(h2), #reference > section")
