"""Processes that are started end with whoever started them, however that ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.local_cloud.conftest import PATIENCE_S, eventually

PARENT = """
import sys
from pathlib import Path
from local_cloud.processes.supervise import Processes
with Processes(Path(sys.argv[1])) as processes:
    processes.start("child", ["http.server", "0", "--bind", "127.0.0.1"], {})
    child = processes.process("child")
    print(child.pid, flush=True)
    sys.stdin.read()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's death")
@pytest.mark.parametrize("state", ["running", "frozen"])
@pytest.mark.parametrize("how", ["returns", "is killed"])
def test_a_child_ends_when_its_parent(how: str, state: str, tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdin is not None
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        # It has asked for its death by the time that it serves.
        eventually(lambda: "Serving" in (tmp_path / "child.log").read_text(), "it serves")
        if state == "frozen":
            os.kill(pid, signal.SIGSTOP)
        if how == "is killed":
            parent.kill()
        parent.stdin.close()
        parent.wait(PATIENCE_S)
        eventually(lambda: not Path(f"/proc/{pid}").exists(), "the child is gone")
