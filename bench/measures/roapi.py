"""Measure 10: ROAPI over the same merged files, over HTTP."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from bench.figure import Figure, Goal, compared
from bench.http import Answer, Client, answered
from bench.question import Window, thirty_days
from bench.rig import NotMeasuredError, Rig
from bench.rounds import interleaved
from bench.scale import Lake
from local_cloud.processes.supervise import ProcessFailed, free_port

_QUESTIONS_SHARE = 10  # it takes long: a tenth of the questions


def measure_roapi(rig: Rig) -> list[Figure]:
    lake = rig.scale.lake(rig.sizes.flights, rig.sizes.years)
    window = thirty_days(lake)
    client = rig.api(lake.url).client()
    with _roapi(rig, lake) as theirs:
        rows = json.loads(answered(_ask(theirs, window)).body)
        ours = json.loads(answered(client.get(window.path())).body)["data"]
        if {row["carrier"]: row["flights"] for row in rows} != {row["carrier"]: row["flights"] for row in ours}:
            raise ValueError(f"ROAPI counts other flights: {rows[:2]}")
        sides = {
            "ours": lambda: answered(client.get(window.path())).ms,
            "theirs": lambda: answered(_ask(theirs, window)).ms,
        }
        found = interleaved(sides, max(1, rig.sizes.questions // _QUESTIONS_SHARE), 1)
    note = "ROAPI is asked for counts, means and maxima: it has no exact percentile of this kind"
    goal = Goal(10, at_least=True)
    what = "30 days by carrier over HTTP, p50"
    return [compared("10", what, "ms", found["ours"], "ROAPI", found["theirs"], goal, note, times_better=True)]


def _ask(client: Client, window: Window) -> Answer:
    sql = (
        "SELECT carrier, count(*) AS flights, avg(departure_delay_minutes) AS departure_mean,"
        " max(departure_delay_minutes) AS departure_max, avg(arrival_delay_minutes) AS arrival_mean,"
        f" max(arrival_delay_minutes) AS arrival_max FROM flights WHERE flight_date BETWEEN DATE '{window.first}'"
        f" AND DATE '{window.last}' AND status <> 'void' AND carrier <> 'ZZ' GROUP BY carrier ORDER BY carrier"
    )
    return client.post("/api/sql", sql.encode(), {"Accept": "application/json"})


@contextmanager
def _roapi(rig: Rig, lake: Lake) -> Iterator[Client]:
    """ROAPI with the month files in one folder. Raises NotMeasuredError when it is not installed."""
    binary = Path(sys.executable).with_name("roapi")
    if not binary.exists():
        raise NotMeasuredError("roapi is not installed: make bench installs requirements.bench.lock")
    folder, port = rig.folder / "roapi", free_port()
    folder.mkdir()
    for month, file in zip(lake.months, lake.files, strict=True):
        shutil.copyfile(file, folder / f"{month}.parquet")
    config = rig.folder / "roapi.yml"
    config.write_text(
        f"addr:\n  http: 127.0.0.1:{port}\n  postgres: 127.0.0.1:{free_port()}\n"
        f"tables:\n  - name: flights\n    uri: {folder}/\n"
        "    option:\n      format: parquet\n      use_memory_table: false\n"
    )
    log = (rig.folder / "roapi.log").open("wb")
    process = subprocess.Popen([str(binary), "--config", str(config)], stdout=log, stderr=log, start_new_session=True)
    try:
        _pin(process.pid, rig.cores.serving)
        yield _ready(rig, f"http://127.0.0.1:{port}", process, rig.folder / "roapi.log")
    finally:
        process.kill()
        process.wait()
        log.close()


def _pin(pid: int, cores: frozenset[int]) -> None:
    os.sched_setaffinity(pid, cores)


def _ready(rig: Rig, url: str, process: subprocess.Popen[bytes], log: Path) -> Client:
    deadline = time.monotonic() + 60.0
    while time.monotonic() < deadline and process.poll() is None:
        client = Client(url)
        try:
            if client.get("/api/schema").status == 200:
                return rig.closing.enter_context(closing(client))
        except OSError:
            time.sleep(0.1)
        client.close()
    raise ProcessFailed(f"roapi does not answer:\n{log.read_text(errors='replace')[-2000:]}")
