"""A checkpoint holds the whole state, as its reader finds it."""

from __future__ import annotations

from lakehouse.table.derived.delta_checkpoint import actions, checkpoint, read_actions
from tests._support.lakes.histories import history


def test_a_checkpoint_has_the_protocol_the_columns_and_all_files() -> None:
    *_, last = history(["2013-01", "2013-02", "2013-01"])
    found = read_actions(checkpoint(last, 5))
    assert found == actions(last, 5)
    assert [next(iter(row)) for row in found] == ["protocol", "metaData", "txn", "add", "add"]
    assert {row["add"]["path"] for row in found if "add" in row} == {
        file.name.removeprefix("flights/") for file in last.shown_files()
    }
    assert not any(row["add"]["dataChange"] for row in found if "add" in row)
