"""The rehearsal of a restore, in small: it brings everything back, and says so when something is missing."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from local_cloud import rehearse_restore
from local_cloud.emulators.soft_delete import SoftDelete

SMALL = ["--flights", "600", "--without-gcloud"]  # a day; gcloud itself: tests/unit/local_cloud/emulators


@pytest.mark.long
@pytest.mark.timeout(600)  # a dozen processes; on a loaded machine each takes many seconds to start
def test_all_that_was_lost_comes_back_and_answers_are_those_of_before(capsys: pytest.CaptureFixture[str]) -> None:
    assert rehearse_restore.main(SMALL) == 0
    said = capsys.readouterr().out
    assert "one month file: restored" in said
    assert "verify finds nothing, and every answer is that of before" in said


@pytest.mark.long
@pytest.mark.timeout(600)
def test_an_object_that_does_not_come_back_fails_the_rehearsal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    restore_all = SoftDelete.restore_all

    def all_but_landed(self: SoftDelete, bucket: str, asked: dict[str, Any]) -> None:
        restore_all(self, bucket, {**asked, "matchGlobs": ["flights/**", "hidden/**", "snapshots/**"]})

    monkeypatch.setattr(SoftDelete, "restore_all", all_but_landed)
    assert rehearse_restore.main(SMALL) == 1
    assert "the whole bucket: objects are not those of before" in capsys.readouterr().out


def _left_alone(_: rehearse_restore.Rehearsal) -> dt.datetime:
    """As before there was a step for it: the snapshots of the new history stay."""
    return dt.datetime.now(dt.UTC)


def _ended_too_late(rehearsal: rehearse_restore.Rehearsal) -> dt.datetime:
    """A window that has the new history's end in it: its snapshots come back, too."""
    _END_NEW_HISTORY(rehearsal)
    return dt.datetime.now(dt.UTC)


_END_NEW_HISTORY = rehearse_restore._end_new_history


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize("step", [_left_alone, _ended_too_late])
def test_snapshots_of_a_new_history_among_the_restored_ones_fail_the_rehearsal(
    step: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(rehearse_restore, "_end_new_history", step)
    assert rehearse_restore.main(SMALL) == 1
    assert "the whole bucket: objects are not those of before" in capsys.readouterr().out
