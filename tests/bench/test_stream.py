"""The live stream that the writer is measured with."""

from __future__ import annotations

import json

from bench.machine import Cores
from bench.stream import COPIES, live_events
from ingest_writer.decode import decode_messages
from ingest_writer.message import Message
from lakehouse.event import KEY


def test_a_live_stream_has_every_copy_of_an_event_under_its_own_key_in_the_order_of_time() -> None:
    events = live_events(50, 20 * COPIES)
    decoded = decode_messages([Message("", b"\n".join(events), {}, "1", 1_400_000_000_000_000)])
    assert decoded.rejected == []
    rows = decoded.events.select([*KEY, "status"]).to_pylist()
    assert len({tuple(row.values()) for row in rows}) == len(rows) == 20 * COPIES
    times = [json.loads(event)["event_time"] for event in events]
    assert all(len(set(times[at : at + COPIES])) == 1 for at in range(0, len(times), COPIES))


def test_a_batch_of_a_live_stream_has_two_or_three_dates() -> None:
    dates = {json.loads(event)["flight_date"] for event in live_events(None, 25_000)}
    assert 1 <= len(dates) <= 3


def test_processes_get_a_core_each_those_that_serve_first() -> None:
    cores = Cores(frozenset({4, 5, 6}))
    assert [cores.of(number) for number in range(4)] == [{5}, {6}, {4}, {5}]
    assert Cores(frozenset({3})).of(1) == {3}
