"""One line and one count for each request."""

from __future__ import annotations

import logging

import pytest

from lakehouse.store.memory import MemoryStore
from tests._support.api import Api, serving
from tests._support.request_log import logged


def test_each_request_is_one_line(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        answer = api.get("/v1/stats?carrier=UA&group_by=origin", **{"User-Agent": "tests/1"})
        api.get("/v1/%0d%0aforged?x=1")
    first, second = logged(caplog)
    request = first.pop("httpRequest")
    assert request.pop("latency").endswith("s")
    assert request == {
        "requestMethod": "GET",
        "requestUrl": "/v1/stats?carrier=UA&group_by=origin",
        "status": 200,
        "responseSize": str(len(answer.content)),
        "userAgent": "tests/1",
        "remoteIp": "127.0.0.1",
    }
    assert first == {"route": "/v1/stats", "key": "none"}
    assert second["httpRequest"]["requestUrl"] == "/v1/%0d%0aforged?x=1"
    assert (second["route"], second["problem"]) == ("other", "not-found")


def test_a_head_request_is_logged_as_what_it_is(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        api.run(api.client.head("/v1/stats"))
    (line,) = logged(caplog)
    assert (line["httpRequest"]["requestMethod"], line["httpRequest"]["responseSize"]) == ("HEAD", "0")
    assert line["route"] == "/v1/stats"


def test_probes_are_logged_when_they_fail_only(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        for path in ("/health", "/ready", "/metrics"):
            assert api.get(path).status_code == 200
        assert logged(caplog) == []
        api.run(api.client.post("/ready"))
        assert [line["httpRequest"]["status"] for line in logged(caplog)] == [405]


@pytest.mark.parametrize(
    ("hops", "forwarded", "remote"),
    [
        (0, "9.9.9.9", "127.0.0.1"),  # nobody of ours is in front: the header is the caller's own words
        (1, "6.6.6.6, 9.9.9.9", "9.9.9.9"),
        (2, "6.6.6.6, 9.9.9.9, 10.0.0.1", "9.9.9.9"),
        (2, "9.9.9.9", "127.0.0.1"),
        (1, "9.9.9.9:4711", "9.9.9.9"),
        (1, "[2001:db8::1]:4711", "2001:db8::1"),
        (1, "[2001:db8::1]", "2001:db8::1"),
        (1, "fe80::1%eth0", "fe80::1"),
        (1, "unknown", "127.0.0.1"),
        (1, "_hidden:4711", "127.0.0.1"),
        (1, "9.9.9.9.9", "127.0.0.1"),
    ],
)
def test_the_address_is_what_our_own_proxies_saw(
    hops: int, forwarded: str, remote: str, caplog: pytest.LogCaptureFixture
) -> None:
    with serving(MemoryStore(), proxy_hops=hops) as api, caplog.at_level(logging.INFO):
        api.get("/v1/stats", **{"X-Forwarded-For": forwarded})
    assert logged(caplog)[0]["httpRequest"]["remoteIp"] == remote
