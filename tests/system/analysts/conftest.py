"""A lake of real flights in the local Cloud Storage and in a folder, as analysts find it: merged files and a tail."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from local_cloud.emulators.gcs import GcsServer
from local_cloud.flights.events import events_of
from local_cloud.flights.nycflights13 import read_flights
from tests._support.lakes.rows import land, row
from tests.system.analysts.lakes import BUCKET, EVERY, MONTHS, Lakes


@pytest.fixture(scope="module")
def lakes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lakes]:
    """Also sets STORAGE_EMULATOR_HOST, LAKE_URL and a PATH with this Python and a `gcloud` that gives a token."""
    home = tmp_path_factory.mktemp("analysts")
    flights = [flight for flight in read_flights(every=EVERY) if flight.flight_date[:7] in MONTHS]
    events = home / "events.ndjson"
    events.write_bytes(b"\n".join(events_of(flights)) + b"\n")
    (home / "gcloud").write_text('#!/bin/sh\n[ "$*" = "auth print-access-token" ] && echo local\n')
    (home / "gcloud").chmod(0o755)
    (home / "lake").mkdir()
    with GcsServer(buckets=("flights-lake",)) as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv("STORAGE_EMULATOR_HOST", server.url)
        patch.setenv("PATH", os.pathsep.join((str(home), str(Path(sys.executable).parent), os.environ["PATH"])))
        patch.setenv("COMPACTOR_SCRATCH_DIR", str(home / "scratch"))
        for url in ((home / "lake").as_uri(), BUCKET):
            patch.setenv("LAKE_URL", url)
            subprocess.run([sys.executable, "-m", "ingest_writer", "load", str(events)], check=True, timeout=100)
        lakes = Lakes(server, home / "lake", dict(Counter(flight.carrier for flight in flights)))
        land(lakes.bucket(), [row(carrier="T1")])
        yield lakes
