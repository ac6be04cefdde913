"""What pages do after a while, made to happen now: in tabs with `has_clock`, whose own time is put forward."""

from __future__ import annotations

from playwright.sync_api import Page, expect

LOOK_EVERY_MS = 5_000
AIRPORTS_AFTER_MS = 2_000  # the header counts them, after what the view shows
COPIED_FOR_MS = 1_500
FIRST_LOOK_WITHIN_MS = 1_500  # then the view is asked for without it


def go_on_to_the_next_look(page: Page) -> None:
    """At the lake, once the one before has ended."""
    expect(page.locator("#live strong")).to_be_visible()
    page.clock.fast_forward(LOOK_EVERY_MS)
