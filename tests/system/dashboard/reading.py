"""What is on a page, taken from it; and what the API's values have to look like there, computed anew."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from playwright.sync_api import Page

KINDS = {
    "flights": "count",
    "diverted": "count",
    "on_time_arrival_rate": "rate",
    "on_time_departure_rate": "rate",
    "cancellation_rate": "rate",
    "arrival_delay_mean": "mean",
    "arrival_delay_p90": "count",
}

Shown = dict[str, tuple[str | None, str]]
"""Column -> the exact value that the element carries (None: no value), and the text that is read."""


def expected(row: dict[str, Any], columns: list[str]) -> Shown:
    """How `columns` of a row of the API have to be shown."""
    return {column: (_exact(row[column]), _text(KINDS[column], row[column])) for column in columns}


def as_on_page(shown: Shown) -> dict[str, tuple[float | None, str]]:
    """The exact values as doubles: 12 and 12.0 are the same number."""
    return {column: (None if value is None else float(value), text) for column, (value, text) in shown.items()}


# In one call each: a call for every cell takes longer than the page does.
_SHOWN = """
const shown = (element) => {
  const datum = element.querySelector("data");
  return [datum ? datum.value : null, (datum ?? element).textContent.trim()];
};
const byColumn = (elements, inner) =>
  Object.fromEntries([...elements].map((e) => [e.dataset.column ?? "", shown(inner ? e.querySelector(inner) : e)]));
"""
_TILES = f"() => {{ {_SHOWN} return byColumn(document.querySelectorAll('#totals .tile'), '.value'); }}"
_ROWS = f"""() => {{ {_SHOWN}
return [...document.querySelectorAll('#content tbody tr')]
  .map((row) => [row.querySelector('th').textContent, byColumn(row.querySelectorAll('td'))]); }}"""
_CELLS = """() => [...document.querySelectorAll('#content tbody tr')]
  .map((row) => [...row.children].map((cell) => cell.textContent))"""


def tiles(page: Page) -> Shown:
    """The totals."""
    return _pairs(page.evaluate(_TILES))


def table(page: Page) -> list[tuple[str, Shown]]:
    """The rows of the table: what its first cell reads, and the others."""
    return [(first, _pairs(values)) for first, values in page.evaluate(_ROWS)]


def cells(page: Page) -> list[list[str]]:
    """The texts of the table's body."""
    rows: list[list[str]] = page.evaluate(_CELLS)
    return rows


def _pairs(shown: dict[str, list[str]]) -> Shown:
    return {column: (value, text) for column, (value, text) in shown.items()}


def pairs(page: Page) -> list[tuple[str, str]]:
    """The query of the page's URL."""
    return parse_qsl(urlsplit(page.url).query)


def _exact(value: Any) -> str | None:
    return None if value is None else repr(value)


def _text(kind: str, value: Any) -> str:
    if value is None:
        return "–"
    if kind == "count":
        return f"{value:,}"
    exact = Decimal(value) * (100 if kind == "rate" else 1)
    rounded = exact.quantize(Decimal("0.1"), ROUND_HALF_UP)
    text = f"{abs(rounded) if rounded == 0 else rounded:,}"
    return f"{text}%" if kind == "rate" else text
