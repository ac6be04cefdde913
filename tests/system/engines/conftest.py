"""One lake for all engines of a worker."""

from __future__ import annotations

import pytest

from tests.system.engines.lake import Lake, make_lake


@pytest.fixture(scope="session")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    return make_lake(tmp_path_factory.mktemp("engines"))
