"""Files and columns of the outside tables."""

from __future__ import annotations

import pyarrow as pa
import pytest

from lakehouse.schema import event, versions
from lakehouse.schema.event import EVENT_SCHEMA, FIELDS
from lakehouse.schema.fields import Integer
from lakehouse.table.derived import content
from lakehouse.table.derived.content import columns_of, format_of, shown_files, to_ms
from lakehouse.table.snapshot import EMPTY
from tests._support.lakes.histories import START, history


def test_files_are_those_of_the_snapshot_by_month() -> None:
    *_, last = history(["2013-02", "2013-01", "2013-02"])
    assert [file.name[21:28] for file in shown_files(last)] == ["2013-01", "2013-02"]
    assert shown_files(EMPTY) == ()
    assert format_of(EMPTY) == 1


def test_columns_are_those_of_the_files_with_docs_and_units() -> None:
    columns = columns_of(event.FORMAT_VERSION)
    assert [column.name for column in columns] == EVENT_SCHEMA.names
    docs = {column.name: column.doc for column in columns}
    assert docs["distance_km"] == "Distance from origin to destination in kilometres."
    assert docs["event_time"].endswith("In UTC, to the microsecond.")
    for field in FIELDS:
        assert docs[field.name].startswith(field.description)
        assert not isinstance(field, Integer) or field.unit in docs[field.name]


def test_a_column_of_a_later_format_has_an_id_after_all_others(monkeypatch: pytest.MonkeyPatch) -> None:
    later = event.FORMAT_VERSION + 1
    added = event.FIELD["tail_number"].__class__("unlisted", description="Unlisted.", example="A1", since_format=later)
    fields = (*FIELDS[:6], added, *FIELDS[6:])
    monkeypatch.setattr(content, "FIELDS", fields)
    monkeypatch.setattr(versions, "ADDED", {**versions.ADDED, later: ("unlisted",)})
    monkeypatch.setattr(versions, "EVENT_SCHEMA", pa.schema([(f.name, f.arrow_type) for f in fields]))
    before, after = columns_of(later - 1), columns_of(later)
    assert [column.name for column in after][6] == "unlisted"
    assert after[6].id == len(FIELDS) + 1
    assert [column for column in after if column.name != "unlisted"] == list(before)


def test_times_are_whole_milliseconds() -> None:
    assert to_ms(START) == 1_359_676_800_000
    assert to_ms(START.replace(microsecond=1_999)) == 1_359_676_800_001
