"""The time zone of an airport, by its IATA code."""

from __future__ import annotations

from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError


@lru_cache(maxsize=1)
def _names() -> dict[str, str]:
    import airportsdata  # a table of 3 MB, for those who read such a file

    return {code: airport["tz"] for code, airport in airportsdata.load("IATA").items()}


@lru_cache(maxsize=10_000)
def zone_of(code: str) -> ZoneInfo | None:
    """None where none is known: the code is no airport's, or no longer."""
    name = _names().get(code)
    try:
        return ZoneInfo(name) if name else None
    except (ZoneInfoNotFoundError, ValueError):
        return None
