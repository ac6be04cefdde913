"""Schemas of the document: what an answer may hold, and nothing beside it."""

from __future__ import annotations

from lakehouse.schema.event import FIELD
from tests._support.api import Api

FLIGHT = "/v1/flights/2013-01-01-UA-1545-EWR"


def test_documented_flights_describe_every_column_as_the_field_table_does(api: Api) -> None:
    paths = api.json("/openapi.json")["paths"]
    answer = paths["/v1/flights/{flight_id}"]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    documented = answer["properties"]["data"]["properties"]
    descriptions = {name: column["description"] for name, column in documented.items() if name in FIELD}
    assert descriptions == {name: FIELD[name].description for name in api.json(FLIGHT)["data"] if name in FIELD}
    names = {f"{code}_{what}" for code in ("origin", "destination") for what in ("name", "city")} | {"carrier_name"}
    assert documented.keys() - FIELD.keys() == {"flight_id", "source", *names}
    assert documented["flight_id"]["description"]
