"""docs/cost.md is what the prices and the counted requests make of it."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from tools.cost.document import DOCUMENT, write, written
from tools.cost.prices import load_prices
from tools.prose import words

PRICES = load_prices()
PAGE = DOCUMENT.read_text(encoding="utf-8")
FREE_AT_EVERY_SIZE = {"secret_version", "logs"}


def test_the_page_is_what_the_prices_say() -> None:
    assert written(PRICES) == PAGE, "make cost"


@pytest.mark.parametrize("name", PRICES)
def test_another_price_is_another_page(name: str) -> None:
    others = PRICES | {name: replace(PRICES[name], dollars=PRICES[name].dollars * 3)}
    before, after = (written(prices).partition("## Prices") for prices in (PRICES, others))
    assert after[2] != before[2], "its row in the table of prices"
    assert after[0] != before[0] or name in FREE_AT_EVERY_SIZE, "and a sum"


def test_a_price_that_is_not_verified_is_marked() -> None:
    marked = re.findall(r"^\| \[(.+?)\]\(.*\*\*not verified\*\*", PAGE, re.MULTILINE)
    assert marked == [price.sku for price in PRICES.values() if not price.verified]
    assert f"{len(marked)} of {len(PRICES)} are not verified" in PAGE


def test_prose_is_short() -> None:
    assert words(PAGE) <= 600


def test_tables_are_marked_as_generated_and_only_tables() -> None:
    prose = "\n".join(line for line in PAGE.splitlines() if not line.startswith(("|", "<!-- ")))
    assert words(PAGE) == words(prose)


def test_it_is_written_when_it_differs(tmp_path: Path) -> None:
    page = tmp_path / "cost.md"
    assert write(PRICES, page)
    assert not write(PRICES, page)
    assert page.read_text(encoding="utf-8") == PAGE
