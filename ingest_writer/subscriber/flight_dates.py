"""From the bytes of messages to the flight dates that their events may have, before any is decoded.

Cheap, and never too few: a batch closes by them. A date that decoding rejects counts too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence, Set
from typing import Final

from ingest_writer.message import Message
from lakehouse.schema.event import MAX_MESSAGE_DATES

_PART_BYTES: Final = 131_072
_HEAD_BYTES: Final = 28  # {"flight_date": "2013-01-01"
_FIELD: Final = rb'"flight_date"[ \t\r\n]*:[ \t\r\n]*"([^"]{10})"'
_HEAD: Final = re.compile(rb"\{" + _FIELD)
_ANYWHERE: Final = re.compile(_FIELD)
_ESCAPED: Final = re.compile(rb"\\u00(?:2[dD]|3[0-9]|5[fF]|6[1-9cC]|74)")
"""A character of the field's name or of a date that is written as an escape, which nobody needs."""


def flight_dates(messages: Sequence[Message]) -> Set[object]:
    """At least the flight dates of the events in the messages."""
    return {date for some in _parts(messages) for date in _of_part(some)}


def _parts(messages: Sequence[Message]) -> Iterator[list[Message]]:
    """So many messages at once as a processor's cache holds: for 10 MB that is twice as fast."""
    part: list[Message] = []
    size = 0
    for message in messages:
        part.append(message)
        size += len(message.data)
        if size >= _PART_BYTES:
            yield part
            part, size = [], 0
    if part:
        yield part


def _of_part(messages: Sequence[Message]) -> Set[object]:
    data = b"\n".join([message.data for message in messages])
    if b"\\" in data and _ESCAPED.search(data):
        return {date for message in messages for date in _of_one(message)}
    return _dates(data)


def _of_one(message: Message) -> Set[object]:
    """Where names may be escaped, each line may have a date of its own."""
    if not _ESCAPED.search(message.data):
        return _dates(message.data)
    lines = min(message.data.count(b"\n") + 1, MAX_MESSAGE_DATES)
    return {(message.message_id, line) for line in range(lines)}


def _dates(data: bytes) -> set[object]:
    """Looks at the beginning of each line; through all of it where one does not begin with the date."""
    if _HEAD.match(data) is None:
        return set(_ANYWHERE.findall(data))
    heads = {line[:_HEAD_BYTES] for line in data.split(b"\n")} - {b""}
    found = [_HEAD.match(head) for head in heads]
    if None in found:
        return set(_ANYWHERE.findall(data))
    return {match[1] for match in found if match is not None}
