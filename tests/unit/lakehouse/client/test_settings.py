"""FLIGHTS_CACHE_DIR and FLIGHTS_CACHE_MAX_GB."""

from __future__ import annotations

from pathlib import Path

import pytest

from lakehouse.client.settings import settings_of
from lakehouse.errors import ConfigError


def test_the_default_is_the_user_s_folder_for_caches(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert settings_of({}).folder in {
        tmp_path / ".cache" / "flights-lakehouse",
        tmp_path / "Library" / "Caches" / "flights-lakehouse",
    }
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    assert settings_of({}).folder == tmp_path / "caches" / "flights-lakehouse"


def test_a_folder_and_a_number_of_gigabytes_are_taken(tmp_path: Path) -> None:
    found = settings_of({"FLIGHTS_CACHE_DIR": str(tmp_path), "FLIGHTS_CACHE_MAX_GB": "0.5"})
    assert (found.folder, found.cache_max_bytes) == (tmp_path, 500_000_000)


@pytest.mark.parametrize("text", ["0", "-1", "much", "nan", "inf"])
def test_what_is_no_number_of_gigabytes_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=f"FLIGHTS_CACHE_MAX_GB is '{text}'"):
        settings_of({"FLIGHTS_CACHE_MAX_GB": text})


def test_a_variable_that_nothing_reads_is_refused() -> None:
    with pytest.raises(ConfigError, match="FLIGHTS_CACHE_MAX_MB: nothing reads this"):
        settings_of({"FLIGHTS_CACHE_MAX_MB": "1"})
