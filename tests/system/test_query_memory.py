"""A process that ran queries beyond its memory, or stopped them, is as small as before soon afterwards."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests._support.long_cases import long_after

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("threads", long_after(1, [2, 1]))
def test_memory_of_queries_and_answers_that_were_given_up_goes_back(threads: int) -> None:
    command = [sys.executable, "-m", "tests._support.api.query_memory", str(threads)]
    run = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True, timeout=300)
    found = json.loads(run.stdout)
    assert found["peak_mb"] > 80, found  # else nothing is shown
    assert found["queries_mb"] < 60, found
    assert found["answers_mb"] < 100, found  # Python's and Arrow's own, however many answers there were
    assert found["arrow_bytes"] == 0, found
