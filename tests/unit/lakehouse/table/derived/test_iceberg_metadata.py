"""The metadata of the Iceberg table: pinned bytes, and a history that has an end."""

from __future__ import annotations

import json
from pathlib import Path

from lakehouse.table.derived.iceberg_metadata import MAX_HISTORY, hint, hinted_number, history_of, table_metadata
from tests._support.lakes.histories import history

GOLDEN = Path(__file__).parent / "golden"
ROOT = "gs://bucket"


def test_the_bytes_of_metadata_never_change() -> None:
    *_, last = history(["2013-01", "2013-02", "2013-01"])
    data = table_metadata(ROOT, last, {1: 1000, 2: 2000, 3: 3000})
    assert data.decode() == (GOLDEN / "v3.metadata.json").read_text()
    assert history_of(data) == {1: 1000, 2: 2000, 3: 3000}


def test_the_snapshot_is_the_last_of_a_history_whose_times_never_go_back() -> None:
    *_, last = history(["2013-01", "2013-02", "2013-01"])
    document = json.loads(table_metadata(ROOT, last, {1: 1000, 2: 900, 3: 950, 4: 5000}))
    assert [(each["snapshot-id"], each["timestamp-ms"]) for each in document["snapshots"]] == [
        (1, 1000),
        (2, 1000),
        (3, 1000),
    ]
    assert document["current-snapshot-id"] == document["last-sequence-number"] == 3
    assert [each.get("parent-snapshot-id") for each in document["snapshots"]] == [None, 1, 2]


def test_a_history_has_a_greatest_length() -> None:
    *_, last = history(["2013-01"] * (MAX_HISTORY + 5))
    found = history_of(table_metadata(ROOT, last, {number: number for number in range(1, last.number + 1)}))
    assert sorted(found) == list(range(6, last.number + 1))


def test_a_hint_is_read_back_and_nonsense_is_none() -> None:
    assert hinted_number(hint(42)) == 42
    assert hinted_number(b"42\n") == 42
    for data in (b"", b"v42", b"-1", b"9" * 4000):
        assert hinted_number(data) == -1
