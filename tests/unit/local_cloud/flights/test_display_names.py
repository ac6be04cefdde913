"""Names of carriers and airports: the file that the dashboard shows is the generated one."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import polars as pl

import query_service.dashboard
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
    assert all(name == name.strip() != "" for kind in names.values() for name in kind.values())
    assert all(list(kind) == sorted(kind) for kind in names.values())
