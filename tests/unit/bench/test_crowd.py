"""Crowds: as many clients as asked for, and arrivals at a rate whether answers come or not."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from bench.crowd import closed_crowd, open_crowd, paced_crowd
from bench.http import Answer, Client
from tests._support.servers.http_server import Server, serving_with


class Together(BaseHTTPRequestHandler):
    """Holds its first three requests until all of them are there."""

    protocol_version = "HTTP/1.1"
    meeting = threading.Barrier(3)
    held = 3
    lock = threading.Lock()

    def do_GET(self) -> None:
        with self.lock:
            type(self).held -= 1
            waits = self.held >= 0
        if waits:
            self.meeting.wait(20)
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(Together, "held", 3)
    monkeypatch.setattr(Together, "meeting", threading.Barrier(3))
    with serving_with(Together) as server:
        yield server


def test_all_clients_of_a_closed_crowd_ask_at_once_and_again_when_they_are_answered(server: Server) -> None:
    answers = closed_crowd(server.url, "/", clients=3, seconds=0.2)  # fewer at once would wait forever
    assert len(answers) > 3
    assert {answer.status for answer in answers} == {200}
    assert server.connections == 3


def test_questions_of_an_open_crowd_arrive_at_their_rate(server: Server) -> None:
    answers, per_s = open_crowd(server.url, "/", per_s=50.0, seconds=0.2)
    assert len(answers) == 11  # one at once, then ten
    assert per_s <= 55.0


def test_each_client_of_a_paced_crowd_asks_in_its_own_way_and_waits_for_its_turn(server: Server) -> None:
    asked: list[int] = []

    def asker(number: int) -> Callable[[Client], Answer]:
        def ask(client: Client) -> Answer:
            asked.append(number)
            return client.get(f"/{number}")

        return ask

    answers, per_s = paced_crowd(server.url, asker, clients=3, per_s=50.0, seconds=0.2)
    assert len(answers) == len(asked) == 11
    assert set(asked) == {0, 1, 2}  # the first three wait for each other
    assert per_s <= 55.0
