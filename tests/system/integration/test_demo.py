"""`make demo` in small: everything starts, the numbers are printed, and a wrong answer would be seen."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from local_cloud.demo import demo
from local_cloud.demo.recompute import by_carrier, differences
from local_cloud.flights.nycflights13 import read_flights
from probe.errors import ProbeFailedError
from tests._support.processes.terminal import terminal
from tests._support.waiting import eventually
from tools.pages import ROOT

pytestmark = pytest.mark.early

LIMIT = 2_000
OTHER_PORTS = "--writer-port=0 --pubsub-port=0 --gcs-port=0"
SOON = {"WRITER_BATCH_MAX_AGE_S": "1"}
"""So that what is published last, and each canary, is visible in a second or two."""
LOAD = 3
"""How much longer than on a quiet machine something may take here."""


@pytest.mark.long
@pytest.mark.timeout(240)
def test_the_demo_prints_its_numbers_and_ends_with_0_where_there_is_no_terminal() -> None:
    # A rate that takes two seconds, so that there are canaries; compactions often, so that the tail is soon empty.
    options = [f"--limit={LIMIT}", "--rate=3000", "--compact-every=1"]
    done = subprocess.run(
        [sys.executable, "-m", "local_cloud", "demo", *options],
        env={**os.environ, **SOON},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for expected in (
        r"events published +│ 5,9\d\d in \d+ s",
        r"landed files +│ \d+ \(",
        r"month files +│ 2 \(",  # January 2013, and the month of the canaries
        r"snapshot +│ \d+",
        r"freshness +│ publish to visible: median \d+\.\d s, worst \d+\.\d s",
        "Statistics by carrier",
        "The ten worst routes",
        r"all \d+ values by carrier are equal, to the last digit",
        r"http://127\.0\.0\.1:\d+",
    ):
        assert re.search(expected, done.stdout), f"{expected!r} is not in\n{done.stdout}"
    assert len(re.findall(r"^\$ curl 'http://", done.stdout, re.MULTILINE)) == 3
    assert '"flight_id":"2013-01-01-UA-1545-EWR"' in done.stdout


def test_the_demo_shows_the_end_of_the_log_when_a_service_does_not_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WRITER_TYPO", "1")  # stops the writer's start
    done = subprocess.run(
        [sys.executable, "-m", "local_cloud", "demo", "--limit=10"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 1
    assert "WRITER_TYPO: nothing reads this" in done.stderr
    assert "Traceback" not in done.stderr


def test_demo_ends_with_one_line_when_a_canary_was_not_visible(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object) -> int:
        raise ProbeFailedError("not visible: 504 from http://api")

    monkeypatch.setattr(demo, "_demo", fail)
    assert demo.main([]) == 1
    assert capsys.readouterr().err == "demo: not visible: 504 from http://api\n"


def test_the_check_of_the_demo_sees_a_difference_in_the_last_digit() -> None:
    expected = by_carrier(read_flights(LIMIT))
    assert differences(expected, expected) == []
    nearly = [dict(row) for row in expected]
    nearly[0]["arrival_delay_mean"] *= 1 + 2**-52
    [difference] = differences(expected, nearly)
    assert difference.startswith("9E arrival_delay_mean: ")
    assert differences(expected, expected[1:]) == [f"{len(expected) - 1} rows instead of {len(expected)}"]


def test_what_it_prints_can_be_copied_and_ctrl_c_leaves_nothing(tmp_path: Path) -> None:
    environment = own_environment(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        command = [
            "make",
            "demo",
            f"ARGS=--limit={LIMIT} --rate=3000 --compact-every=1 --api-port={port} {OTHER_PORTS}",
        ]
        with terminal(command, environment, ROOT) as shown:
            shown.until("Serving until Ctrl-C")
            assert shown.first_after_s is not None
            assert shown.first_after_s < 2 * LOAD
            assert f"Port {port} is taken: API and dashboard at port " in shown.text
            assert f":{port}" not in shown.text.replace(f"Port {port} is taken", "")
            dashboard, *lines = shown.text.rpartition("Dashboard:")[2].splitlines()
            assert re.fullmatch(r" +http://127\.0\.0\.1:\d+/", dashboard)
            commands = [line for line in lines if line.startswith("  ")]
            assert sum(line.startswith("  export ") for line in commands) == 6
            asked = subprocess.run(
                ["bash", "-ec", "\n".join(commands)], env=environment, capture_output=True, text=True, check=False
            )
            assert asked.returncode == 0, asked.stderr
            assert re.search(r"UA +│ +\d{3}|UA.*\d{3}", asked.stdout)
            assert '{"data":[{"carrier":"UA","flights":' in asked.stdout
            assert "│ carrier │" in asked.stdout  # by DuckDB
            assert listening_elsewhere(shown.text) == []
            shown.press_ctrl_c()
            code, seconds = shown.ended()
    # make ends itself by the signal, which a shell shows as 130.
    assert (code, seconds < 3 * LOAD) == (-signal.SIGINT, True)
    assert "Traceback" not in shown.text
    left = [path.name for path in tmp_path.iterdir() if path.name != "cache"]
    assert left == []
    assert processes_with(str(tmp_path)) == []
    assert [line for line in tables_of(shown.text) if len(line) > 80] == []


@pytest.mark.parametrize(
    "moment",
    [
        "The whole system",  # and, once all of it runs, in the test before
        *(pytest.param(text, marks=pytest.mark.long) for text in ("starting Pub/Sub", "starting writer")),
        *(pytest.param(text, marks=pytest.mark.long) for text in ("reading the flights", "publishing")),
    ],
)
def test_ctrl_c_ends_it_at_any_moment(moment: str, tmp_path: Path) -> None:
    environment = own_environment(tmp_path)
    command = [sys.executable, "-m", "local_cloud", "demo", "--api-port=0", *OTHER_PORTS.split()]
    with terminal(command, environment, ROOT) as shown:
        shown.until(moment)
        shown.press_ctrl_c()
        code, seconds = shown.ended()
    assert (code, seconds < 3 * LOAD) == (130, True), shown.text
    assert "Traceback" not in shown.text
    assert shown.text.endswith("demo: stopped, nothing is left of it\n")
    assert list(tmp_path.iterdir()) == []
    # One that was just being started finds its parent gone, and ends by itself.
    eventually(lambda: not processes_with(str(tmp_path)), "its processes have ended", 3.0 * LOAD)


def test_ctrl_c_while_python_starts_shows_no_traceback(tmp_path: Path) -> None:
    slow = tmp_path / "python"
    slow.write_text('#!/bin/sh\ntrap "echo Traceback" INT\necho begun\nwhile :; do sleep 0.01; done\n')
    slow.chmod(0o755)
    with terminal(["bash", "tools/demo.sh", str(slow)], dict(os.environ), ROOT) as shown:
        shown.until("begun")
        shown.press_ctrl_c()
        code, _ = shown.ended()
    assert code == 130
    assert "Traceback" not in shown.text


def own_environment(folder: Path) -> dict[str, str]:
    """Temporary files go to `folder`, where nothing else does; MAKE* of a make around the tests is not for this one."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS", "FLIGHTS_"))}
    return {**ours, **SOON, "TMPDIR": str(folder), "FLIGHTS_CACHE_DIR": str(folder / "cache")}


def processes_with(word: str) -> list[str]:
    """Command lines of processes whose environment has `word`, zombies left out."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if word.encode() in (entry / "environ").read_bytes():
                found.append((entry / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            continue
    return found


_LOOPBACK = ("0100007F", "0000000000000000FFFF00000100007F")
"""127.0.0.1, and as an IPv6 socket shows it."""


def listening_elsewhere(text: str) -> list[str]:
    """Sockets of the demo's ports that listen on more than 127.0.0.1 (proc(5), net/tcp)."""
    ports = {int(port) for port in re.findall(r"127\.0\.0\.1:(\d+)", text)}
    rows = [line.split() for name in ("tcp", "tcp6") for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]]
    listening = [row[1] for row in rows if row[3] == "0A" and int(row[1].rpartition(":")[2], 16) in ports]
    assert len(listening) >= 3
    return [address for address in listening if address.partition(":")[0] not in _LOOPBACK]


def tables_of(text: str) -> list[str]:
    return [line for line in text.splitlines() if re.match(r"[┌│└]|│| [A-Z0-9]{2} |\s*─", line)]
