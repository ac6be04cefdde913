"""docs/prices.json: every price that docs/cost.md is computed from, where it was read and when."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tools.pages import ROOT

PRICES: Final = ROOT / "docs" / "prices.json"


@dataclass(frozen=True)
class Price:
    """`dollars` for `per` units, beyond what is `free` in a month."""

    id: str
    sku: str
    dollars: float
    per: int
    unit: str
    free: float
    free_per: str
    """`billing account` or `project`; empty where nothing is free."""
    region: str
    source: str
    read: str
    """The day on which this was on the page, as far as known; empty where it is not."""
    verified: bool
    """Whether a copy or a transcript of the source's own text has it."""
    basis: str

    def __post_init__(self) -> None:
        if self.dollars <= 0 or self.per < 1 or self.free < 0:
            raise ValueError(f"{self.id}: dollars are above 0, per is at least 1, free at least 0")
        if (self.free_per in ("billing account", "project")) != (self.free > 0):
            raise ValueError(f"{self.id}: free_per says for what {self.free} is free, and only then")

    @property
    def each(self) -> float:
        """Dollars for one unit."""
        return self.dollars / self.per


def load_prices(path: Path = PRICES) -> dict[str, Price]:
    """The prices by id. Raises ValueError for one that cannot be right, and for an id that is there twice."""
    entries = [Price(**entry) for entry in json.loads(path.read_text(encoding="utf-8"))]
    prices = {price.id: price for price in entries}
    if len(prices) != len(entries):
        raise ValueError(f"{path}: an id is there twice")
    return prices


@dataclass(frozen=True)
class Charges:
    """Turns quantities of a month into dollars, for so many projects of one billing account."""

    prices: Mapping[str, Price]
    projects: int = 1

    def __call__(self, **quantities: float) -> float:
        """The sum for quantities by the id of their price, all projects together, beyond what is free."""
        return sum(self._one(self.prices[name], quantity) for name, quantity in quantities.items())

    def _one(self, price: Price, quantity: float) -> float:
        free = price.free * (self.projects if price.free_per == "project" else 1)
        return max(0.0, quantity - free) * price.each
