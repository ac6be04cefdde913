"""What Lighthouse's scores have to be, and that nothing measured is no success."""

from __future__ import annotations

import json

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
