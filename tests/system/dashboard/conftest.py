"""A browser, a lake with something of everything, and a service over it.

One of each for the files of this folder, not for the session: while a browser is open its event loop counts as
running, and other files of the same worker could not start theirs. With several workers each has one.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests._support.not_run import NO_CHROMIUM
from tests.system.dashboard.lake import build_lake, build_years
from tools.browser import chromium, find_chromium
from tools.served_api import served


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    path = find_chromium()
    if path is None:
        pytest.skip(NO_CHROMIUM)
    with chromium(path) as browser:
        yield browser


@pytest.fixture(scope="package")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four months of flights, most of them merged, some in the tail. Nobody adds to it."""
    folder = tmp_path_factory.mktemp("lake")
    build_lake(folder)
    return folder


@pytest.fixture(scope="package")
def url(lake: Path, tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[str]:
    """A service over `lake`; not started where there is no browser."""
    with served(lake, tmp_path_factory.mktemp("logs")) as url:
        yield url


@pytest.fixture(scope="package")
def years(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[str]:
    """A service over ten years with two flights a month."""
    folder = tmp_path_factory.mktemp("years")
    build_years(folder)
    with served(folder, tmp_path_factory.mktemp("logs")) as url:
        yield url
