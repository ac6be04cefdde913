"""What only Cloud Storage can answer: pages, errors, silence. A scripted server says it; the client is the real one."""

from __future__ import annotations

import base64
import json
import socket
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from threading import Thread
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

import google_crc32c
import pytest

from lakehouse.errors import (
    CreateStateUnknownError,
    LakeError,
    ObjectExistsError,
    ObjectMissingError,
    StoreAccessDeniedError,
    StoreUnavailableError,
    UnreadableError,
)
from lakehouse.store.gcs import GcsStore
from local_cloud.emulators.http_server import LoopbackServer

_RETRY_S = 0.2  # tiny: every test of a failing server waits for it

Operation = Callable[[GcsStore, Path], object]
_READS: dict[str, Operation] = {
    "list": lambda store, _: list(store.list("landing/")),
    "read": lambda store, _: store.read("landing/a"),
    "download": lambda store, path: store.download("landing/a", path),
    "generation": lambda store, _: store.generation("landing/a"),
    "delete": lambda store, _: store.delete("landing/a"),
}
_CREATES: dict[str, Operation] = {
    "create": lambda store, _: store.create("landing/a", b"x"),
    "replace": lambda store, _: store.replace("landing/a", b"x", 1),
}


class Answer(NamedTuple):
    status: int
    body: bytes = b"{}"
    headers: dict[str, str] = {}  # noqa: RUF012 - never changed


class ScriptedServer:
    """Answers as `script` says; remembers what was asked."""

    def __init__(self) -> None:
        self.script: Callable[[str], Answer] = lambda _: Answer(500)
        self.requests: list[str] = []
        scripted = self

        class Handler(BaseHTTPRequestHandler):
            def _answer(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                scripted.requests.append(self.path)
                answer = scripted.script(self.path)
                self.send_response(answer.status)
                for name, value in {"Content-Length": str(len(answer.body)), **answer.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(answer.body)

            do_GET = do_POST = do_PUT = do_DELETE = _answer

            def log_message(self, *_: object) -> None:
                pass

        self._server = LoopbackServer(Handler)
        self.url = self._server.url
        Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedServer]:
    scripted = ScriptedServer()
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", scripted.url)
    yield scripted
    scripted.close()


def _item(name: str) -> dict[str, str]:
    return {
        "name": name,
        "size": "1",
        "crc32c": base64.b64encode((7).to_bytes(4, "big")).decode(),
        "timeCreated": "2013-01-01T00:00:00.000Z",
        "generation": "5",
    }


def test_every_page_of_a_listing_is_fetched(server: ScriptedServer) -> None:
    def pages(path: str) -> Answer:
        token = parse_qs(urlsplit(path).query).get("pageToken", ["0"])[0]
        page: dict[str, Any] = {"items": [_item(f"landing/{token}")]}
        if token != "3":
            page["nextPageToken"] = str(int(token) + 1)
        return Answer(200, json.dumps(page).encode())

    server.script = pages
    assert [info.name for info in GcsStore("b").list("landing/")] == [f"landing/{token}" for token in range(4)]


def test_a_page_without_items_does_not_end_a_listing(server: ScriptedServer) -> None:
    empty, last = b'{"nextPageToken": "next"}', json.dumps({"items": [_item("landing/a")]}).encode()
    server.script = lambda path: Answer(200, last if "pageToken" in path else empty)
    assert [info.name for info in GcsStore("b").list("landing/")] == ["landing/a"]


def test_a_listing_that_fails_in_the_middle_fails(server: ScriptedServer) -> None:
    first = json.dumps({"items": [_item("landing/a")], "nextPageToken": "next"}).encode()
    server.script = lambda path: Answer(403) if "pageToken" in path else Answer(200, first)
    with pytest.raises(StoreAccessDeniedError, match="gs://b/landing/"):
        list(GcsStore("b").list("landing/"))


@pytest.mark.parametrize("operation", _READS)
def test_a_read_is_tried_again_when_the_server_has_a_hiccup(
    server: ScriptedServer, tmp_path: Path, operation: str
) -> None:
    found = {"items": [_item("landing/a")]} if operation == "list" else _item("landing/a")
    body = json.dumps(found).encode()
    checksum = base64.b64encode(google_crc32c.value(body).to_bytes(4, "big")).decode()
    server.script = lambda _: Answer(
        200 if len(server.requests) > 1 else 503, body, {"x-goog-hash": f"crc32c={checksum}"}
    )
    _READS[operation](GcsStore("b", retry_s=10), tmp_path / "copy")
    assert len(server.requests) == 2


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
@pytest.mark.parametrize("operation", _READS)
def test_a_read_is_unavailable_when_the_server_goes_on_failing(
    server: ScriptedServer, tmp_path: Path, operation: str, status: int
) -> None:
    server.script = lambda _: Answer(status)
    with pytest.raises(StoreUnavailableError, match="landing/"):
        _READS[operation](GcsStore("b", _RETRY_S), tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


@pytest.mark.parametrize("status", [400, 401, 403])
@pytest.mark.parametrize("operation", _READS | _CREATES)
def test_no_is_refused_and_not_asked_again(server: ScriptedServer, tmp_path: Path, operation: str, status: int) -> None:
    server.script = lambda _: Answer(status)
    with pytest.raises(StoreAccessDeniedError, match="landing/"):
        (_READS | _CREATES)[operation](GcsStore("b", _RETRY_S), tmp_path / "copy")
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
@pytest.mark.parametrize("operation", _CREATES)
def test_a_create_that_fails_is_unknown_and_is_not_tried_again(
    server: ScriptedServer, tmp_path: Path, operation: str, status: int
) -> None:
    server.script = lambda _: Answer(status)
    with pytest.raises(CreateStateUnknownError, match="landing/a"):
        _CREATES[operation](GcsStore("b", _RETRY_S), tmp_path)
    assert len(server.requests) == 1


def test_a_create_from_a_large_file_that_fails_is_unknown_and_is_not_tried_again(
    server: ScriptedServer, tmp_path: Path
) -> None:
    source = tmp_path / "source"
    source.write_bytes(bytes(9 << 20))  # above the 8 MiB where uploads become resumable
    session = Answer(200, headers={"Location": f"{server.url}/session"})
    server.script = lambda path: session if path.startswith("/upload") else Answer(503)
    with pytest.raises(CreateStateUnknownError, match="landing/a"):
        GcsStore("b", _RETRY_S).create("landing/a", source)
    assert [urlsplit(path).path for path in server.requests] == ["/upload/storage/v1/b/b/o", "/session"]


def test_a_create_says_that_nothing_may_be_there(server: ScriptedServer) -> None:
    server.script = lambda _: Answer(412)
    with pytest.raises(ObjectExistsError):
        GcsStore("b").create("landing/a", b"x")
    assert parse_qs(urlsplit(server.requests[0]).query)["ifGenerationMatch"] == ["0"]


def test_a_replace_says_which_generation_must_be_there(server: ScriptedServer) -> None:
    server.script = lambda _: Answer(412)
    assert not GcsStore("b").replace("iceberg/metadata/version-hint.text", b"x", 17)
    assert parse_qs(urlsplit(server.requests[0]).query)["ifGenerationMatch"] == ["17"]


@pytest.mark.parametrize("operation", ["read", "download"])
def test_bytes_that_do_not_have_the_stored_checksum_are_unreadable(
    server: ScriptedServer, tmp_path: Path, operation: str
) -> None:
    server.script = lambda _: Answer(200, b"content", {"x-goog-hash": "crc32c=AAAAAA=="})
    with pytest.raises(UnreadableError, match=r"landing/a.*crc32c"):
        _READS[operation](GcsStore("b", _RETRY_S), tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


@pytest.mark.parametrize("operation", _READS)
def test_a_server_that_is_down_is_unavailable(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, operation: str) -> None:
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", f"http://127.0.0.1:{_closed_port()}")
    with pytest.raises(StoreUnavailableError, match="landing/"):
        _READS[operation](GcsStore("b", _RETRY_S), tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


@pytest.mark.parametrize("operation", _CREATES)
def test_a_create_is_unknown_when_the_server_is_down(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, operation: str
) -> None:
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", f"http://127.0.0.1:{_closed_port()}")
    with pytest.raises(CreateStateUnknownError, match="landing/a"):
        _CREATES[operation](GcsStore("b", _RETRY_S), tmp_path)


@pytest.mark.usefixtures("gcs")
def test_a_missing_bucket_is_refused_at_the_begin_of_a_plan_and_a_batch() -> None:
    store = GcsStore("no-such-bucket")
    with pytest.raises(StoreAccessDeniedError, match=r"gs://no-such-bucket/landing/: there is no such bucket"):
        list(store.list("landing/"))
    with pytest.raises(StoreAccessDeniedError, match="landing/a"):
        store.create("landing/a", b"x")


def test_a_read_from_a_bucket_that_does_not_exist_is_refused(server: ScriptedServer) -> None:
    server.script = lambda _: Answer(404, b"The specified bucket does not exist.")  # Cloud Storage's own words
    with pytest.raises(StoreAccessDeniedError, match="bucket does not exist"):
        GcsStore("objects").read("landing/a")
    server.script = lambda _: Answer(404, b"No such object: bucket/landing/a")
    with pytest.raises(ObjectMissingError):
        GcsStore("bucket").read("landing/a")


@pytest.mark.usefixtures("server")
def test_no_error_of_the_client_library_gets_through(server: ScriptedServer, tmp_path: Path) -> None:
    short = {"Content-Length": "100", "Connection": "close"}
    answers = [Answer(200, b"not JSON"), Answer(302), Answer(418), Answer(200, b"cut off", short)]
    for answer in answers:
        server.script = lambda _, answer=answer: answer  # type: ignore[misc]
        for operation in (_READS | _CREATES).values():
            try:
                operation(GcsStore("b", _RETRY_S), tmp_path / "copy")
            except LakeError:
                continue


def _closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
