"""The long runs: sizes reach the runs, and a finished run is not repeated."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.verification.campaign.campaigns import Campaign, Sizes, campaigns
from tests.verification.campaign.ledger import ROOT


def test_a_run_is_in_the_ledger_and_is_not_repeated_when_it_has_passed(tmp_path: Path) -> None:
    first = _prove(tmp_path, "--seeds", "5", "--only", "seeds", "--processes", "1")
    assert first.returncode == 0, first.stderr
    entry = json.loads((tmp_path / "ledger.json").read_text())["seeds"]
    assert entry["exit_code"] == 0
    assert entry["says"].startswith("5 seeds: 0 violated an invariant")
    assert entry["seconds"] > 0
    assert len(entry["commits"]) == 1
    again = _prove(tmp_path, "--seeds", "5", "--only", "seeds", "--processes", "1")
    assert "seeds: passed already" in again.stdout
    assert "| seeds | 5 seeds: 0 violated an invariant" in again.stdout


def test_a_run_that_was_cut_off_goes_on(tmp_path: Path) -> None:
    state = {"kind": "seeds", "last": 29, "next": 25, "runs": 25, "failures": []}
    (tmp_path / "seeds.json").write_text(json.dumps(state))
    done = _prove(tmp_path, "--seeds", "30", "--only", "seeds", "--processes", "1")
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "seeds.json").read_text())["runs"] == 30


def test_what_violated_an_invariant_is_not_passed(tmp_path: Path) -> None:
    state = {"kind": "seeds", "last": 29, "next": 30, "runs": 30, "failures": ["seed 7: lost an event"]}
    (tmp_path / "seeds.json").write_text(json.dumps(state))
    done = _prove(tmp_path, "--seeds", "30", "--only", "seeds", "--processes", "1")
    assert done.returncode == 1
    assert "NOT PASSED" in done.stdout


def test_kills_that_violated_an_invariant_are_not_made_good_by_going_on(tmp_path: Path) -> None:
    state = {"seed": 20_130_101, "round": 1, "kills_done": 25, "seconds": 9.0, "kinds": {}, "failures": ["round 0"]}
    (tmp_path / "kills.json").write_text(json.dumps(state))
    done = _prove(tmp_path, "--kills", "25", "--only", "kills")
    assert done.returncode == 1
    assert "NOT PASSED" in done.stdout


@pytest.mark.parametrize("campaign", campaigns(Sizes()), ids=lambda campaign: campaign.name)
def test_every_run_is_a_program_that_knows_its_options(
    campaign: Campaign, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module, *arguments = campaign.command(tmp_path)
    monkeypatch.setattr(sys, "argv", [module, *arguments, "--help"])
    with pytest.raises(SystemExit) as ended:
        importlib.import_module(f"{module}.__main__").main()
    assert ended.value.code == 0


def _prove(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.verification.campaign", "--folder", str(folder), *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
