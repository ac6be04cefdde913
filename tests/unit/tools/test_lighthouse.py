"""What Lighthouse's scores have to be, and that nothing measured is no success."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tools import lighthouse

RECORD = json.loads(lighthouse.RECORD.read_text())


def test_a_score_that_is_too_low_or_missing_is_named() -> None:
    found = {"performance": 0.94, "accessibility": 1.0}
    assert lighthouse.too_low(found, RECORD["at_least"]) == ["performance", "best-practices"]


def test_scores_at_the_least_pass() -> None:
    assert lighthouse.too_low(RECORD["at_least"], RECORD["at_least"]) == []


def test_the_package_is_pinned_by_its_integrity() -> None:
    assert RECORD["integrity"].startswith("sha512-")
    assert RECORD["version"].count(".") == 2


def test_a_machine_without_npm_says_that_nothing_was_measured(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", "")
    assert lighthouse.main(["http://127.0.0.1:1/"]) == 2
    assert "NOTHING WAS MEASURED: npm did not install" in capsys.readouterr().err


def program(path: Path, script: str) -> Path:
    """A program of the shell."""
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def test_nothing_of_the_package_runs_before_it_is_compared(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program(tmp_path / "npm", 'printf "%s\\n" "$@" > asked')
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(lighthouse, "FOLDER", tmp_path / "lighthouse")
    with pytest.raises(lighthouse.NotMeasuredError, match=r"is not what lighthouse\.json names"):
        lighthouse.installed(RECORD)
    assert "--ignore-scripts" in (tmp_path / "lighthouse" / "asked").read_text().splitlines()


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("exec sleep 60", "did not run to its end"),
        ("echo no report", "its answer is no JSON"),
        ("exit 3", "ended with 3"),
    ],
)
def test_a_run_without_a_report_says_that_nothing_was_measured(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, script: str, said: str
) -> None:
    monkeypatch.setattr(lighthouse, "find_chromium", lambda: "chromium")
    monkeypatch.setattr(lighthouse, "_WITHIN_S", 0.2 if "sleep" in script else 60)
    with pytest.raises(lighthouse.NotMeasuredError, match=said):
        lighthouse.scores(program(tmp_path / "lighthouse", script), "http://127.0.0.1:1/", [])
