"""A lying proxy before a Cloud Storage server: it injects faults as a plan says, by request."""

from __future__ import annotations

import json
from dataclasses import replace
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler
from threading import Condition, Event, Lock, Thread
from types import TracebackType
from typing import NamedTuple
from urllib.parse import parse_qs, quote, urlsplit

from local_cloud.emulators.http_server import LoopbackServer
from tests._support.servers.http_server import reset
from tests.verification.fault_injection.faults import (
    HONEST,
    UPLOADS,
    Fault,
    Kind,
    Operation,
    Plan,
    Request,
    flipped,
    parse_request,
    position,
)
from tests.verification.fault_injection.uploads import multipart, refusal, sent

_SERVER_ANSWERS_S = 30.0
_SETTLES_S = 30.0
_DROPPED_HEADERS = ("connection", "content-length", "transfer-encoding", "date", "server")


class _Answer(NamedTuple):
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


class LyingProxy:
    """`with LyingProxy(port, stall_s) as proxy:` forwards to the server at `port`.

    `proxy.plan` decides the faults. A stall ends after `stall_s`, which must be longer than the
    client's timeout. `proxy.told` has the requests and their faults.
    """

    def __init__(self, server_port: int, stall_s: float) -> None:
        self.plan: Plan = HONEST
        self.told: list[tuple[Request, Fault | None]] = []
        self._server_port = server_port
        self._stall_s = stall_s
        self._released = Event()
        self._in_flight = 0
        self._changed = Condition()
        self._sessions: dict[str, Request] = {}
        """Resumable uploads under way that may not replace anything, by their id."""
        self._creating = Lock()
        self._listener = _listener(self)
        self.url = self._listener.url

    def __enter__(self) -> LyingProxy:
        Thread(target=self._listener.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.be_honest()
        self._listener.shutdown()
        self._listener.server_close()

    def be_honest(self) -> None:
        """No lies from now on; returns when what was late or stalled is over."""
        self.plan = HONEST
        self._released.set()
        with self._changed:
            assert self._changed.wait_for(lambda: self._in_flight == 0, _SETTLES_S), "requests are still in flight"
        self._released.clear()

    def lies(self) -> list[Fault]:
        return [fault for _, fault in self.told if fault is not None]

    def handle(self, client: _Handler, body: bytes) -> None:
        with self._changed:
            self._in_flight += 1
        try:
            request = parse_request(client.command, client.path, body)
            fault = self.plan(request)
            self.told.append((request, fault))
            self._tell(client, request, body, fault)
        finally:
            with self._changed:
                self._in_flight -= 1
                self._changed.notify_all()

    def _tell(self, client: _Handler, request: Request, body: bytes, fault: Fault | None) -> None:
        if fault is None or fault.kind in (Kind.CUT, Kind.SHORT, Kind.FLIP_ANSWER, Kind.FLIP_UPLOAD):
            answer = self._forward(client, request, body, fault if fault and fault.kind is Kind.FLIP_UPLOAD else None)
            client.answer(*_changed(answer, request, fault))
            return
        if fault.kind is Kind.LATE:
            self._released.wait(self._stall_s)
        if fault.after or fault.kind is Kind.LATE:
            self._forward(client, request, body, None)
        if fault.kind is Kind.STALL:
            self._released.wait(self._stall_s)
        if fault.kind is Kind.STATUS:
            client.answer(_refused(fault.status))
        else:
            client.reset()

    def _forward(self, client: _Handler, request: Request, body: bytes, flip: Fault | None) -> _Answer:
        """The server's answer.

        Like Cloud Storage, unlike the server, it refuses bytes without their crc32c, and the end of a resumable upload
        whose object somebody else has created meanwhile.
        """
        if request.operation in UPLOADS:
            is_simple = request.operation is Operation.CREATE
            upload = multipart(body) if is_simple else sent(body, client.headers.get("x-goog-hash", ""))
            if flip is not None:
                upload = replace(upload, content=flipped(upload.content, position(upload.content, flip)))
            if not upload.is_whole:
                return _Answer(400, (("Content-Type", "application/json"),), refusal())
            with self._creating:
                return self._conflict(client) or self._ask(client, upload.body)
        answer = self._ask(client, body)
        if request.operation is Operation.BEGIN and _query(client.path).get("ifGenerationMatch") == ["0"]:
            self._sessions[_session(dict(answer.headers)["Location"])] = request
        return answer

    def _conflict(self, client: _Handler) -> _Answer | None:
        begun = self._sessions.pop(_session(client.path), None)
        if begun is None:
            return None
        bucket = urlsplit(client.path).path.partition("/b/")[2].partition("/")[0]
        connection = HTTPConnection("127.0.0.1", self._server_port, timeout=_SERVER_ANSWERS_S)
        try:
            connection.request("GET", f"/storage/v1/b/{bucket}/o/{quote(begun.name, safe='')}")
            return _refused(412) if connection.getresponse().status == 200 else None
        finally:
            connection.close()

    def _ask(self, client: _Handler, body: bytes) -> _Answer:
        connection = HTTPConnection("127.0.0.1", self._server_port, timeout=_SERVER_ANSWERS_S)
        headers = {k: v for k, v in client.headers.items() if k.lower() not in ("host", "connection")}
        try:
            connection.request(client.command, client.path, body or None, headers)
            response = connection.getresponse()
            server = f"http://127.0.0.1:{self._server_port}"
            passed = tuple(
                (k, v.replace(server, self.url)) for k, v in response.getheaders() if k.lower() not in _DROPPED_HEADERS
            )
            return _Answer(response.status, passed, response.read())
        finally:
            connection.close()


def _changed(answer: _Answer, request: Request, fault: Fault | None) -> tuple[_Answer, int]:
    """What the client gets, and the Content-Length that it is told."""
    body = answer.body
    if fault is not None and fault.kind in (Kind.CUT, Kind.SHORT):
        body = body[: int(fault.at * len(body))]
    if fault is not None and fault.kind is Kind.FLIP_ANSWER:
        body = flipped(body, position(body, fault))
    told = len(answer.body) if fault is not None and fault.kind is Kind.CUT else len(body)
    return answer._replace(body=body), told


def _query(target: str) -> dict[str, list[str]]:
    return parse_qs(urlsplit(target).query)


def _session(target: str) -> str:
    """The id of the resumable upload that a URL belongs to; "" for none."""
    return _query(target).get("upload_id", [""])[0]


def _refused(status: int) -> _Answer:
    body = json.dumps({"error": {"code": status, "message": "a lie"}}).encode()
    return _Answer(status, (("Content-Type", "application/json"),), body)


class _Handler(BaseHTTPRequestHandler):
    """One connection of the client."""

    protocol_version = "HTTP/1.1"
    proxy: LyingProxy

    def _handle(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.proxy.handle(self, body)

    do_GET = do_POST = do_PUT = do_DELETE = _handle

    def answer(self, answer: _Answer, length: int | None = None) -> None:
        length = len(answer.body) if length is None else length
        head = [f"HTTP/1.1 {answer.status} As told", *(f"{k}: {v}" for k, v in answer.headers)]
        if answer.status != 204:
            head.append(f"Content-Length: {length}")
        try:
            # At once: in two pieces the second would wait for the client's acknowledgement.
            self.wfile.write("\r\n".join([*head, "\r\n"]).encode() + answer.body)
        except OSError:  # the client did not wait
            self.close_connection = True
        if len(answer.body) < length:
            self.close_connection = True

    def reset(self) -> None:
        """Resets the connection: all further use by the client fails."""
        self.close_connection = True
        self.rfile.close()
        reset(self.connection)

    def log_message(self, *_: object) -> None:
        pass


class _Listener(LoopbackServer):
    daemon_threads = True
    block_on_close = False  # connections that the client keeps open


def _listener(proxy: LyingProxy) -> _Listener:
    handler = type("_ProxyHandler", (_Handler,), {"proxy": proxy})
    return _Listener(handler)
