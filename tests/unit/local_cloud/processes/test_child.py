"""A child runs the module that it is told to, and not without its parent (`test_supervise.py` kills the parent)."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest


def _child(parent: int, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "local_cloud.processes.child", str(parent), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, input='{"a": 1}', timeout=60)


def test_the_module_gets_its_arguments_and_its_exit_code_is_the_childs() -> None:
    done = _child(os.getpid(), "json.tool", "--compact")
    assert (done.returncode, done.stdout) == (0, '{"a":1}\n')
    assert _child(os.getpid(), "json.tool", "--no-such-option").returncode == 2


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's death")
def test_a_child_whose_parent_has_ended_meanwhile_runs_nothing() -> None:
    done = _child(os.getppid(), "json.tool")  # as if that one had started it, and were gone
    assert (done.returncode, done.stdout) == (1, "")
