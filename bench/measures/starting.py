"""Measure 14: from starting the API to its first right answer, against importing its libraries."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.error
from collections.abc import Mapping

from bench.figure import Figure, Goal, compared
from bench.http import Client
from bench.question import thirty_days
from bench.rig import Rig
from bench.rounds import interleaved
from local_cloud.processes.supervise import free_port

_LIBRARIES = "duckdb, pyarrow.parquet, fastapi, uvicorn, pydantic_settings, prometheus_client, google.cloud.storage"
_WITHIN_S = 60.0


def measure_start(rig: Rig) -> list[Figure]:
    lake = rig.scale.lake(rig.sizes.flights, 1)
    window = thirty_days(lake)
    client = rig.api(lake.url).client()
    right = client.get(window.path()).body
    sides = {
        "ours": lambda: first_answer_s(rig, {"LAKE_URL": lake.url}, window.path(), right),
        "theirs": lambda: import_s(rig),
    }
    found = interleaved(sides, rig.sizes.cold_starts, warm_up=1)
    rows = len(json.loads(right)["data"])
    what, note = "start to first right answer, a year of flights", f"{rows} rows, equal to those of a running API"
    return [compared("14", what, "s", found["ours"], "importing the libraries", found["theirs"], Goal(3), note)]


def first_answer_s(rig: Rig, settings: Mapping[str, str], path: str, right: bytes) -> float:
    """From the start of a process until it answers as another one does. Raises TimeoutError."""
    port = free_port()
    own = {"PORT": str(port), "API_HOST": "127.0.0.1"}
    began = time.monotonic()
    name = rig.start("cold", ["query_service"], rig.cores.serving, {**own, **settings})
    while _body(f"http://127.0.0.1:{port}", path) != right:
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


def import_s(rig: Rig) -> float:
    """Of the libraries that the API imports, in a process of its own."""
    began = time.monotonic()
    with rig.pinned(rig.cores.serving):
        subprocess.run([sys.executable, "-c", f"import {_LIBRARIES}"], check=True)
    return time.monotonic() - began
