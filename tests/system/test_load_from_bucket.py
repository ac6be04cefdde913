"""Files of one bucket are loaded into another, over the real protocol of Cloud Storage."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from ingest_writer.__main__ import main
from lakehouse.store.open import open_store
from local_cloud.emulators.gcs import GcsServer
from tests._support.events.builders import event
from tests._support.files.written import csv_text
from tests._support.lakes.compactors import table_rows


def test_objects_that_match_a_pattern_are_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with GcsServer(buckets=("files", "lake")) as server:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", server.url)
        monkeypatch.setenv("LAKE_URL", "gs://lake")
        monkeypatch.setenv("COMPACTOR_SCRATCH_DIR", str(tmp_path))
        files = open_store("gs://files")
        for number, name in enumerate(("in/a.csv.gz", "in/b.csv.gz", "in/sub/c.csv.gz"), 1):
            files.create(name, gzip.compress(csv_text(event(flight_number=number)).encode()))
        assert main(["load", "gs://files/in/*.csv.gz"]) == 0
        assert "gs://files/in/b.csv.gz" in capsys.readouterr().out
        assert [row["flight_number"] for row in table_rows(open_store("gs://lake"))] == [1, 2]
        assert main(["load", "gs://files/none/*"]) == 2
        assert "gs://files/none/*: there is no such object" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
