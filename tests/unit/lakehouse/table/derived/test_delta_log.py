"""The bytes of commits, pinned by files: every program that writes version N has to write the same."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lakehouse.table.derived.content import DATE_COLUMN
from lakehouse.table.derived.delta_log import commit, first_commit, hint, hinted_version
from lakehouse.table.snapshot import EMPTY
from tests._support.lakes.histories import history

GOLDEN = Path(__file__).parent / "golden"


@pytest.mark.parametrize("version", [0, 1, 2, 3])
def test_the_bytes_of_a_commit_never_change(version: int) -> None:
    snapshots = [EMPTY, *history(["2013-01", "2013-02", "2013-01"])]
    data = (
        commit(snapshots[version - 1], snapshots[version], 1_359_676_800_000 + version) if version else first_commit()
    )
    assert data.decode() == (GOLDEN / f"{version:020d}.json").read_text()


def test_a_commit_says_what_has_changed_and_no_more() -> None:
    first, second, third = history(["2013-01", "2013-02", "2013-01"])
    actions = [json.loads(line) for line in commit(second, third, 3).splitlines()]
    assert [next(iter(action)) for action in actions] == ["commitInfo", "protocol", "txn", "remove", "add"]
    assert actions[2]["txn"]["version"] == 3
    assert actions[3]["remove"]["path"] == first.months["2013-01"][0].name.removeprefix("flights/")
    assert json.loads(actions[4]["add"]["stats"])["minValues"] == {"flight_date": "2013-01-01"}
    assert actions[4]["add"]["dataChange"] is True


def test_statistics_are_of_the_first_column_which_is_the_date() -> None:
    metadata = json.loads(first_commit().splitlines()[2])["metaData"]
    assert metadata["configuration"]["delta.dataSkippingNumIndexedCols"] == "1"
    assert json.loads(metadata["schemaString"])["fields"][0]["name"] == DATE_COLUMN


def test_a_hint_is_read_back_and_nonsense_is_none() -> None:
    assert hinted_version(hint(40, 12)) == 40
    assert json.loads(hint(40, 12)) == {"version": 40, "size": 15}
    for data in (b"", b"{}", b"[]", b'{"version": "1"}', b'{"version": -1}', b'{"version": 1e99}', b"[" * 10_000):
        assert hinted_version(data) == -1
