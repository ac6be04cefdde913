"""One lake for all engines, and the questions about it."""

from __future__ import annotations

import pytest

from tests._support.processes.shared_folder import shared_folder
from tests.system.engines.asked import Asked, ask_api
from tests.system.engines.lake import Lake, make_lake, open_lake


@pytest.fixture(scope="session")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    return open_lake(shared_folder(tmp_path_factory, "engines", make_lake))


@pytest.fixture(scope="session")
def asked(lake: Lake, request: pytest.FixtureRequest) -> list[Asked]:
    count, seed = (request.config.getoption(option) for option in ("--asked-engines", "--seed"))
    return ask_api(lake, count, seed)
