"""Processes of this machine: started with their settings, watched, and ended with their parent."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from local_cloud.processes.supervise import Processes, ProcessFailed, free_port, local_cloud_exports
from tests._support.waiting import PATIENCE_S, eventually

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


def test_one_that_has_ended_is_told_with_the_end_of_its_log(tmp_path: Path) -> None:
    with Processes(tmp_path) as processes:
        processes.start("wrong", ["no_such_module"], {})
        processes.process("wrong").wait(PATIENCE_S)
        with pytest.raises(ProcessFailed, match=r"(?s)wrong exited with 1:.*no_such_module"):
            processes.check()


def test_one_that_does_not_answer_in_time_is_told_with_its_url(tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{free_port()}/ready"
    with Processes(tmp_path) as processes:
        processes.start("server", ["http.server", "0", "--bind", "127.0.0.1"], {})
        with pytest.raises(ProcessFailed, match=f"server: {url}: "):
            processes.wait_until_answers("server", url, within_s=0.0)


def test_a_process_gets_its_settings_and_is_ended_by_the_signal(tmp_path: Path) -> None:
    (tmp_path / "says.py").write_text("import os, time; print(os.environ['WORD'], flush=True); time.sleep(600)")
    with Processes(tmp_path) as processes:
        processes.start("child", ["says"], {"PYTHONPATH": f"{tmp_path}:{Path.cwd()}", "WORD": "hello"})
        eventually(lambda: "hello" in processes.log("child").read_text(), "it has started")
        assert processes.stop("child") == -signal.SIGTERM


def test_a_wanted_port_is_given_unless_it_is_taken() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert free_port(port) != port
    assert free_port(port) == port


def test_the_settings_of_the_local_cloud_are_read_once_it_has_printed_them(tmp_path: Path) -> None:
    with Processes(tmp_path) as processes:
        processes.log("cloud").write_text("export A=1\nexport B=x=y\nready\nexport GOOGLE_CLOUD_PROJECT=local\n")
        assert local_cloud_exports(processes) == {"A": "1", "B": "x=y", "GOOGLE_CLOUD_PROJECT": "local"}
        processes.log("cloud").write_text("export A=1\n")
        with pytest.raises(ProcessFailed, match="did not start"):
            local_cloud_exports(processes, within_s=0.0)
