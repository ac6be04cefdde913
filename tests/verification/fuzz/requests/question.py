"""A request as bytes, so that no client repairs it, and as a command to repeat it by hand."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

Pairs = list[tuple[str, str]]
Headers = tuple[tuple[bytes, bytes], ...]

_CURL_CHARACTERS = 2000


@dataclass(frozen=True)
class Expected:
    """The only right answer: its `body`, or its flights by `rows`, and the cursor."""

    status: int
    parameter: str | None = None
    body: Any = None
    rows: tuple[dict[str, Any], ...] | None = None
    next_cursor: str | None = None


@dataclass(frozen=True)
class Question:
    """`path` and `query` as sent. `expected` is None where only the rules for all answers hold."""

    kind: str
    path: bytes
    query: bytes = b""
    method: str = "GET"
    headers: Headers = ()
    body: bytes = b""
    expected: Expected | None = None

    def curl(self, base: str = "http://127.0.0.1:8080") -> str:
        """The command that asks it, cut where it gets too long to be read."""
        target = self.path + (b"?" + self.query if self.query else b"")
        url = base + quote(target, safe="/%?&=+;,:@!$'()*-._~[]{}|\\^`\"<> #")
        parts = ["curl", "-i", "--globoff", "--path-as-is", "-X", self.method, url]
        for name, value in self.headers:
            parts += ["-H", f"{name.decode('latin-1')}: {value.decode('latin-1')}"]
        if self.body:
            parts += ["--data-binary", self.body.decode("latin-1")]
        line = shlex.join(parts)
        return line if len(line) <= _CURL_CHARACTERS else f"{line[:_CURL_CHARACTERS]}... ({len(line)} characters)"


def asked(kind: str, path: str, pairs: Iterable[tuple[str, str]], expected: Expected | None, **more: Any) -> Question:
    """A question of well-formed percent-encoding."""
    query = urlencode(list(pairs), errors="surrogatepass").encode()
    return Question(kind, quote(path, safe="/", errors="surrogatepass").encode(), query, expected=expected, **more)


def on_the_wire(text: str) -> str:
    """As an application can show it: half of a surrogate pair is no UTF-8."""
    return text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
