"""Sends bytes that no HTTP client sends to the real process: it keeps serving other callers."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.verification.fuzz.requests.lake import Lake, make_lake

pytestmark = pytest.mark.early

PATIENCE_S = 60
QUIET_S = 0.3  # silence that counts as no (further) answer
GROWTH_MB = 60  # a read, what is parsed of it, and the allocator's leavings
WAITING = 16  # requests, on one connection
SLOW_CONNECTIONS = 30  # more than queries at once and threads, fewer than descriptors


@dataclass(frozen=True)
class Service:
    process: subprocess.Popen[str]
    port: int
    lake: Lake

    @property
    def flights(self) -> int:
        """Through a proper client: how many there are."""
        answer = httpx.get(f"http://127.0.0.1:{self.port}/v1/stats", timeout=PATIENCE_S)
        assert answer.status_code == 200, answer.text
        return int(answer.json()["data"][0]["flights"])

    @property
    def resident_mb(self) -> float:
        """The process's memory, as it says itself."""
        page = httpx.get(f"http://127.0.0.1:{self.port}/metrics", timeout=PATIENCE_S).text
        found = re.search(r"^process_resident_memory_bytes (\S+)$", page, re.MULTILINE)
        assert found is not None, page
        return float(found[1]) / 1e6

    def send(self, data: bytes) -> bytes:
        """All that comes back until the server closes, or says nothing more."""
        with socket.create_connection(("127.0.0.1", self.port), PATIENCE_S) as connection:
            received = b""
            try:
                connection.sendall(data)
                connection.settimeout(QUIET_S)
                while part := connection.recv(65536):
                    received += part
            except OSError:  # silence, or refused in the middle of it
                pass
            return received


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("sockets")
    with serving(folder) as service:
        yield service
    assert not re.search(r"Traceback|pip install", (folder / "log").read_text())


@contextlib.contextmanager
def serving(folder: Path, descriptors: int | None = None) -> Iterator[Service]:
    """The process; its log is in `folder`. It may open so many files."""
    lake = make_lake(folder / "lake")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    kept = {name: value for name, value in os.environ.items() if not name.startswith("API_")}
    environment = {**kept, "LAKE_URL": lake.store.url, "PORT": str(port), "API_HOST": "127.0.0.1"}
    environment["API_QUERY_TIMEOUT_S"] = str(PATIENCE_S)  # cores may be busy with other tests
    log = folder / "log"
    shell = [] if descriptors is None else ["sh", "-c", f'ulimit -n {descriptors}; exec "$@"', "sh"]
    command = [*shell, sys.executable, "-m", "query_service"]
    with log.open("w") as out, subprocess.Popen(command, env=environment, stderr=out, text=True) as process:
        try:
            _wait_until_it_answers(port, process)
            yield Service(process, port, lake)
        finally:
            process.kill()


def _wait_until_it_answers(port: int, process: subprocess.Popen[str]) -> None:
    transport = httpx.HTTPTransport(retries=8)  # the pauses between them double: two minutes at most
    with httpx.Client(transport=transport, timeout=PATIENCE_S) as client:
        assert client.get(f"http://127.0.0.1:{port}/ready").status_code == 200
    assert process.poll() is None


GET = b"GET /v1/stats HTTP/1.1\r\nHost: x\r\n"
MALFORMED = {
    "nothing": b"",
    "an empty line": b"\r\n\r\n",
    "no version": b"GET /v1/stats\r\n\r\n",
    "a version of the future": b"GET /v1/stats HTTP/9.9\r\nHost: x\r\n\r\n",
    "a preface of HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "a TLS handshake": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 200,
    "binary": bytes(range(256)) * 4,
    "a space in the target": b"GET /v1/stats carrier=UA HTTP/1.1\r\nHost: x\r\n\r\n",
    "a NUL in the target": b"GET /v1/stats?carrier=\x00 HTTP/1.1\r\nHost: x\r\n\r\n",
    "raw bytes in the target": b"GET /v1/stats?carrier=\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n",
    "no host": b"GET /v1/stats HTTP/1.1\r\n\r\n",
    "two hosts": GET + b"Host: y\r\n\r\n",
    "a header without a colon": GET + b"nonsense\r\n\r\n",
    "a space before the colon": GET + b"Accept : */*\r\n\r\n",
    "a folded header": GET + b"X: a\r\n b\r\n\r\n",
    "a NUL in a header": GET + b"X: a\x00b\r\n\r\n",
    "a negative length": GET + b"Content-Length: -1\r\n\r\n",
    "a length of words": GET + b"Content-Length: many\r\n\r\n",
    "two lengths": GET + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "length and chunks": GET + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a broken chunk": GET + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
    "an unknown coding": GET + b"Transfer-Encoding: gzip, gzip\r\n\r\n",
    "a body that does not come": GET + b"Content-Length: 99999999\r\n\r\nx",
    "ten thousand headers": GET + b"".join(b"X-%d: y\r\n" % n for n in range(10_000)) + b"\r\n",
    "a header of a megabyte": GET + b"X: " + b"y" * 1_000_000 + b"\r\n\r\n",
    "a target of a megabyte": b"GET /" + b"a" * 1_000_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    "headers that never end": GET + b"X: y\r\n" * 20_000,
    "half a request": GET[:20],
    "another proxy's target": b"GET http://evil.example/v1/lake HTTP/1.1\r\nHost: evil.example\r\n\r\n",
    "a tunnel": b"CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\n\r\n",
    "an upgrade": GET + b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\r\n",
    "another protocol": b"SSH-2.0-OpenSSH_9.0\r\n",
    "smuggling": GET + b"Content-Length: 44\r\n\r\nGET /v1/lake HTTP/1.1\r\nHost: x\r\nX: yyyyyyyyyy\r\n\r\n",
    "line feeds alone": b"GET /v1/stats HTTP/1.1\nHost: x\n\n",
    "twenty requests at once": (GET + b"\r\n") * 20,
}


@pytest.mark.parametrize("data", MALFORMED.values(), ids=MALFORMED.keys())
def test_malformed_bytes_are_refused_or_answered_and_the_service_lives(service: Service, data: bytes) -> None:
    before = service.flights
    answer = service.send(data)
    statuses = {int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", answer)}
    assert statuses <= {200, 400, 404, 405, 408, 413, 414, 431}, answer[:500]
    assert not re.search(rb"Traceback|Error:|\.py", answer)
    assert service.flights == before
    assert service.process.poll() is None


def test_requests_in_one_go_are_all_answered_in_order(service: Service) -> None:
    with socket.create_connection(("127.0.0.1", service.port), PATIENCE_S) as connection:
        last = b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        connection.sendall((GET + b"\r\n") * 3 + last)
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert answer.count(b"HTTP/1.1 200 OK") == 4
    assert answer.endswith(b'{"status":"ok"}')


def test_requests_larger_together_than_a_head_may_be_are_all_answered(service: Service) -> None:
    request = b"GET /health HTTP/1.1\r\nHost: x\r\nX-Padding: " + b"x" * 9000 + b"\r\n\r\n"
    with socket.create_connection(("127.0.0.1", service.port), PATIENCE_S) as connection:
        for _ in range(40):  # 360 kB
            connection.sendall(request)
            answer = b""
            while not answer.endswith(b'{"status":"ok"}'):
                answer += connection.recv(65536)
            assert answer.startswith(b"HTTP/1.1 200 OK")


def test_requests_beyond_those_that_may_wait_end_the_connection(service: Service) -> None:
    answer = service.send(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n" * 10_000)
    assert 0 < answer.count(b"HTTP/1.1 200 OK") <= WAITING + 1
    assert b"HTTP/1.1 400" not in answer


@pytest.mark.parametrize("begin", [b"GET /health HTTP/1.1\r\nX-Endless: ", b"GET /"], ids=["header", "path"])
def test_a_head_without_an_end_is_refused(service: Service, begin: bytes) -> None:
    answer = b""
    with socket.create_connection(("127.0.0.1", service.port), PATIENCE_S) as connection:
        connection.sendall(begin)
        sent = 0
        try:
            while sent < 10_000_000:
                sent += connection.send(b"x" * 50_000)
            answer = connection.recv(65536)
        except ConnectionError:  # refused, and closed while we were still sending
            answer = answer or b"HTTP/1.1 400 closed"
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert sent < 10_000_000, "all of it was taken"


@pytest.mark.parametrize("part", [b"X: y\r\n" * 8000, b"x" * 50_000], ids=["many", "one"])
def test_fields_behind_a_body_without_an_end_take_little_memory(service: Service, part: bytes) -> None:
    before = service.resident_mb
    with socket.create_connection(("127.0.0.1", service.port), PATIENCE_S) as connection:
        connection.sendall(GET + b"Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n")
        with contextlib.suppress(OSError):  # the answer has come, and the connection has ended
            for _ in range(200):  # 10 MB
                connection.sendall(part)
        assert service.resident_mb - before < GROWTH_MB


def test_fields_behind_a_body_are_no_headers(service: Service) -> None:
    chunked = b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nIf-None-Match: *\r\nX: y\r\n\r\n"
    answer = service.send(GET + chunked + GET + b"Connection: close\r\n\r\n")
    assert answer.count(b"HTTP/1.1 200 OK") == 2


UPGRADE = GET + b"Connection: Upgrade\r\nUpgrade: h2c\r\n"


@pytest.mark.parametrize(
    "following",
    [b"\r\n" + GET + b"\r\n", b"Content-Length: 44\r\n\r\nGET /v1/lake HTTP/1.1\r\nHost: x\r\nX: yyyyyyyyyy\r\n\r\n"],
    ids=["request", "body"],
)
@pytest.mark.parametrize("is_split", [False, True])
def test_a_request_for_another_protocol_is_answered_in_this_one_and_is_the_last(
    service: Service, following: bytes, is_split: bool
) -> None:
    with socket.create_connection(("127.0.0.1", service.port), PATIENCE_S) as connection:
        head, end, rest = (UPGRADE + following).partition(b"\r\n\r\n")
        parts = [head + end, rest] if is_split else [head + end + rest]
        answer = b""
        for part in parts:
            connection.sendall(part)
            if part is not parts[-1]:
                answer += connection.recv(65536)  # so it has been read
        try:
            answer += b"".join(iter(lambda: connection.recv(65536), b""))
        except ConnectionResetError:  # what came behind was left unread
            assert is_split
    assert re.findall(rb"HTTP/1\.1 (\d{3}) ", answer) == [b"200"]
    assert b"connection: close" in answer


def test_requests_without_end_whose_answers_nobody_reads_take_little_memory(service: Service) -> None:
    before = service.resident_mb
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.settimeout(PATIENCE_S)
        connection.connect(("127.0.0.1", service.port))
        connection.settimeout(1)
        sent = 0
        with contextlib.suppress(OSError):  # no more is taken, or the connection has ended
            while sent < 20_000_000:
                sent += connection.send(b"GET /health HTTP/1.1\r\n\r\n" * 10_000)
        most = service.resident_mb
    print(f"before {before:.0f} MB, with {sent} bytes sent {most:.0f} MB")
    assert most - before < GROWTH_MB
    assert service.flights > 0


@pytest.mark.parametrize(("path", "status"), [(b"/v1/stats", b"200 OK"), (b"/v1/nothing", b"404 Not Found")])
def test_an_answer_to_head_has_no_body(service: Service, path: bytes, status: bytes) -> None:
    with socket.create_connection(("127.0.0.1", service.port), PATIENCE_S) as connection:
        connection.sendall(b"HEAD " + path + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 " + status)
    assert answer.endswith(b"\r\n\r\n")


def test_connections_that_trickle_hold_up_nobody(service: Service) -> None:
    before = service.flights
    connections = [socket.create_connection(("127.0.0.1", service.port), PATIENCE_S) for _ in range(SLOW_CONNECTIONS)]
    try:
        for part in (GET[:10], GET[10:], b"X-Slow: ", b"a", b"b"):
            for connection in connections:
                connection.sendall(part)
            assert service.flights == before
    finally:
        for connection in connections:
            connection.close()
    assert service.flights == before


def test_more_silent_connections_than_descriptors_hold_up_nobody_and_fill_no_log(tmp_path: Path) -> None:
    with serving(tmp_path, descriptors=200) as service, contextlib.ExitStack() as stack:
        before = service.flights
        for _ in range(400):
            stack.enter_context(socket.create_connection(("127.0.0.1", service.port), PATIENCE_S))
        assert service.flights == before
    log = (tmp_path / "log").read_text()
    assert len(log) < 100_000
    assert "Too many open files" not in log
    assert "API_MAX_CONNECTIONS is 512, and this process may open 200 files" in log


def test_callers_that_leave_in_the_middle_hold_up_nobody(service: Service) -> None:
    before, lake = service.flights, service.lake.fingerprint()
    for _ in range(SLOW_CONNECTIONS):
        with socket.create_connection(("127.0.0.1", service.port), PATIENCE_S) as connection:
            connection.sendall(GET + b"\r\n")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")  # a reset
    assert service.flights == before
    assert service.lake.fingerprint() == lake
