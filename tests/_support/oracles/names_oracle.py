"""An oracle for `names=true`, from the files of names themselves; shares no code with the project."""

from __future__ import annotations

import csv
import importlib.util
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

Row = dict[str, Any]

_CARRIERS = Path(__file__).parents[3] / "lakehouse" / "carriers.json"


def named(row: Mapping[str, Any]) -> Row:
    """The row with names after each code; None where there is none."""
    result: Row = {}
    for column, value in row.items():
        result[column] = value
        if column == "carrier":
            result["carrier_name"] = carrier_names().get(value)
        elif column in ("origin", "destination", "diverted_to"):
            result |= _of_airport(column, value)
        elif column == "route":
            first, _, last = value.partition("-")
            result |= _of_airport("route_origin", first) | _of_airport("route_destination", last)
    return result


def _of_airport(prefix: str, code: str) -> Row:
    airport = airport_lines().get(code, {})
    return {f"{prefix}_name": airport.get("name") or None, f"{prefix}_city": airport.get("city") or None}


@cache
def carrier_names() -> dict[str, str]:
    names: dict[str, str] = json.loads(_CARRIERS.read_text(encoding="utf-8"))["carriers"]
    return names


@cache
def airport_lines() -> dict[str, dict[str, str]]:
    """IATA code -> the line of the package's table."""
    package = importlib.util.find_spec("airportsdata")
    assert package is not None
    assert package.origin is not None
    with (Path(package.origin).parent / "airports.csv").open(encoding="utf-8", newline="") as file:
        return {line["iata"]: line for line in csv.DictReader(file) if line["iata"]}
