"""Manifests: their bytes are pinned, since a list says how long the manifest is that another process wrote."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from lakehouse.table.derived.iceberg_manifest import manifest, manifest_list, root_of
from tests._support.engines.avro import read_avro
from tests._support.lakes.histories import history

GOLDEN = Path(__file__).parent / "golden"
ROOT = "gs://bucket"


def test_the_bytes_of_a_manifest_and_of_its_list_never_change() -> None:
    *_, last = history(["2013-01", "2013-02", "2013-01"])
    data = manifest(ROOT, last)
    assert data == (GOLDEN / "3-m0.avro").read_bytes()
    assert manifest_list(ROOT, last, len(data)) == (GOLDEN / "snap-3.avro").read_bytes()


def test_a_manifest_names_every_file_with_its_dates_and_the_snapshot_that_added_it() -> None:
    *_, last = history(["2013-01", "2013-02", "2013-01"])
    properties, entries = read_avro(manifest(ROOT, last))
    assert properties["format-version"] == "2"
    january, february = entries
    assert january["data_file"]["file_path"] == f"{ROOT}/{last.months['2013-01'][0].name}"
    assert [entry["status"] for entry in entries] == [1, 0]
    assert [entry["sequence_number"] for entry in entries] == [3, 2]
    days = (dt.date(2013, 2, 1) - dt.date(1970, 1, 1)).days
    assert february["data_file"]["lower_bounds"] == [{"key": 1, "value": days.to_bytes(4, "little")}]


def test_a_list_counts_what_its_manifest_adds_and_keeps() -> None:
    *_, last = history(["2013-01", "2013-02", "2013-01"])
    _, [entry] = read_avro(manifest_list(ROOT, last, 1234))
    assert (entry["added_files_count"], entry["existing_files_count"]) == (1, 1)
    assert (entry["added_rows_count"], entry["existing_rows_count"]) == (110, 200)
    assert entry["manifest_length"] == 1234
    assert entry["manifest_path"] == f"{ROOT}/iceberg/metadata/3-m0.avro"


def test_paths_are_not_encoded() -> None:
    assert root_of("file:///a%20b") == "file:///a b"
    assert root_of("gs://bucket") == "gs://bucket"
