"""Names of carriers and airports, and where airports are, as JSON for the dashboard.

They are those of `lakehouse.reference`, shortened for lists. `make names` writes the file; a test
compares the two.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from lakehouse.reference import Airport, airports, carriers


def names_json() -> str:
    """`{"carriers": {"UA": name}, "airports": {"EWR": [name, latitude, longitude]}}`, sorted, one code a line."""
    lines = [
        *('"carriers": {', _lines(carriers()), "},"),
        *('"airports": {', _lines({code: _place(airport) for code, airport in airports().items()}), "}"),
    ]
    return "\n".join(("{", *lines, "}\n"))


def _lines(entries: Mapping[str, object]) -> str:
    return ",\n".join(f"{json.dumps(code)}:{_compact(entry)}" for code, entry in entries.items())


def _compact(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _place(airport: Airport) -> tuple[str, float, float]:
    """To a kilometre: a pixel of the map is more."""
    return _short(airport), round(airport.latitude, 2), round(airport.longitude, 2)


def _short(airport: Airport) -> str:
    """`Newark Liberty Intl`; with the city where the name does not say it."""
    name = airport.name.removesuffix(" Airport").replace("International", "Intl").strip()
    return name if not airport.city or airport.city.lower() in name.lower() else f"{name}, {airport.city}"
