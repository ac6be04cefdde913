"""What the routes need is made when the application starts, and gone when it has ended."""

from __future__ import annotations

import asyncio
import os
import tempfile
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from lakehouse.errors import ConfigError
from lakehouse.store.memory import MemoryStore
from lakehouse.table.planner import utc_now
from query_service.lifespan import opened, workspace
from query_service.middleware.send_timeout import SendBudget
from query_service.settings import Settings
from query_service.telemetry.metrics import Metrics
from tests._support.api.in_process import serving
from tests._support.lakes.two_months import JANUARY, two_months
from tests._support.processes.forks import in_a_fork
from tests._support.processes.full_disk import files_limited_to


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


def _use(folder: Path | None) -> None:
    with workspace(folder):
        pass


def test_a_folder_on_a_full_disk_stops_the_start_and_says_how_much_room_there_is(tmp_path: Path) -> None:
    with files_limited_to(0), pytest.raises(ConfigError, match=rf"API_CACHE_DIR is '{tmp_path}'.*MB are free"):
        _use(tmp_path)


def test_a_temporary_folder_on_a_full_disk_stops_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with files_limited_to(0), pytest.raises(ConfigError, match=r"API_CACHE_DIR is not set, and .*MB are free"):
        _use(None)
    assert list(tmp_path.iterdir()) == []


def test_no_temporary_folder_stops_the_start_and_says_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "/proc/no")
    with pytest.raises(ConfigError, match=r"API_CACHE_DIR is not set, .*TMPDIR"):
        _use(None)


def test_a_fork_that_closes_its_copy_leaves_all_to_its_parent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    store, metrics = MemoryStore(), Metrics(CollectorRegistry())
    settings = Settings(lake_url=store.url)

    async def forked() -> None:
        block = opened(store, settings, utc_now, metrics, SendBudget(1, metrics.sending))
        services = block.__enter__()
        assert in_a_fork(lambda: block.__exit__(None, None, None)) == 0
        folder = tmp_path / os.listdir(tmp_path)[0]
        assert {"files", "merged_tail"} <= set(os.listdir(folder))
        await services.disk.check()
        block.__exit__(None, None, None)
        assert os.listdir(tmp_path) == []

    asyncio.run(forked())
