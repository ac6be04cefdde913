"""Names of airports and carriers by their codes: reference data that no event carries.

Airports come from the package airportsdata (MIT), which is kept up to date. Carriers are those of
`carriers.json`, which says where they come from. A code that is not here is still a code: join with
LEFT JOIN, and show the code where there is no name.
"""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Final, NamedTuple

_CARRIERS_FILE: Final = Path(__file__).with_name("carriers.json")


class Airport(NamedTuple):
    """`code` is that of IATA; `time_zone` is a name such as America/New_York."""

    code: str
    icao: str
    name: str
    city: str
    region: str
    country: str
    latitude: float
    longitude: float
    time_zone: str


def airports_file() -> Path:
    """The package's table as CSV, for a database that reads such a file faster."""
    found = importlib.util.find_spec("airportsdata")
    assert found is not None
    assert found.origin is not None
    return Path(found.origin).with_name("airports.csv")


@lru_cache(maxsize=1)
def airports() -> Mapping[str, Airport]:
    """Airports by IATA code, sorted. Reads a table of 3 MB the first time."""
    import airportsdata

    return {
        code: Airport(
            code=code,
            icao=str(found["icao"]),
            name=str(found["name"]),
            city=str(found["city"]),
            region=str(found["subd"]),
            country=str(found["country"]),
            latitude=float(found["lat"]),
            longitude=float(found["lon"]),
            time_zone=str(found["tz"]),
        )
        for code, found in sorted(airportsdata.load("IATA").items())
    }


@lru_cache(maxsize=1)
def carriers() -> Mapping[str, str]:
    """Names of carriers by code, sorted. A code that was used again has the name of its last carrier."""
    found: dict[str, str] = json.loads(_CARRIERS_FILE.read_text(encoding="utf-8"))["carriers"]
    return dict(sorted(found.items()))
