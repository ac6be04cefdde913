"""Processes and folder are gone after the block, and after a signal in the middle of anything."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from local_cloud.demo.stopping import stopped_at_once
from tests._support.waiting import eventually
from tools.pages import ROOT

BUSY = """
import sys, threading, time
from local_cloud.demo.stopping import stopped_at_once
try:
    with stopped_at_once() as processes:
        processes.start("deaf", ["deaf"], {"PYTHONPATH": sys.argv[1]})
        while "ready" not in processes.log("deaf").read_text():
            time.sleep(0.01)
        process = processes.process("deaf")

        def complain():
            process.wait()
            while True:
                print("a process is gone", file=sys.stderr, flush=True)

        threading.Thread(target=complain, daemon=True).start()
        print(process.pid, flush=True)
        while True:
            try:
                time.sleep(600)
            except BaseException:
                print("swallowed", flush=True)
finally:
    print("goes on", flush=True)
"""
DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); time.sleep(600)"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_whatever_it_does_and_what_it_started(number: signal.Signals, tmp_path: Path) -> None:
    (tmp_path / "deaf.py").write_text(DEAF)
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    with subprocess.Popen(
        [sys.executable, "-c", BUSY, str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(temporary)},
    ) as busy:
        assert busy.stdout is not None
        deaf = int(busy.stdout.readline())
        began = time.monotonic()
        busy.send_signal(number)
        said, complaint = busy.communicate(timeout=60)
    assert (busy.returncode, said) == (128 + number, "")
    assert complaint == "demo: stopped, nothing is left of it\n"
    assert time.monotonic() - began < 10
    assert list(temporary.iterdir()) == []
    eventually(lambda: not _is_running(deaf), "the process that hears no SIGTERM is gone")


def _is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_the_folder_is_gone_after_the_block_and_signals_are_as_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    before = signal.getsignal(signal.SIGINT)
    with stopped_at_once() as processes:
        assert [processes.log("any").parent] == list(tmp_path.iterdir())
    assert list(tmp_path.iterdir()) == []
    assert signal.getsignal(signal.SIGINT) is before
