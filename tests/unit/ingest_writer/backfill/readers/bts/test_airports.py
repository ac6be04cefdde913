"""Time zones by airport."""

from __future__ import annotations

import pytest

from ingest_writer.backfill.readers.bts.airports import zone_of


@pytest.mark.parametrize(
    ("code", "zone"),
    [
        ("EWR", "America/New_York"),
        ("PHX", "America/Phoenix"),
        ("HNL", "Pacific/Honolulu"),
        ("GUM", "Pacific/Guam"),
        ("SJU", "America/Puerto_Rico"),
        ("ANC", "America/Anchorage"),
    ],
)
def test_an_airport_has_its_zone(code: str, zone: str) -> None:
    found = zone_of(code)
    assert found is not None
    assert found.key == zone


@pytest.mark.parametrize("code", ["QQQ", "", "ewr", "KEWR", "America/New_York", "../EWR"])
def test_what_is_no_code_of_iata_has_none(code: str) -> None:
    assert zone_of(code) is None
