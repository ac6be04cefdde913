"""The live stream that the writer is measured with."""

from __future__ import annotations

from collections import Counter

import pyarrow as pa
import pytest

from bench.machine import Cores
from bench.stream import DAYS_AT_ONCE, live_events
from ingest_writer.decoding.decoder import decode_messages
from ingest_writer.landing import to_parquet
from ingest_writer.message import Message
from lakehouse.schema.event import KEY


@pytest.fixture(scope="module")
def batch() -> pa.Table:
    """As many events as come in 5 s at 5,000 a second. Of these flights, each of the 27 days running has two."""
    events = live_events(45_000, 25_000)
    decoded = decode_messages([Message("", b"\n".join(events), {}, "1", 1_400_000_000_000_000)])
    assert decoded.rejected == []
    return decoded.events


def test_a_batch_has_two_or_three_dates_and_all_kinds_of_events(batch: pa.Table) -> None:
    assert batch.num_rows == 25_000
    assert len(batch["flight_date"].unique()) in (2, 3)
    assert len(batch["operational_suffix"].unique()) == DAYS_AT_ONCE
    kinds = Counter(batch["status"].to_pylist())
    assert all(0.2 < kinds[kind] / batch.num_rows < 0.45 for kind in ("scheduled", "departed", "arrived"))


def test_no_state_of_a_flight_comes_twice(batch: pa.Table) -> None:
    states = batch.select([*KEY, "status"])
    assert states.group_by(states.column_names).aggregate([]).num_rows == batch.num_rows


def test_its_rows_are_no_copies_of_each_other(batch: pa.Table) -> None:
    """They take as many bytes as those of distinct flights do: adjacent copies took two."""
    assert 12 < len(to_parquet(batch)) / batch.num_rows < 40


def test_of_few_flights_there_are_as_many_as_they_have() -> None:
    assert len(live_events(50, 20)) == 20


def test_processes_get_a_core_each_those_that_serve_first() -> None:
    cores = Cores(frozenset({4, 5, 6}))
    assert [cores.of(number) for number in range(4)] == [{5}, {6}, {4}, {5}]
    assert Cores(frozenset({3})).of(1) == {3}
