"""What is fetched is what vendor.json names."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import pytest

from tools.vendor import FOLDER, RECORD, integrity, member


def test_the_integrity_value_is_as_npm_writes_it() -> None:
    assert integrity(b"", "sha384") == "sha384-OLBgp1GsljhM2TJ+sbHjaiH9txEUvgdDTAzHv2P24donTt6/529l+9Ua0vFImLlb"


def test_a_file_is_taken_out_of_the_package(tmp_path: Path) -> None:
    package = tmp_path / "package.tgz"
    with tarfile.open(package, "w:gz") as archive:
        entry = tarfile.TarInfo("package/dist/a.js")
        entry.size = 4
        archive.addfile(entry, io.BytesIO(b"code"))
    assert member(package, "dist/a.js") == b"code"
    with pytest.raises(KeyError):
        member(package, "dist/b.js")


def test_the_files_that_are_here_are_those_of_the_record() -> None:
    for file in json.loads(RECORD.read_text())["files"]:
        assert integrity((FOLDER / file["name"]).read_bytes(), "sha384") == file["sha384"]
