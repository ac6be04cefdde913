"""What the routes need is made when the application starts, and gone when it has ended."""

from __future__ import annotations

from pathlib import Path

import pytest

from lakehouse.errors import ConfigError
from lakehouse.store.memory import MemoryStore
from query_service.lifespan import workspace
from tests._support.api import serving
from tests._support.two_months import JANUARY, two_months


def test_a_cache_folder_belongs_to_one_process(tmp_path: Path) -> None:
    with workspace(tmp_path), pytest.raises(ConfigError, match="another process"), workspace(tmp_path):
        pass
    with workspace(tmp_path) as folder:
        assert folder == tmp_path


def test_a_temporary_folder_is_gone_with_the_block() -> None:
    with workspace(None) as folder:
        (folder / "files").mkdir()
    assert not folder.exists()


def test_a_folder_that_was_given_is_made_and_stays(tmp_path: Path) -> None:
    with workspace(tmp_path / "new" / "cache") as folder:
        (folder / "kept").write_text("x")
    assert (tmp_path / "new" / "cache" / "kept").exists()


def test_a_folder_that_cannot_be_made_is_a_wrong_setting(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(ConfigError, match=r"API_CACHE_DIR is .*; it cannot be used"),
        workspace(tmp_path / "file" / "x"),
    ):
        pass


def test_the_services_of_an_application_work_and_leave_nothing_behind(tmp_path: Path) -> None:
    with serving(two_months().store, cache_dir=tmp_path) as api:
        assert api.rows(JANUARY)[0]["flights"] == 2
        assert list((tmp_path / "files").iterdir())
    assert not [path for path in tmp_path.rglob("*") if path.suffix == ".parquet"]
    with workspace(tmp_path):  # the lock is free again
        pass


def test_two_applications_cannot_share_a_folder(tmp_path: Path) -> None:
    with serving(MemoryStore(), cache_dir=tmp_path):  # noqa: SIM117 - the inner one must not start
        with pytest.raises(ConfigError, match="another process uses it"), serving(MemoryStore(), cache_dir=tmp_path):
            pass
