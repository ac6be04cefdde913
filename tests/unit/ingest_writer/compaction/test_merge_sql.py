"""The merge itself: bounded memory, one form of file, and the same answer in any order."""

from __future__ import annotations

import datetime as dt
import itertools
import random
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from ingest_writer.compaction.merge_sql import NO_CONFLICTS, DateRows, KeyConflicts, Merger
from ingest_writer.landing import to_parquet
from lakehouse.errors import ResourcesExhaustedError
from lakehouse.schema.event import EVENT_SCHEMA, FORMAT_VERSION
from lakehouse.table.parquet_files import FooterInfo, check_month_file
from tests._support.lakes.compactors import random_rows
from tests._support.lakes.rows import newest, row, write


@pytest.fixture
def merger(tmp_path: Path) -> Iterator[Merger]:
    made = Merger(tmp_path, memory_mb=256, threads=2)
    yield made
    made.close()


def test_a_merge_writes_the_columns_version_and_compression_of_the_lake(merger: Merger, tmp_path: Path) -> None:
    output = tmp_path / "month's.parquet"
    days = [dt.date(2013, 1, 1), dt.date(2013, 1, 2)]
    found = merger.merge([write(tmp_path / "a'b.parquet", [row("2013-01-02"), row("2013-01-01")])], output)
    assert found == [DateRows(day, False, 1) for day in days]
    summary = merger.stats(output)
    check_month_file("month", output, FooterInfo(2, FORMAT_VERSION))
    assert (summary.rows, summary.min_flight_date, summary.max_flight_date) == (2, *days)
    assert summary.max_event_time == row()["event_time"]
    with pq.ParquetFile(output) as file:
        assert file.schema_arrow.remove_metadata().equals(EVENT_SCHEMA)
        group = file.metadata.row_group(0)
        assert {group.column(index).compression for index in range(group.num_columns)} == {"ZSTD"}


def test_keys_of_two_flights_are_counted_once_each(merger: Merger, tmp_path: Path) -> None:
    at = row()["scheduled_departure"]
    hours = dt.timedelta(hours=1)
    base = [
        row("2013-01-01", flight_number=1),
        row("2013-01-01", flight_number=2),
        row("2013-01-02", flight_number=3),
        row("2013-01-02", flight_number=3, message_id="2", scheduled_departure=at + 5 * hours),
    ]
    tail = [
        *(row("2013-01-01", flight_number=1, scheduled_departure=at + n * hours) for n in (-1, 4)),
        row("2013-01-01", flight_number=2, scheduled_departure=at + 3 * hours),
        row("2013-01-01", flight_number=4, scheduled_departure=at - 9 * hours),
        *(row("2013-01-01", carrier="ZZ", scheduled_departure=at + n * hours) for n in (0, 9)),
    ]
    files = [write(tmp_path / "base.parquet", base), write(tmp_path / "tail.parquet", tail)]
    found = merger.key_conflicts(files, files[1:])
    assert found.count == 1, "five hours apart, not three; no canary; not a date that the tail does not touch"
    assert found.first is not None
    assert found.first.flight_id == "2013-01-01-UA-1-EWR"
    assert merger.key_conflicts(files, files) + found == KeyConflicts(3, found.first)
    assert merger.key_conflicts(files[1:], files[1:]).count == 1
    assert merger.key_conflicts(files[:1], files[1:]) == NO_CONFLICTS


def test_a_count_that_fails_costs_no_merge(merger: Merger, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    missing = tmp_path / "missing.parquet"
    assert merger.key_conflicts([missing], [missing]) == NO_CONFLICTS
    assert "conflicting keys not counted" in caplog.text


def test_what_the_machine_cannot_do_is_told_apart_from_a_bad_file(merger: Merger, tmp_path: Path) -> None:
    with pytest.raises(ResourcesExhaustedError, match="merge of 1 files"):
        merger.merge([write(tmp_path / "a.parquet", [row()])], tmp_path / "missing-folder" / "month.parquet")


def test_merging_in_any_order_in_parts_or_twice_gives_the_same_rows(merger: Merger, tmp_path: Path) -> None:
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    rng = random.Random(seed)
    rows = random_rows(rng, 300, 50, ["2013-01-01", "2013-01-02"])
    parts = [write(tmp_path / f"{n}.parquet", rows[n * 100 : (n + 1) * 100]) for n in range(3)]
    expected = newest(rows)
    for a, b, c in itertools.permutations(parts):
        first, second = tmp_path / "first.parquet", tmp_path / "second.parquet"
        merger.merge([a, b], first)
        merger.merge([c, first, a], second)
        assert pq.read_table(second).to_pylist() == expected


def test_a_merge_far_larger_than_the_memory_limit_spills_and_is_right(tmp_path: Path) -> None:
    limit_mb = 64  # the least that the setting allows; the rows below take more than twice that
    flights, states = 220_000, 4
    column = pa.array(range(flights), pa.int32())
    files = []
    size = 0
    for state in range(states):
        table = pa.Table.from_pylist([row()], schema=EVENT_SCHEMA).take(pa.array([0] * flights))
        # 9,999 numbers are too few: the origin makes the rest of the key. Order of arrival differs by file.
        order = pc.array_sort_indices(pc.bit_wise_xor(column, pa.scalar(0x155 * (state + 1), pa.int32())))
        number = pc.add(pc.bit_wise_and(column, pa.scalar(0x1FFF, pa.int32())), pa.scalar(1, pa.int32()))
        origin = pc.cast(pc.add(pc.divide(column, pa.scalar(8192, pa.int32())), 100), pa.string())
        changes = {
            "flight_number": number,
            "origin": origin,
            "message_id": pc.binary_join_element_wise(f"a-long-message-id-{state}-", pc.cast(column, pa.string()), ""),
            "distance_km": pa.array([state] * flights, pa.int32()),
            "event_time": pa.array(
                [dt.datetime(2013, 1, 1, 12, (state + n) % states, tzinfo=dt.UTC) for n in range(flights)],
                EVENT_SCHEMA.field("event_time").type,
            ),
        }
        for name, values in changes.items():
            table = table.set_column(table.schema.get_field_index(name), EVENT_SCHEMA.field(name), values)
        table = table.take(order)
        size += table.nbytes
        file = tmp_path / f"{state}.parquet"
        file.write_bytes(to_parquet(table))
        files.append(file)
    assert size > 2 * limit_mb * 1_000_000

    merger = Merger(tmp_path, memory_mb=limit_mb, threads=2)
    output = tmp_path / "month.parquet"
    try:
        assert [each.rows for each in merger.merge(files, output)] == [flights]
        assert (tmp_path / "spill").exists()  # made when DuckDB first writes to disk
    finally:
        merger.close()
    check_month_file("month", output, FooterInfo(flights, FORMAT_VERSION))
    merged = pq.read_table(output, columns=["flight_number", "origin", "distance_km", "event_time"])
    assert set(merged["event_time"].unique().to_pylist()) == {dt.datetime(2013, 1, 1, 12, states - 1, tzinfo=dt.UTC)}
    keys = list(zip(merged["flight_number"].to_pylist(), merged["origin"].to_pylist(), strict=True))
    assert keys == sorted(keys)
    assert len(set(keys)) == flights
    # The newest state of flight n came from file (3 - n) mod 4.
    numbers = [number - 1 + 8192 * (int(origin) - 100) for number, origin in keys]
    assert merged["distance_km"].to_pylist() == [(states - 1 - n) % states for n in numbers]
