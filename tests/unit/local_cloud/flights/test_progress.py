"""How far a long job is: lines where there is no terminal, a bar where there is one."""

from __future__ import annotations

import pytest

from local_cloud.flights.progress import _Lines, progress


def test_without_a_terminal_progress_is_a_line_every_ten_seconds(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = 0.0
    monkeypatch.setattr("local_cloud.flights.progress.time.monotonic", lambda: now)
    lines = _Lines("events", 3000)
    for now in (5.0, 10.0, 11.0, 20.0):  # noqa: B007 - read by the clock above
        lines.advance(500)
    assert capsys.readouterr().err.splitlines() == ["1,000 of 3,000 events", "2,000 of 3,000 events"]


def test_a_job_that_is_short_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with progress("events", 3000) as advance:
        advance(3000)
    assert capsys.readouterr().err == ""


def test_on_a_terminal_progress_is_a_bar_that_is_full_in_the_end(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")  # what makes rich take any stream for a terminal
    with progress("events", 3000) as advance:
        advance(1000)
        advance(2000)
    shown = capsys.readouterr().err
    assert "events" in shown
    assert "3000/3000" in shown
