"""Schemas of the document: what an answer may hold, and nothing else; each has a name and says what it means."""

from __future__ import annotations

import json
import re
from typing import Any

from lakehouse.schema.event import FIELD
from tests._support.api.in_process import Api

NAMED = {"Stats", "Flight", "FlightEvent", "Lake", "Problem"}


def schemas(api: Api) -> dict[str, Any]:
    found: dict[str, Any] = api.json("/openapi.json")["components"]["schemas"]
    return found


def test_documented_flights_describe_every_column_as_the_field_table_does(api: Api) -> None:
    names = {f"{code}_{what}" for code in ("origin", "destination", "diverted_to") for what in ("name", "city")} | {
        "carrier_name"
    }
    documented = schemas(api)["FlightWithSource"]["properties"]
    descriptions = {name: column["description"] for name, column in documented.items() if name in FIELD}
    shown = api.json("/v1/flights/2013-01-01-UA-1545-EWR")["data"]
    assert descriptions == {name: FIELD[name].description for name in shown if name in FIELD}
    assert documented.keys() - FIELD.keys() == {"flight_id", "source", *names}
    assert schemas(api)["Flight"]["properties"] == {name: documented[name] for name in documented if name != "source"}


def test_every_schema_has_a_name_and_every_member_a_meaning_and_a_unit(api: Api) -> None:
    found = schemas(api)
    assert found.keys() >= NAMED
    for name, schema in found.items():
        assert re.fullmatch("[A-Z][A-Za-z]+", name)  # generators make a class of it
        assert schema["description"], name
        for member, described in schema["properties"].items():
            probe_or_problem = name in ("Health", "Readiness", "Problem") or member == "data"
            assert "$ref" in described or described.get("description") or probe_or_problem, (name, member)
            is_object = described.get("type") == "object" or described.get("items", {}).get("type") == "object"
            assert not is_object, (name, member)  # a generator would have to invent a name for it
            if member.endswith(("_minutes", "bytes")) or "_delay_" in member:
                assert described["x-unit"] in ("minutes", "bytes"), (name, member)


def test_every_reference_leads_to_a_schema_and_every_schema_is_used(api: Api) -> None:
    used = set(re.findall('"#/components/schemas/([A-Za-z]+)"', json.dumps(api.json("/openapi.json"))))
    assert used == schemas(api).keys()
