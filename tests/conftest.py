"""Options of the whole suite."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--flights",
        type=int,
        default=10_000,
        help="how many real flights the integration tests replay (all: 336776; default %(default)s)",
    )
    parser.addoption("--kills", type=int, default=10, help="and freezes of processes (default %(default)s)")
    parser.addoption(
        "--seed", type=int, default=20_130_101, help="of random questions and faults (default %(default)s)"
    )
