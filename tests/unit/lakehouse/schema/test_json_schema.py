"""The published schema: it is the generated one, it says what the contract says, and the decoder agrees with it."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import lakehouse
from ingest_writer.decoding.event import Origin, RejectError
from ingest_writer.decoding.line import decode_line
from lakehouse.__main__ import main
from lakehouse.schema.event import EVENT_SCHEMA
from lakehouse.schema.json_schema import event_schema, schema_text
from tests._support.events.builders import later_fields

_PUBLISHED = Path(lakehouse.__file__).parent / "schema" / "event.schema.json"
_VALIDATOR = jsonschema.Draft202012Validator(event_schema())
_PUBLISH_TIME_US = 1_357_100_000_000_000  # 2013-01-02
_DROPPED = object()

_EVENT: dict[str, Any] = {
    "flight_date": "2013-01-01",
    "carrier": "UA",
    "flight_number": 1545,
    "operational_suffix": "A",
    "origin": "EWR",
    "destination": "IAH",
    "diverted_to": "KIAH",
    "scheduled_departure": "2013-01-01T05:15:00-05:00",
    "scheduled_arrival": "2013-01-01T13:19:00.5Z",
    "actual_departure": "2013-01-01T05:17:00-05:00",
    "actual_arrival": "2013-01-01T13:30:00Z",
    "status": "diverted",
    "departure_delay_minutes": 2,
    "arrival_delay_minutes": -1440,
    "tail_number": "N14228",
    "air_time_minutes": 227,
    "distance_km": 2253,
    "event_time": "2013-01-01T08:31:00.123456+00:00",
} | later_fields()
_REQUIRED = (
    *("flight_date", "carrier", "flight_number", "origin", "destination", "scheduled_departure", "status"),
    "event_time",
)
_OPTIONAL = [field for field in _EVENT if field not in _REQUIRED]
_WITHOUT_TIMES = {
    "scheduled_departure": "2012-12-31T00:00:00Z",  # before all that is tried
    "departure_delay_minutes": 0,
    **dict.fromkeys(("scheduled_arrival", "actual_departure", "actual_arrival"), _DROPPED),
}
_TIMES = ("scheduled_departure", "scheduled_arrival", "actual_departure", "actual_arrival", "event_time")


def _is_valid(**changes: Any) -> bool:
    """What the schema says of the example with changes; the writer's decoder must say the same."""
    event = {name: value for name, value in {**_EVENT, **changes}.items() if value is not _DROPPED}
    is_valid: bool = _VALIDATOR.is_valid(event)
    assert _is_decoded(event) == is_valid
    return is_valid


def _is_decoded(event: dict[str, Any]) -> bool:
    try:
        decode_line(json.dumps(event).encode(), Origin(_PUBLISH_TIME_US, "1", 0), Counter())
    except RejectError:
        return False
    return True


def test_the_published_file_is_the_generated_one() -> None:
    assert _PUBLISHED.read_text(encoding="utf-8") == schema_text(), "make fields"


def test_the_command_prints_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema"]) == 0
    assert capsys.readouterr().out == schema_text()


def test_it_is_a_schema_of_draft_2020_12() -> None:
    document = json.loads(_PUBLISHED.read_text(encoding="utf-8"))
    assert document["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    jsonschema.Draft202012Validator.check_schema(document)


def test_its_fields_are_the_columns_that_a_publisher_gives() -> None:
    ours = {"scheduled_departure_hour", "publish_time", "message_id", "message_line", "decoder_version"}
    assert set(event_schema()["properties"]) == set(EVENT_SCHEMA.names) - ours == set(_EVENT)
    assert event_schema()["required"] == list(_REQUIRED)


def test_a_full_event_is_valid_and_so_is_one_with_the_required_fields_only() -> None:
    assert _is_valid()
    assert _is_valid(**dict.fromkeys(_OPTIONAL, _DROPPED))


def test_unknown_fields_are_ignored() -> None:
    assert _is_valid(unlisted="C12")


@pytest.mark.parametrize("field", _REQUIRED)
def test_a_required_field_may_be_neither_absent_nor_null(field: str) -> None:
    assert not _is_valid(**{field: _DROPPED})
    assert not _is_valid(**{field: None})


@pytest.mark.parametrize("field", _OPTIONAL)
def test_an_optional_field_may_be_null(field: str) -> None:
    assert _is_valid(**{field: None})


@pytest.mark.parametrize(
    ("field", "good", "bad"),
    [
        ("carrier", ["UA", "9E", "UAL"], ["", "U", "UALX", "ua", "U-", "ＵＡ", 1]),
        ("flight_number", [1, 9999], [0, 10000, -1, "1545", 1.5, True]),
        ("operational_suffix", ["", "A"], ["a", "AB", "1", " "]),
        ("origin", ["EWR", "KEWR", "0S9"], ["EW", "KEWRX", "ewr", ""]),
        ("destination", ["IAH", "KIAH"], ["IA", "IAHOU", "iah"]),
        ("diverted_to", ["IAH", "KIAH"], ["IA", "IAHOU", ""]),
        ("status", ["scheduled", "departed", "arrived", "cancelled", "diverted", "void"], ["Arrived", "", "landed"]),
        ("departure_delay_minutes", [-1440, 0, 10080], [-1441, 10081, "5", 0.5]),
        ("arrival_delay_minutes", [-1440, 0, 10080], [-1441, 10081, "5", 0.5]),
        ("tail_number", ["N", "N14228ABCD", "c-gfah"], ["", "N14228ABCDE", "Ñ漢", "=1+1", 14228]),
        ("air_time_minutes", [0, 32767], [-1, 32768]),
        ("distance_km", [0, 32767], [-1, 32768]),
    ],
)
def test_limits_of_a_field(field: str, good: list[Any], bad: list[Any]) -> None:
    assert [value for value in good if not _is_valid(**{field: value})] == []
    assert [value for value in bad if _is_valid(**{field: value})] == []


@pytest.mark.parametrize(
    ("date", "is_valid"),
    [("1980-01-01", True), ("2100-12-31", True), ("1979-12-31", False), ("2101-01-01", False), ("20130101", False)],
)
def test_limits_of_the_flight_date(date: str, is_valid: bool) -> None:
    departure = f"{date}T05:15:00-05:00" if is_valid else _EVENT["scheduled_departure"]
    assert _is_valid(flight_date=date, scheduled_departure=departure, scheduled_arrival=_DROPPED) == is_valid


@pytest.mark.parametrize("field", _TIMES)
def test_times_have_an_offset(field: str) -> None:
    for value in ("2013-01-01T05:15:00Z", "2013-01-01T05:15:00-05:00", "2013-01-01T05:15:00.000001+05:30"):
        assert _is_valid(**_WITHOUT_TIMES | {field: value})
    for wrong in ("2013-01-01T05:15:00", "2013-01-01", "2013-01-01T05:15Z", "", 1357017300):
        assert not _is_valid(**{field: wrong})
