"""Options of the whole suite."""

from __future__ import annotations

import gc
import signal
from collections.abc import Generator, Iterator

import pytest

from tests._support.not_run import warnings
from tests._support.sizes import SIZES
from tests.verification.campaign.parts import left_out


def pytest_addoption(parser: pytest.Parser) -> None:
    for size in SIZES.values():
        parser.addoption(size.option, type=int, default=size.gate, help=f"how many {size.what} (default %(default)s)")
    parser.addoption(
        "--measures",
        default="question",
        help="of the bench, run at a small size: names, or all (default %(default)s)",
    )
    parser.addoption(
        "--seed", type=int, default=20_130_101, help="of random questions and faults (default %(default)s)"
    )


def pytest_configure() -> None:
    """In the background a shell starts what ignores Ctrl-C, and so do its children, which tests interrupt."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def kept_files_of_the_tests(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What `connect` and `sql` keep goes with the tests, also from processes that they start."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FLIGHTS_CACHE_DIR", str(tmp_path_factory.mktemp("kept")))
        yield


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """The collector of garbage looks neither while tests are collected, nor ever at what that leaves: it all stays."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files are given to two workers one by one: a long one that comes last would leave the other worker idle."""
    early = {item.path for item in items if item.get_closest_marker("early")}
    items.sort(key=lambda item: item.path not in early)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> Generator[None]:
    """What did not run is said below everything else: it must not be missed among the dots."""
    yield
    if config.args_source is pytest.Config.ArgsSource.TESTPATHS and config.option.markexpr == "not long":
        terminalreporter.write_sep("-", "left out here")
        for line in left_out():
            terminalreporter.write_line(line)
    skipped = terminalreporter.stats.get("skipped", [])
    for line in warnings(str(report.longrepr) for report in skipped):
        terminalreporter.write_sep("!", red=True)
        terminalreporter.write_line(line, red=True)
