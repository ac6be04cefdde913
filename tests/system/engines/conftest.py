"""One lake for all engines, and the questions about it."""

from __future__ import annotations

from functools import partial

import pytest

from tests._support.processes.shared_folder import shared_folder
from tests._support.sizes import SIZES
from tests.system.engines.asked import Asked, ask_api
from tests.system.engines.lake import Lake, make_lake, open_lake


@pytest.fixture(scope="session")
def lake(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Lake:
    """In `make test`, which asks fewer questions, of half as many flights."""
    size = SIZES["--asked-engines"]
    is_long = request.config.getoption(size.option) > size.gate
    return open_lake(shared_folder(tmp_path_factory, "engines", partial(make_lake, every=40 if is_long else 80)))


@pytest.fixture(scope="session")
def asked(lake: Lake, request: pytest.FixtureRequest) -> list[Asked]:
    count, seed = (request.config.getoption(option) for option in ("--asked-engines", "--seed"))
    return ask_api(lake, count, seed)
