"""A minimal HTTP client with one open connection, so that the client costs little."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

_IDLE_MOST_S = 2.0  # uvicorn closes a connection that is not used for 5 s


@dataclass(frozen=True)
class Answer:
    """One answer and its time in milliseconds."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    ms: float


class Client:
    """One connection; for one thread."""

    def __init__(self, url: str, timeout_s: float = 60.0) -> None:
        self._connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=timeout_s)
        self._used_s = -_IDLE_MOST_S

    def get(self, path: str, headers: Mapping[str, str] = {}) -> Answer:
        return self._ask("GET", path, None, headers)

    def post(self, path: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        return self._ask("POST", path, body, headers)

    def json(self, path: str) -> Any:
        """Raises ValueError unless the answer is a 200."""
        answer = self.get(path)
        if answer.status != 200:
            raise ValueError(f"{path}: {answer.status} {answer.body[:300]!r}")
        return json.loads(answer.body)

    def close(self) -> None:
        self._connection.close()

    def _ask(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Answer:
        self._connect()
        began = time.perf_counter()
        self._connection.request(method, path, body, dict(headers))
        response = self._connection.getresponse()
        data = response.read()
        ms = (time.perf_counter() - began) * 1000
        self._used_s = time.monotonic()
        return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, data, ms)

    def _connect(self) -> None:
        """Opens a new connection if the old one may be closed; its time is not measured."""
        if time.monotonic() - self._used_s >= _IDLE_MOST_S:
            self._connection.close()
            self._connection.connect()


def answered(answer: Answer) -> Answer:
    """The answer, if it is a 200. Raises ValueError."""
    if answer.status != 200:
        raise ValueError(f"{answer.status}: {answer.body[:300]!r}")
    return answer
