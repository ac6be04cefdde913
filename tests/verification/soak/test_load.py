"""The load notes every request, whether it was answered or not, and asks at its rate."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler

import pytest

from tests._support.servers.http_server import serving_with
from tests._support.waiting import eventually
from tests.verification.soak.load import Answer, Load

BODY = b'{"data": []}'


class _Handler(BaseHTTPRequestHandler):
    """Statistics have a tag, lists are a problem, a flight gets no answer."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path.startswith("/v1/stats"):
            is_known = self.headers["If-None-Match"] == '"tag"'
            self._answer(304 if is_known else 200, b"" if is_known else BODY, "application/json")
        elif self.path.startswith("/v1/flights?"):
            self._answer(503, b'{"title": "Storage is unavailable"}', "application/problem+json")
        else:
            self.close_connection = True

    def _answer(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        for name, value in (("Content-Type", kind), ("Content-Length", str(len(body))), ("ETag", '"tag"')):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def answers() -> Iterator[list[Answer]]:
    """Of a load on that server, of each kind at least one."""
    found: list[Answer] = []
    with serving_with(_Handler) as server:
        load = Load(server.server_address[1], "1", found.append)
        load.start()
        try:
            eventually(lambda: len({answer.kind for answer in list(found)}) >= 4, "one of each kind")
        finally:
            load.stop()
        yield found


def test_the_kind_is_status_and_title_or_why_there_was_no_answer(answers: list[Answer]) -> None:
    kinds = Counter(answer.kind for answer in answers)
    assert kinds.keys() == {"200", "304", "503 Storage is unavailable", "no answer: connection lost"}
    assert {answer.kind for answer in answers if answer.is_lost} == {
        *("503 Storage is unavailable", "no answer: connection lost")
    }


def test_an_answer_that_has_not_changed_is_the_one_that_is_known(answers: list[Answer]) -> None:
    assert {answer.body for answer in answers if answer.kind in ("200", "304")} == {BODY}


def test_a_load_asks_no_more_than_its_rate() -> None:
    found: list[Answer] = []
    with serving_with(_Handler) as server:
        load = Load(server.server_address[1], "1", found.append)
        load.rate_per_s = 50.0
        load.start()
        eventually(lambda: len(found) >= 30, "thirty answers")
        load.stop()
    first_s, last_s = min(a.asked_s for a in found), max(a.asked_s for a in found)
    assert len(found) <= 50.0 * (last_s - first_s + 0.5) + 2  # half a second may be made up for


def test_nobody_listens_is_no_answer() -> None:
    found: list[Answer] = []
    with serving_with(_Handler) as server:
        port = server.server_address[1]
    load = Load(port, "1", found.append)
    load.start()
    eventually(lambda: len(found) > 0, "an answer")
    load.stop()
    assert {answer.kind for answer in found} == {"no answer: refused"}
