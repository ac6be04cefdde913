"""The demo's canaries: the probe's flights through a real topic, and a service that has them or has not."""

from __future__ import annotations

import json
import threading
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from local_cloud.demo.freshness import Canaries, freshness
from local_cloud.emulators.http_server import LoopbackServer
from probe.errors import ProbeFailedError
from tests._support.servers.http_server import running
from tests._support.servers.pubsub import TOPIC, PubsubBench
from tests._support.waiting import PATIENCE_S

SOON_S = 0.01  # many canaries in the time of a test


class Api(LoopbackServer):
    """Answers every question with `status`; remembers flights and event times that were asked for."""

    def __init__(self, status: int) -> None:
        super().__init__(_Handler)
        self.status = status
        self.asked: list[tuple[str, str]] = []
        self.has_answered_three = threading.Event()


class _Handler(BaseHTTPRequestHandler):
    server: Api

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        self.server.asked.append((path, dict(urllib.parse.parse_qsl(query))["min_event_time"]))
        self.send_response(self.server.status)
        self.end_headers()
        if len(self.server.asked) >= 3:
            self.server.has_answered_three.set()

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""


@contextmanager
def api(status: int) -> Iterator[Api]:
    with Api(status) as server, running(server):
        yield server


def test_each_canary_is_a_flight_of_its_own_that_is_published_and_asked_for(pubsub: PubsubBench) -> None:
    with api(200) as service:
        with Canaries(TOPIC, service.url, SOON_S) as canaries:
            assert service.has_answered_three.wait(PATIENCE_S)
        fresh = canaries.freshness()
    events = [json.loads(data) for data in pubsub.pull_data()]
    published = [
        (f"/v1/flights/{e['flight_date']}-ZZ-{e['flight_number']}-{e['origin']}", e["event_time"]) for e in events
    ]
    assert sorted(published) == sorted(service.asked)
    assert len({flight for flight, _ in published}) == fresh.samples >= 3
    assert 0 < fresh.median_s <= fresh.p99_s <= fresh.worst_s


@pytest.mark.usefixtures("pubsub")
def test_freshness_is_refused_when_a_canary_was_not_visible() -> None:
    with api(504) as service, Canaries(TOPIC, service.url, SOON_S) as canaries:
        assert service.has_answered_three.wait(PATIENCE_S)
    with pytest.raises(ProbeFailedError, match="not visible: 504"):
        canaries.freshness()


def test_freshness_is_told_by_median_99th_percentile_and_worst() -> None:
    fresh = freshness([float(n) for n in range(200, 0, -1)])
    assert (fresh.samples, fresh.median_s, fresh.p99_s, fresh.worst_s) == (200, 100.5, 198.0, 200.0)
