"""One message decoded, for tests of decoding: its rows, or its one rejection."""

from __future__ import annotations

from typing import Any

from ingest_writer.decoding.decoder import Decoded, decode_messages
from tests._support.events.builders import PUBLISHED, by_column, line, message, microseconds, rows_of


def decode(data: bytes) -> Decoded:
    return decode_messages([message(data)], columns_from_bytes=0)


def row_of(**changes: Any) -> dict[str, Any]:
    """The row of a valid event."""
    decoded = decode(line(**changes))
    assert not decoded.rejected
    [row] = rows_of(decoded.events)
    return by_column(row)


def rejection(data: bytes) -> tuple[str, str]:
    """Stage and reason of a message that is one bad line, whose bytes and origin must be kept."""
    decoded = decode_messages([message(data, "77", attributes={"from": "test"})])
    assert rows_of(decoded.events) == []
    [rejected] = decoded.rejected
    assert rejected.bytes == data
    assert rejected.attributes == {"from": "test"}
    assert (rejected.message_id, rejected.message_line) == ("77", 0)
    assert rejected.publish_time_us == microseconds(PUBLISHED)
    return rejected.stage, rejected.reason
