"""One line and one count for each request."""

from __future__ import annotations

import io
import json
import logging
import re
from collections.abc import Iterator
from typing import Any

import pytest

from lakehouse.store.memory import MemoryStore
from lakehouse.telemetry import logs
from query_service.middleware.access_log import address_in, network
from tests._support.api.in_process import Api, serving
from tests._support.api.request_log import logged

TRACE = "0af7651916cd43dd8448eb211c80319c"
OWN = re.compile("[0-9a-f]{16}")


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
        (0, "9.9.9.9", "127.0.0.1"),  # no proxy in front: the caller wrote the header
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


@pytest.mark.parametrize(
    ("path", "sent", "status"),
    [
        ("/v1/stats", {}, 200),
        ("/v1/stats", {"If-None-Match": "*"}, 304),
        ("/v1/stats", {"Range": "bytes=0-0"}, 206),
        ("/v1/stats?x=1", {}, 422),
        ("/v1/stats", {"Host": "a,b"}, 400),
        ("/v1/flights/2013-01-01-UA-1-EWR", {}, 404),
        ("/v1/nothing", {}, 404),
        ("/health", {}, 200),
        ("/metrics", {}, 200),
        ("/", {}, 200),
        ("/docs", {}, 200),
        ("/static/none/x.js", {}, 404),
    ],
)
def test_every_answer_has_an_id_of_its_own(api: Api, path: str, sent: dict[str, str], status: int) -> None:
    answers = [api.get(path, **sent) for _ in range(2)]
    assert [each.status_code for each in answers] == [status, status]
    ids = [each.headers["X-Request-Id"] for each in answers]
    assert ids[0] != ids[1]
    assert all(OWN.fullmatch(each) for each in ids)
    if status >= 400:
        assert [each.json()["request_id"] for each in answers] == ids


def test_head_other_methods_and_preflights_have_an_id_too() -> None:
    with serving(MemoryStore(), cors_origins="https://a.example") as api:
        preflight = {"Origin": "https://a.example", "Access-Control-Request-Method": "GET"}
        for work in (api.client.head("/v1/stats"), api.client.options("/v1/stats", headers=preflight)):
            assert OWN.fullmatch(api.run(work).headers["X-Request-Id"])
        refused = api.run(api.client.post("/v1/stats"))
    assert refused.json()["request_id"] == refused.headers["X-Request-Id"]


def test_an_unexpected_failure_is_answered_with_its_id(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api.app.state.services.conditional_get, "handle", None)
    answer = api.get("/v1/stats")
    assert answer.status_code == 500
    assert answer.json()["request_id"] == answer.headers["X-Request-Id"]


@pytest.mark.parametrize("header", ["traceparent", "X-Cloud-Trace-Context"])
def test_the_id_is_that_of_the_trace_where_there_is_one(api: Api, header: str) -> None:
    sent = {"traceparent": f"00-{TRACE}-b7ad6b7169203331-01", "X-Cloud-Trace-Context": f"{TRACE}/74;o=1"}[header]
    answer = api.get("/v1/stats?x=1", **{header: sent})
    assert (answer.headers["X-Request-Id"], answer.json()["request_id"]) == (TRACE, TRACE)


@pytest.mark.parametrize("forged", ["mine", 'a"b', "x" * 3000, TRACE])
def test_an_id_that_the_caller_writes_is_not_taken(api: Api, forged: str) -> None:
    answer = api.get("/v1/stats?x=1", **{"X-Request-Id": forged})
    assert answer.headers.get_list("X-Request-Id") == [answer.json()["request_id"]]
    assert OWN.fullmatch(answer.json()["request_id"])


def test_an_answer_from_memory_has_the_same_bytes_and_tag_and_another_id(api: Api) -> None:
    first, second = (api.get("/v1/stats?group_by=carrier") for _ in range(2))
    assert (first.content, first.headers["ETag"]) == (second.content, second.headers["ETag"])
    assert first.headers["X-Request-Id"] not in first.text
    assert first.headers["X-Request-Id"] != second.headers["X-Request-Id"]


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """All lines, in JSON."""
    root, stream = logging.getLogger(), io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logs.JsonFormatter())
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    yield stream
    root.removeHandler(handler)
    root.setLevel(level)


def test_all_lines_of_a_request_have_the_id_of_its_answer(
    api: Api, written: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api.app.state.services.conditional_get, "handle", None)
    answers = [api.get("/v1/stats"), api.get("/v1/nothing")]
    lines: list[dict[str, Any]] = [json.loads(line) for line in written.getvalue().splitlines()]
    ids = [line["request_id"] for line in lines if line["logger"].startswith("query_service")]
    assert ids == [answers[0].headers["X-Request-Id"]] * 2 + [answers[1].headers["X-Request-Id"]]


@pytest.mark.parametrize(
    ("entry", "address"),
    [
        ("9.9.9.9", "9.9.9.9"),
        (" 9.9.9.9 ", "9.9.9.9"),
        ("9.9.9.9:4711", "9.9.9.9"),
        ("[9.9.9.9]:1", "9.9.9.9"),
        ("2001:DB8::1", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("[2001:db8::1]:65535", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
        ("[fe80::1%eth0]:80", "fe80::1"),
    ],
)
def test_an_address_may_have_a_port_brackets_or_a_zone(entry: str, address: str) -> None:
    assert address_in(entry) == address


@pytest.mark.parametrize(
    "entry",
    ["", "unknown", "_hidden", "_hidden:80", "9.9.9", "9.9.9.9.9", "9.9.9.9:", "9.9.9.9:123456", "[9.9.9.9", "[]:80",
     "9.9.9.9]", "a.example:80", "[2001:db8::1]x", "09.9.9.9", "9.9.9.9, 8.8.8.8"],
)  # fmt: skip
def test_what_is_no_address_is_none(entry: str) -> None:
    assert address_in(entry) is None


@pytest.mark.parametrize(
    ("address", "caller"),
    [
        ("9.9.9.9", "9.9.9.9"),
        ("::ffff:9.9.9.9", "9.9.9.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::7", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::7", "2001:db8:1:3::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
    ],
)
def test_a_network_of_ipv6_is_one_caller(address: str, caller: str) -> None:
    assert network(address) == caller
