"""A folder of caches for connections."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from lakehouse.client.connection import connect_store
from lakehouse.store.memory import MemoryStore
from lakehouse.table.planner import utc_now


@pytest.fixture(scope="session")
def warm_cache_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a first connection leaves to all later ones: the databases of names and comments."""
    folder = tmp_path_factory.mktemp("warm") / "caches"
    connect_store(MemoryStore(), utc_now, folder, 1 << 20).close()
    return folder


@pytest.fixture
def cache_dir(tmp_path: Path, warm_cache_dir: Path) -> Path:
    """One for this test alone, where an earlier process had a connection."""
    folder = tmp_path / "caches"
    shutil.copytree(warm_cache_dir, folder)
    return folder
