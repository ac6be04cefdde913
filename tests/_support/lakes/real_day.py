"""A lake of the 842 real flights of 1 January 2013, the one that the examples of the API are about."""

from __future__ import annotations

import json

from ingest_writer.decoding.decoder import decode_messages
from lakehouse.store.memory import MemoryStore
from lakehouse.store.store import Store
from local_cloud.flights.events import events_of
from local_cloud.flights.nycflights13 import read_flights
from tests._support.events.builders import later_fields, message
from tests._support.lakes.builder import LakeBuilder

FLIGHTS = 842
PUBLISHED = "2013-01-02T12:00:00Z"


def _with_later_fields(event: bytes) -> bytes:
    members = "".join(f",{json.dumps(name)}:{json.dumps(value)}" for name, value in later_fields().items())
    return event.removesuffix(b"}") + members.encode() + b"}"


def real_day(store: Store | None = None) -> LakeBuilder:
    """Decoded from what their publisher sends, and merged. Each flight has the examples of later fields."""
    lines = b"\n".join(_with_later_fields(event) for event in events_of(read_flights(FLIGHTS)))
    decoded = decode_messages([message(lines, published=PUBLISHED)])
    assert not decoded.rejected
    lake = LakeBuilder(store or MemoryStore())
    lake.land(*decoded.events.to_pylist())
    lake.merge()
    return lake
