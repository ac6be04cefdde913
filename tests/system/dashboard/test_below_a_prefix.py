"""The pages and the API behind a reverse proxy that serves them below /flights/."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import httpx
import pytest
from playwright.sync_api import Browser, expect

from tests._support.long_cases import long_after
from tests._support.servers.http_server import reset, serving_with
from tests._support.servers.reverse_proxy import PREFIX, mounted
from tests._support.waiting import PATIENCE_S
from tests.system.dashboard.reading import as_on_page, expected, tiles
from tools.browser import Watched, opened
from tools.served_api import served

TILES = [
    *("flights", "on_time_arrival_rate", "arrival_delay_mean", "arrival_delay_p90", "cancellation_rate", "diverted"),
]


TOLD = [pytest.param((PREFIX, True), id="prefix taken off"), pytest.param((PREFIX, False), id="prefix left on")]
ALL = [*TOLD, pytest.param(("", True), id="prefix taken off, and not told")]


def get(url: str) -> httpx.Response:
    return httpx.get(url, timeout=60.0)


@pytest.fixture(scope="module", params=long_after(1, ALL))
def below(
    request: pytest.FixtureRequest, lake: Path, tmp_path_factory: pytest.TempPathFactory, browser: Browser
) -> Iterator[str]:
    """The URL of the proxy, without the prefix."""
    root_path, takes_prefix_off = request.param
    logs, patient = tmp_path_factory.mktemp("logs"), {"API_QUERY_TIMEOUT_S": "60"}  # the machine is shared
    with served(lake, logs, API_ROOT_PATH=root_path, **patient) as service, mounted(service, takes_prefix_off) as url:
        yield url


def quiet(watched: Watched) -> None:
    assert watched.errors == []
    assert watched.foreign == []
    assert [url for url in watched.requests if not urlsplit(url).path.startswith(f"{PREFIX}/")] == []


def test_the_dashboard_shows_its_numbers_and_its_links_stay_below(browser: Browser, below: str) -> None:
    (row,) = get(f"{below}{PREFIX}/v1/stats?carrier=UA").json()["data"]
    with opened(browser, below, f"{PREFIX}/?view=carriers&carrier=UA") as watched:
        page = watched.page
        assert as_on_page(tiles(page)) == as_on_page(expected(row, TILES))
        curl = page.locator("#ask pre.curl").first.text_content() or ""
        assert f"{below}{PREFIX}/v1/stats?carrier=UA" in curl
        assert get(curl.split("'")[1]).status_code == 200
        page.locator("#views a", has_text="Airports").click()
        expect(page.locator("#content h2")).to_have_text("Airports")
        assert urlsplit(page.url).path == f"{PREFIX}/"
        page.reload()
        expect(page.locator("#content h2")).to_have_text("Airports")
        page.go_back()
        expect(page.locator("#content tbody tr").first).to_contain_text("UA")
        page.locator("header a", has_text="API").click()
        expect(page.locator("#reference section").first).to_be_visible()
        page.locator("header h1 a").click()
        expect(page.locator("#totals .tile data").first).to_be_visible()
        quiet(watched)


@pytest.mark.long
def test_a_csv_for_a_spreadsheet_is_downloaded(browser: Browser, below: str) -> None:
    with opened(browser, below, f"{PREFIX}/?view=carriers&carrier=UA") as watched:
        with watched.page.expect_download() as downloading:
            watched.page.locator("#ask a[download]").first.click()
        download = downloading.value
        assert download.suggested_filename == "stats.csv"
        assert "escape_formulas=true" in download.url
        assert Path(download.path()).read_text().splitlines()[1].startswith('"UA",')
        quiet(watched)


def test_the_reference_shows_operations_and_sends_requests(browser: Browser, below: str) -> None:
    with opened(browser, below, f"{PREFIX}/docs") as watched:
        page = watched.page
        expect(page.locator("#reference section h2")).to_contain_text(["GET /v1/stats", "GET /v1/flights"])
        request = page.get_by_label("Request to /v1/stats")
        request.fill("/v1/stats?carrier=UA")
        request.press("Enter")
        expect(page.get_by_label("Answer")).to_contain_text('"flights":')
        assert page.locator("header a", has_text="openapi.json").evaluate("a => a.href") == (
            f"{below}{PREFIX}/openapi.json"
        )
        quiet(watched)


@pytest.mark.long
@pytest.mark.parametrize("below", TOLD, indirect=True)
def test_a_client_follows_the_pages_of_an_answer(below: str) -> None:
    url, seen = f"{below}{PREFIX}/v1/flights?carrier=UA&limit=50", []
    while True:
        answer = get(url)
        seen += [row["flight_id"] for row in answer.json()["data"]]
        if "next" not in answer.links:
            break
        url = urljoin(url, answer.links["next"]["url"])
        assert urlsplit(url).path == f"{PREFIX}/v1/flights"
    (row,) = get(f"{below}{PREFIX}/v1/stats?carrier=UA").json()["data"]
    assert len(seen) == len(set(seen)) == row["flights"] > 50


@pytest.mark.long
@pytest.mark.parametrize("below", TOLD, indirect=True)
def test_a_client_finds_the_operations_where_the_document_says(below: str) -> None:
    document = get(f"{below}{PREFIX}/openapi.json").json()
    (server,) = document["servers"]
    assert server == {"url": PREFIX}
    for path in ("/v1/stats", "/v1/lake", "/health", "/ready"):
        assert path in document["paths"]
        assert get(urljoin(below, server["url"] + path)).status_code == 200


def test_a_caller_that_breaks_off_leaves_no_connection_open(capsys: pytest.CaptureFixture[str]) -> None:
    """As browsers do with downloads: the proxy of these tests has to be as quiet as a real one."""
    asked, gone, closed = threading.Event(), threading.Event(), threading.Event()

    class Service(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            asked.set()
            gone.wait(PATIENCE_S)
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def finish(self) -> None:
            super().finish()
            closed.set()

        def log_message(self, *_: object) -> None:
            pass

    with serving_with(Service) as service, mounted(service.url, takes_prefix_off=True) as url:
        caller = socket.create_connection(("127.0.0.1", urlsplit(url).port))
        caller.sendall(f"GET {PREFIX}/ HTTP/1.1\r\nHost: here\r\n\r\n".encode())
        assert asked.wait(PATIENCE_S)
        reset(caller)
        gone.set()
        assert closed.wait(PATIENCE_S)
    assert capsys.readouterr().err == ""
