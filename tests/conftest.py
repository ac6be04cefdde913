"""Options of the whole suite."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest

from tests.system.dashboard import NO_CHROMIUM

_TESTS = Path(__file__).parent


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--flights",
        type=int,
        default=10_000,
        help="how many real flights the integration tests replay (all: 336776; default %(default)s)",
    )
    parser.addoption("--kills", type=int, default=10, help="and freezes of processes (default %(default)s)")
    parser.addoption(
        "--measures",
        default="writer,question,repeated,tail",
        help="of the bench, run at a small size: names, or all (default %(default)s)",
    )
    parser.addoption(
        "--seed", type=int, default=20_130_101, help="of random questions and faults (default %(default)s)"
    )


_SLOWEST_FIRST = ("integration", "mutation", "dashboard", "fuzz", "fault_injection", "bench", "analysts")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files are given to two workers one by one: a long one that comes last would leave the other worker idle."""
    items.sort(key=lambda item: item.path.relative_to(_TESTS).parts[1] not in _SLOWEST_FIRST)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> Generator[None]:
    """Tests that need a browser and found none must not be missed among the dots: said below everything else."""
    yield
    skipped = [report for report in terminalreporter.stats.get("skipped", []) if NO_CHROMIUM in str(report.longrepr)]
    if skipped:
        terminalreporter.write_sep("!", red=True)
        terminalreporter.write_line(
            f"WARNING: {len(skipped)} tests of the dashboard did NOT run: {NO_CHROMIUM}", red=True
        )
