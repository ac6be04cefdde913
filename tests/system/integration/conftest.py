"""What the command line says for tests of the whole system: how many flights, and the seed."""

from __future__ import annotations

import polars as pl
import pytest

from tests.system.integration import oracle


@pytest.fixture(scope="session")
def flights(request: pytest.FixtureRequest) -> pl.DataFrame:
    return oracle.read_csv(request.config.getoption("--flights"))


@pytest.fixture
def count(pytestconfig: pytest.Config) -> int:
    """How many random questions."""
    return int(pytestconfig.getoption("--asked"))


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> int:
    value: int = request.config.getoption("--seed")
    print(f"seed {value}")
    return value
