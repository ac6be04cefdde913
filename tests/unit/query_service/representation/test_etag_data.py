"""Tags cover the data that answers show in addition to flights: names of carriers and airports."""

from __future__ import annotations

import importlib.metadata
import importlib.resources
from pathlib import Path

import pytest

from lakehouse.errors import ConfigError
from query_service.representation.etag import build_fingerprint


def test_other_names_of_carriers_or_airports_make_other_tags(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """They are in answers: a tag that outlived a change to them would stand for two answers."""
    (tmp_path / "a.py").write_text("")
    monkeypatch.setattr(importlib.resources, "files", lambda package: tmp_path)
    versions = [build_fingerprint()]
    for name in ("United Air Lines Inc.", "United Airlines"):
        (tmp_path / "carriers.json").write_text(f'{{"UA": "{name}"}}')
        versions.append(build_fingerprint())
    real = importlib.metadata.version
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "0" if name == "airportsdata" else real(name))
    versions.append(build_fingerprint())
    assert len(set(versions)) == 4
    (tmp_path / "a.py").unlink()
    with pytest.raises(ConfigError, match="without its sources"):  # data alone is not what answers
        build_fingerprint()


def test_the_names_of_carriers_are_found_where_they_are_read_from() -> None:
    assert (importlib.resources.files("lakehouse") / "carriers.json").is_file()
