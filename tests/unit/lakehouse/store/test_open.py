"""Which store a URL means."""

from __future__ import annotations

from pathlib import Path

import pytest

from lakehouse.errors import ConfigError
from lakehouse.store.gcs import GcsStore
from lakehouse.store.local import LocalStore
from lakehouse.store.open import open_store, store_from_environment


def test_a_gs_url_is_a_bucket(gcs: str) -> None:
    for url in (f"gs://{gcs}", f"gs://{gcs}/"):
        store = open_store(url)
        assert isinstance(store, GcsStore)
        assert store.url == f"gs://{gcs}"


@pytest.mark.parametrize("folder", ["lake", "a b", "100%", "ü+#?"])
def test_a_file_url_is_a_folder_and_the_store_gives_the_url_back(tmp_path: Path, folder: str) -> None:
    created = LocalStore(tmp_path / folder)
    created.create("a", b"x")
    opened = open_store(created.url)
    assert isinstance(opened, LocalStore)
    assert opened.read("a") == b"x"
    assert opened.url == created.url == (tmp_path / folder).as_uri()


@pytest.mark.parametrize(
    "url",
    [
        "",
        "lake",
        "/lake",
        "s3://lake",
        "gs://",
        "gs:lake",
        "gs://lake/prefix",
        "file:lake",
        "file://host/lake",
        "gs://b?x",
    ],
)
def test_any_other_url_is_a_configuration_error_that_shows_it(url: str) -> None:
    with pytest.raises(ConfigError, match=r"LAKE_URL is '.*'"):
        open_store(url)


def test_a_question_mark_in_a_path_is_not_cut_off_silently() -> None:
    with pytest.raises(ConfigError, match="%3F"):
        open_store("file:///lake?version=2")


def test_the_environment_names_the_store(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LAKE_URL", tmp_path.as_uri())
    assert store_from_environment().url == tmp_path.as_uri()
    monkeypatch.delenv("LAKE_URL")
    with pytest.raises(ConfigError, match=r"LAKE_URL is not set"):
        store_from_environment()
