"""Names of airports and carriers by code."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

from lakehouse.reference import airports, airports_file, carriers


def test_an_airport_has_its_name_city_place_and_zone() -> None:
    newark = airports()["EWR"]
    assert (newark.code, newark.icao, newark.country, newark.time_zone) == ("EWR", "KEWR", "US", "America/New_York")
    assert "Newark" in newark.name
    assert "Newark" in newark.city
    assert abs(newark.latitude - 40.69) < 0.05
    assert abs(newark.longitude + 74.17) < 0.05


def test_the_table_and_the_file_have_the_same_airports() -> None:
    with airports_file().open(encoding="utf-8", newline="") as file:
        codes = {row["iata"] for row in csv.DictReader(file)} - {""}
    assert airports().keys() == codes
    assert list(airports()) == sorted(codes)


def test_carriers_have_the_names_that_the_dashboard_shows() -> None:
    names = Path(__file__).parents[3] / "query_service" / "dashboard" / "static" / "names.json"
    shown = json.loads(names.read_text(encoding="utf-8"))["carriers"]
    assert {code: carriers()[code] for code in shown} == shown
    assert list(carriers()) == sorted(carriers())


def test_importing_it_imports_nothing_heavy() -> None:
    code = (
        "import sys, lakehouse.reference;print([m for m in ('duckdb', 'pyarrow', 'airportsdata') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
