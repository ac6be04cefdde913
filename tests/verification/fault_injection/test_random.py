"""The invariants hold for the seeds of this gate.

More of them: `python -m tests.verification.fault_injection --seeds A..B`.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from local_cloud.emulators.gcs import GcsServer
from tests.verification.fault_injection.run import run


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """The first seeds: the gate's have both ways of uploading, six have all rates."""
    if "seed" in metafunc.fixturenames:
        metafunc.parametrize("seed", range(metafunc.config.getoption("--storage-seeds")))


def test_every_answer_is_exact_whatever_storage_says(gcs_server: GcsServer, tmp_path: Path, seed: int) -> None:
    outcome = run(seed, gcs_server, tmp_path)
    assert outcome.violations == (), f"seed {seed}"
    assert outcome.lies > 0
    if seed < 2:  # few lies: more get through
        assert outcome.answers > 0
        assert outcome.commits > 0


def test_a_long_run_goes_on_where_it_was_cut_off(tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    state.write_text(json.dumps({"kind": "lying seeds", "last": 2, "next": 2, "runs": 2, "failures": ["seed 1: bad"]}))
    command = [sys.executable, "-m", "tests.verification.fault_injection", "--seeds", "0..2", "--state", str(state)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    assert "3 lying seeds: 1 violated an invariant" in done.stdout
    assert json.loads(state.read_text())["next"] == 3
