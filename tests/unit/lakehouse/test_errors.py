"""Messages say what, where, why, and what to do."""

from __future__ import annotations

from lakehouse.errors import ForeignSnapshotError, UnreadableError


def test_a_foreign_snapshot_is_named_with_the_reason_and_the_way_out() -> None:
    error = ForeignSnapshotError("snapshots/7.json", "month 2013-01 is not in it")
    assert isinstance(error, UnreadableError)  # code that handles unreadable files handles it too
    assert (error.name, error.why) == ("snapshots/7.json", "month 2013-01 is not in it")
    assert str(error).startswith("snapshots/7.json: is no snapshot of this table: month 2013-01 is not in it; nothing")
    assert 'docs/runbook.md says under "foreign-snapshot"' in str(error)
