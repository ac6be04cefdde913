"""Measure 14: from starting the API to its first right answer, against importing its libraries."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.error

from bench.figure import Figure, Goal, compared
from bench.http import Client
from bench.question import Window, thirty_days
from bench.rig import Rig
from bench.rounds import interleaved
from bench.scale import Lake
from local_cloud.processes.supervise import free_port

_LIBRARIES = "duckdb, pyarrow.parquet, fastapi, uvicorn, pydantic_settings, prometheus_client, google.cloud.storage"
_WITHIN_S = 60.0


def measure_start(rig: Rig) -> list[Figure]:
    lake = rig.scale.lake(rig.sizes.flights, 1)
    window = thirty_days(lake)
    client = rig.api(lake.url).client()
    right = client.get(window.path()).body
    sides = {"ours": lambda: _first_answer_s(rig, lake, window, right), "theirs": lambda: _import_s(rig)}
    found = interleaved(sides, rig.sizes.cold_starts, warm_up=1)
    rows = len(json.loads(right)["data"])
    what, note = "start to first right answer, a year of flights", f"{rows} rows, equal to those of a running API"
    return [compared("14", what, "s", found["ours"], "importing the libraries", found["theirs"], Goal(3), note)]


def _first_answer_s(rig: Rig, lake: Lake, window: Window, right: bytes) -> float:
    port = free_port()
    settings = {"LAKE_URL": lake.url, "PORT": str(port), "API_HOST": "127.0.0.1"}
    began = time.monotonic()
    name = rig.start("cold", ["query_service"], rig.cores.serving, settings)
    while _body(f"http://127.0.0.1:{port}", window.path()) != right:
        rig.processes.check()
        if time.monotonic() - began > _WITHIN_S:
            raise TimeoutError("the API does not answer as another one does")
        time.sleep(0.01)
    seconds = time.monotonic() - began
    rig.stop(name)
    return seconds


def _body(url: str, path: str) -> bytes:
    client = Client(url)
    try:
        return client.get(path).body
    except (urllib.error.URLError, OSError):
        return b""
    finally:
        client.close()


def _import_s(rig: Rig) -> float:
    began = time.monotonic()
    with rig.pinned(rig.cores.serving):
        subprocess.run([sys.executable, "-c", f"import {_LIBRARIES}"], check=True)
    return time.monotonic() - began
