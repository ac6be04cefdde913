"""The rows of docs/metrics.md."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

DOCUMENT = Path(__file__).parents[2] / "docs" / "metrics.md"


class Row(NamedTuple):
    section: str
    name: str
    type: str
    unit: str
    labels: str
    meaning: str


def documented_metrics() -> Iterator[Row]:
    section = ""
    for line in DOCUMENT.read_text().splitlines():
        if line.startswith("## "):
            section = line[3:]
        elif line.startswith("| `"):
            name, *rest = (cell.strip() for cell in line.strip("|").split("|"))
            yield Row(section, name.strip("`"), *rest)
