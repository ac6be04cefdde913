"""Names of carriers and airports: the file that the dashboard shows is the generated one."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import polars as pl

import query_service.dashboard
from lakehouse.reference import airports, carriers
from local_cloud.flights.display_names import names_json
from local_cloud.flights.nycflights13 import data_directory

_PUBLISHED = Path(query_service.dashboard.__file__).parent / "static" / "names.json"


def test_names_are_those_of_the_tables_that_they_were_made_from() -> None:
    assert _PUBLISHED.read_text("utf-8") == names_json(), "make names"


def test_every_carrier_and_airport_of_the_flights_has_a_name() -> None:
    names = json.loads(names_json())
    with zipfile.ZipFile(data_directory() / "flights.csv.zip") as archive:
        flights = pl.read_csv(archive.read("flights.csv"), columns=["carrier", "origin", "dest"])
    assert flights.height == 336_776
    assert set(flights["carrier"]) <= names["carriers"].keys()
    assert {*flights["origin"], *flights["dest"]} <= names["airports"].keys()
    shown = [*names["carriers"].values(), *(name for name, _, _ in names["airports"].values())]
    assert all(name == name.strip() != "" for name in shown)
    assert all(list(kind) == sorted(kind) for kind in names.values())


def test_all_carriers_and_airports_of_the_reference_are_there() -> None:
    names = json.loads(names_json())
    assert names["carriers"] == dict(carriers())
    assert names["airports"].keys() == airports().keys()


def test_an_airport_has_a_short_name_with_its_city_and_its_place() -> None:
    found = json.loads(names_json())["airports"]
    assert found["EWR"] == ["Newark Liberty Intl", 40.69, -74.17]
    assert found["JFK"] == ["John F Kennedy Intl, New York", 40.64, -73.78]
