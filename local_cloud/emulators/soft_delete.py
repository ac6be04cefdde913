"""Soft delete in front of the GCS server, which has none: what is deleted can be listed and restored.

As the JSON API of Cloud Storage: `DELETE` keeps the object aside; a list or a get with `softDeleted=true` shows
it; `POST .../restore?generation=N` makes it live again, as a new generation; `bulkRestore` does so with the
newest of all that was deleted between two times, where nothing is live. Everything else goes to the server
unchanged. Only deletes are kept, not what a write replaces, and until this ends, not for some days.
"""

from __future__ import annotations

import datetime as dt
import fnmatch
import json
import threading
import uuid
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPResponse
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from types import TracebackType
from typing import Any, Final
from urllib.parse import parse_qs, quote, unquote, urlsplit

from local_cloud.emulators.http_server import LoopbackServer

_ANSWERS_WITHIN_S: Final = 60.0
_ONE_HOP: Final = {"connection", "keep-alive", "transfer-encoding", "content-length", "host", "te", "upgrade"}


@dataclass(frozen=True)
class _Deleted:
    """An object that is kept aside: its metadata and its bytes."""

    metadata: dict[str, Any]
    data: bytes


@dataclass(frozen=True)
class _Path:
    """What a path of the JSON API is about; `name` is empty for the objects of a bucket."""

    bucket: str
    name: str
    action: str = ""

    @classmethod
    def of(cls, path: str) -> _Path | None:
        match path.removeprefix("/storage/v1").split("/"):
            case ["", "b", bucket, "o"]:
                return cls(bucket, "")
            case ["", "b", bucket, "o", "bulkRestore"]:
                return cls(bucket, "", "bulkRestore")
            case ["", "b", bucket, "o", name]:
                return cls(bucket, unquote(name))
            case ["", "b", bucket, "o", name, "restore"]:
                return cls(bucket, unquote(name), "restore")
            case _:
                return None


def gcloud_environment(url: str, settings: Path) -> dict[str, str]:
    """What leads gcloud to this storage, with `settings` as its folder and nobody's own identity."""
    return {
        "CLOUDSDK_API_ENDPOINT_OVERRIDES_STORAGE": f"{url}/storage/v1/",
        "CLOUDSDK_AUTH_DISABLE_CREDENTIALS": "true",
        "CLOUDSDK_CONFIG": str(settings),
        "CLOUDSDK_CORE_PROJECT": "local",
        "CLOUDSDK_CORE_DISABLE_PROMPTS": "true",
        "CLOUDSDK_CORE_DISABLE_USAGE_REPORTING": "true",
    }


class SoftDelete:
    """`with SoftDelete(server.port) as storage:` serves at `storage.url`, the value for STORAGE_EMULATOR_HOST."""

    def __init__(self, upstream_port: int) -> None:
        self._upstream_port = upstream_port
        self._deleted: dict[tuple[str, str, str], _Deleted] = {}
        self._lock = threading.Lock()
        store = self

        class Handler(_Handler):
            storage = store

        self._server = LoopbackServer(Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def url(self) -> str:
        return self._server.url

    def __enter__(self) -> SoftDelete:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def upstream(
        self, method: str, target: str, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> tuple[HTTPResponse, bytes]:
        """What the server says."""
        connection = HTTPConnection("127.0.0.1", self._upstream_port, timeout=_ANSWERS_WITHIN_S)
        try:
            connection.request(method, target, body, {**(headers or {}), "Content-Length": str(len(body))})
            response = connection.getresponse()
            return response, response.read()
        finally:
            connection.close()

    def delete(self, path: _Path, target: str, headers: dict[str, str]) -> tuple[HTTPResponse, bytes]:
        """Deletes, and keeps what was there."""
        place = f"/storage/v1/b/{path.bucket}/o/{quote(path.name, safe='')}"
        found, described = self.upstream("GET", place)
        _, data = self.upstream("GET", f"{place}?alt=media")
        response, body = self.upstream("DELETE", target, headers=headers)
        if found.status == 200 and response.status < 300:
            now = dt.datetime.now(dt.UTC)
            times = {"softDeleteTime": now.isoformat(), "hardDeleteTime": (now + dt.timedelta(days=7)).isoformat()}
            metadata = {**json.loads(described), **times}
            with self._lock:
                self._deleted[path.bucket, path.name, str(metadata["generation"])] = _Deleted(metadata, data)
        return response, body

    def listed(self, bucket: str, prefix: str) -> list[dict[str, Any]]:
        """What was deleted and not restored, by name and then generation."""
        with self._lock:
            keys = sorted(key for key in self._deleted if key[0] == bucket and key[1].startswith(prefix))
            return [self._deleted[key].metadata for key in keys]

    def described(self, bucket: str, name: str, generation: str) -> dict[str, Any] | None:
        with self._lock:
            kept = self._deleted.get((bucket, name, generation))
        return None if kept is None else kept.metadata

    def restore(self, path: _Path, query: dict[str, str]) -> tuple[int, bytes]:
        """The status and the object's new metadata, or what is wrong."""
        key = (path.bucket, path.name, query.get("generation", ""))
        with self._lock:
            kept = self._deleted.get(key)
        if kept is None:
            return 404, _problem(404, f"No such soft-deleted object: {path.bucket}/{path.name}#{key[2]}")
        target = f"/upload/storage/v1/b/{path.bucket}/o?uploadType=multipart"
        if "ifGenerationMatch" in query:
            target += f"&ifGenerationMatch={query['ifGenerationMatch']}"
        response, body = self.upstream("POST", target, *_multipart(path.name, kept))
        if response.status < 300:
            with self._lock:
                self._deleted.pop(key, None)
        return response.status, body

    def restore_all(self, bucket: str, asked: dict[str, Any]) -> None:
        """The newest generation of each name that `asked` matches; what is live stays."""
        after = _time(asked.get("softDeletedAfterTime", "0001-01-01T00:00:00Z"))
        before = _time(asked.get("softDeletedBeforeTime", "9999-01-01T00:00:00Z"))
        newest = {
            item["name"]: item["generation"]
            for item in self.listed(bucket, "")
            if after < _time(item["softDeleteTime"]) < before
            and _matches(item["name"], asked.get("matchGlobs", ["**"]))
        }
        for name, generation in newest.items():
            self.restore(_Path(bucket, name), {"generation": generation, "ifGenerationMatch": "0"})


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    storage: SoftDelete

    def _answer(self) -> None:
        parts = urlsplit(self.path)
        path = _Path.of(parts.path)
        query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        body = self._body()
        headers = {name: value for name, value in self.headers.items() if name.lower() not in _ONE_HOP}
        is_soft = query.get("softDeleted", "").lower() == "true"
        if path is not None and is_soft and self.command == "GET":
            self._soft_deleted(path, query)
        elif path is not None and path.action == "restore" and self.command == "POST":
            self._send(*self.storage.restore(path, query))
        elif path is not None and path.action == "bulkRestore" and self.command == "POST":
            self.storage.restore_all(path.bucket, json.loads(body))
            self._send(200, json.dumps({"kind": "storage#operation", "name": "1", "done": True}).encode())
        elif path is not None and path.name and self.command == "DELETE":
            self._pass_on(*self.storage.delete(path, self.path, headers))
        else:
            self._pass_on(*self.storage.upstream(self.command, self.path, body, headers))

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _answer

    def _soft_deleted(self, path: _Path, query: dict[str, str]) -> None:
        if not path.name:
            items = self.storage.listed(path.bucket, query.get("prefix", ""))
            self._send(200, json.dumps({"kind": "storage#objects", "items": items}).encode())
            return
        found = self.storage.described(path.bucket, path.name, query.get("generation", ""))
        if found is None:
            self._send(404, _problem(404, f"No such soft-deleted object: {path.bucket}/{path.name}"))
        else:
            self._send(200, json.dumps(found).encode())

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        chunks = []
        while size := int(self.rfile.readline().partition(b";")[0], 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(chunks)

    def _pass_on(self, response: HTTPResponse, body: bytes) -> None:
        self.send_response(response.status, response.reason)
        for name, value in response.getheaders():
            if name.lower() not in _ONE_HOP:
                self.send_header(name, value)
        self._end(response.status, body, response.getheader("Content-Length"))

    def _send(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self._end(status, body, None)

    def _end(self, status: int, body: bytes, length: str | None) -> None:
        if status >= 200 and status not in (204, 304):
            self.send_header("Content-Length", length if self.command == "HEAD" and length else str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Logs nothing: the client knows what it requested."""


def _time(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).astimezone(dt.UTC)


def _matches(name: str, globs: list[str]) -> bool:
    """`fnmatch` lets `*` match slashes too; of globs with `**` alone, that is the same."""
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in globs)


def _multipart(name: str, kept: _Deleted) -> tuple[bytes, dict[str, str]]:
    """Metadata and bytes in one body: the server checks preconditions of this kind of upload alone."""
    kind = kept.metadata.get("contentType", "application/octet-stream")
    metadata = json.dumps({"name": name, "contentType": kind}).encode()
    boundary = f"={uuid.uuid4().hex}"
    line = f"--{boundary}".encode()
    parts = [b"Content-Type: application/json\r\n\r\n" + metadata, f"Content-Type: {kind}\r\n\r\n".encode() + kept.data]
    body = b"".join(line + b"\r\n" + part + b"\r\n" for part in parts) + line + b"--"
    return body, {"Content-Type": f'multipart/related; boundary="{boundary}"'}


def _problem(status: int, message: str) -> bytes:
    return json.dumps({"error": {"code": status, "message": message}}).encode()
