"""A lake of the 842 real flights of 1 January 2013, the one that the examples of the API are about."""

from __future__ import annotations

from ingest_writer.decoding.decoder import decode_messages
from lakehouse.store.memory import MemoryStore
from lakehouse.store.store import Store
from local_cloud.flights.events import events_of
from local_cloud.flights.nycflights13 import read_flights
from tests._support.events import message
from tests._support.lake_builder import LakeBuilder

FLIGHTS = 842
PUBLISHED = "2013-01-02T12:00:00Z"


def real_day(store: Store | None = None) -> LakeBuilder:
    """Decoded from what their publisher sends, and merged."""
    lines = b"\n".join(events_of(read_flights(FLIGHTS)))
    decoded = decode_messages([message(lines, published=PUBLISHED)])
    assert not decoded.rejected
    lake = LakeBuilder(store or MemoryStore())
    lake.land(*decoded.events.to_pylist())
    lake.merge()
    return lake
