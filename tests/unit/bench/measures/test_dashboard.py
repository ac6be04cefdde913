"""The dashboards that ask together: most look at past months, and each asks as a browser does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from bench.http import Client
from bench.measures.dashboard import Browser, Page, pages_of
from bench.scale import Lake
from tests._support.servers.http_server import Server, serving_with

LAKE = Lake(Path("lake"), tuple(f"{year}-{month:02}" for year in (2013, 2014) for month in range(1, 13)), 0)


class Tagged(BaseHTTPRequestHandler):
    """Answers with a tag, or 304 to who has it."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        tag = f'"{self.path}"'
        self.send_response(304 if self.headers.get("If-None-Match") == tag else 200)
        self.send_header("ETag", tag)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""


@pytest.fixture
def server() -> Iterator[Server]:
    with serving_with(Tagged) as server:
        yield server


def test_a_browser_asks_its_page_again_with_the_tags_that_it_has(server: Server) -> None:
    browser = Browser(Page(("/a", "/b")), first=1)
    with closing(Client(server.url)) as client:
        assert [browser(client).status for _ in range(4)] == [200, 200, 304, 304]


def test_most_of_64_dashboards_look_at_dates_whose_tail_does_not_move() -> None:
    dates = Counter(_first_date(page.paths[2]) for page in pages_of(LAKE))
    assert sum(dates.values()) == 64
    assert (dates[""], dates["2014-12-01"]) == (4, 12)
    assert min(dates.values()) >= 4  # each of the twelve months before


def test_a_page_asks_for_the_lake_its_view_and_totals_of_three_times() -> None:
    page = pages_of(LAKE)[4]
    assert page.paths[0] == "/v1/lake"
    assert [path.split("date_from=")[1][:10] for path in page.paths[1:]] == [
        *("2014-12-01", "2014-12-01", "2014-12-01"),
        *("2014-11-01", "2013-12-01"),
    ]


def _first_date(path: str) -> str:
    return path.partition("date_from=")[2][:10]
