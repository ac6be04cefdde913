"""`make demo` in small: everything starts, the numbers are printed, and a wrong answer would be seen."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from local_cloud.demo import demo
from local_cloud.demo.recompute import by_carrier, differences
from local_cloud.flights.nycflights13 import read_flights
from probe.errors import ProbeFailedError

pytestmark = pytest.mark.early

LIMIT = 2_000


@pytest.mark.timeout(240)
def test_the_demo_prints_its_numbers_and_ends_with_0_where_there_is_no_terminal() -> None:
    # A rate that takes a few seconds, so that there are canaries; compactions often, so that the tail is soon empty.
    options = [f"--limit={LIMIT}", "--rate=1500", "--compact-every=1"]
    done = subprocess.run(
        [sys.executable, "-m", "local_cloud", "demo", *options],
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
