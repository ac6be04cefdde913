"""Finds an object's bytes in an upload and checks them as Cloud Storage, not the emulator, does."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass

import google_crc32c

_PARTS = re.compile(rb"\A(--[^\r\n]+)\r\n.*?\r\n\r\n(.*?)\r\n\1\r\n.*?\r\n\r\n(.*)\r\n\1--\s*\Z", re.DOTALL)
_PROMISED = re.compile(r"crc32c=([\w+/]+=*)")


@dataclass(frozen=True)
class Upload:
    """A body as `before + content + after`, and the crc32c that the client says the content has; "" for none."""

    before: bytes
    content: bytes
    after: bytes
    promised: str

    @property
    def body(self) -> bytes:
        return self.before + self.content + self.after

    @property
    def is_whole(self) -> bool:
        """What was promised, or nothing was."""
        actual = base64.b64encode(google_crc32c.value(self.content).to_bytes(4, "big")).decode()
        return self.promised in ("", actual)


def multipart(body: bytes) -> Upload:
    """A simple upload: the object's description, then its bytes."""
    match = _PARTS.match(body)
    if match is None:
        raise ValueError(f"not a multipart upload: {body[:200]!r}")
    start, end = match.span(3)
    return Upload(body[:start], body[start:end], body[end:], json.loads(match[2]).get("crc32c", ""))


def sent(body: bytes, promises: str) -> Upload:
    """The one piece of a resumable upload (the client's pieces are 100 MB), with its x-goog-hash."""
    promised = _PROMISED.search(promises)
    return Upload(b"", body, b"", "" if promised is None else promised[1])


def named_in(body: bytes) -> str:
    match = _PARTS.match(body)
    return "" if match is None else str(json.loads(match[2])["name"])


def refusal() -> bytes:
    """Cloud Storage's answer, with 400, to bytes that do not have the crc32c that came with them."""
    message = 'Provided CRC32C "AAAAAA==" doesn\'t match calculated CRC32C "AAAAAQ==".'
    return json.dumps({"error": {"code": 400, "message": message}}).encode()
