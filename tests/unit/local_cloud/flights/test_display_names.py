"""Names of carriers and airports: the file that the dashboard shows is the generated one."""

from __future__ import annotations

import json
from pathlib import Path

import query_service.dashboard
from local_cloud.flights.display_names import names_json
from local_cloud.flights.nycflights13 import read_flights

_PUBLISHED = Path(query_service.dashboard.__file__).parent / "static" / "names.json"


def test_names_are_those_of_the_tables_that_they_were_made_from() -> None:
    assert _PUBLISHED.read_text("utf-8") == names_json(), "make names"


def test_every_carrier_and_airport_of_the_flights_has_a_name() -> None:
    names = json.loads(names_json())
    flights = read_flights()
    assert {flight.carrier for flight in flights} <= names["carriers"].keys()
    assert {airport for flight in flights for airport in (flight.origin, flight.destination)} <= names[
        "airports"
    ].keys()
    assert all(name == name.strip() != "" for kind in names.values() for name in kind.values())
    assert all(list(kind) == sorted(kind) for kind in names.values())
