"""From messages to a table of events, and rejected lines with their reasons.

Two paths with the same result: a fast one for messages without anything unusual (`vectorized.py`),
and a slow one, line by line (`line.py`), which gives the reasons of rejections, counts unknown
fields and finds duplicate keys. Never raises.
"""

from __future__ import annotations

import datetime as dt
import io
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, repeat
from typing import Final, NamedTuple

import msgspec
import pyarrow as pa

from ingest_writer.decoding.event import Origin, RejectError, Row, no_events
from ingest_writer.decoding.line import decode_line, is_nested_too_deep
from ingest_writer.decoding.vectorized import decode_fast_path
from ingest_writer.message import Message
from lakehouse.schema.event import EVENT_SCHEMA, MAX_MESSAGE_DATES

_COLUMNS_FROM_BYTES: Final = 30_000  # 100 events; below, the fast path costs 1 ms more than it saves
_GROUP_BYTES: Final = 4_000_000  # 12,000 events; larger groups save no more time
_SHORTEST_EVENT_BYTES: Final = 116  # the names of the required fields alone, with their punctuation
_ATTRIBUTES_BYTES: Final = 65_536  # with the rejected lines of a small message; 1,000 of those are a pull
_FLIGHT_DATE: Final = EVENT_SCHEMA.get_field_index("flight_date")
_SHORT_LINES_ONE_BY_ONE: Final = 10_000  # 10 MB of two-byte lines would take gigabytes as rows


class RejectedLine(NamedTuple):
    """A line that cannot be used, in the order of lakehouse.schema.event.REJECTED_SCHEMA."""

    bytes: bytes
    attributes: Mapping[str, str]
    stage: str
    reason: str
    message_id: str
    message_line: int
    publish_time_us: int


@dataclass(frozen=True)
class Decoded:
    """The outcome of decoding: events (EVENT_SCHEMA), rejected lines, and counts of unknown fields."""

    events: pa.Table
    rejected: list[RejectedLine] = field(default_factory=list)
    unknown_fields: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class _Lines:
    """The outcome of lines that were decoded one by one."""

    rows: list[Row] = field(default_factory=list)
    rejected: list[RejectedLine] = field(default_factory=list)
    unknown_fields: Counter[str] = field(default_factory=Counter)


def decode_messages(messages: Sequence[Message], columns_from_bytes: int = _COLUMNS_FROM_BYTES) -> Decoded:
    """Every line of every message, as an event or as a rejected line; by columns if they are that large together."""
    if sum(len(message.data) for message in messages) < columns_from_bytes:
        return decode_line_by_line(messages)
    lines = _Lines()
    events: list[pa.Table] = []
    for group in _groups(messages):
        taken = decode_fast_path(group)
        events += [taken.events, _decode_slow(taken.rest, lines)]
    return Decoded(pa.concat_tables(events), lines.rejected, lines.unknown_fields)


def _groups(messages: Sequence[Message]) -> Iterator[Sequence[Message]]:
    """Some megabytes of messages at a time: decoding takes several times their memory."""
    first = size = 0
    for number, message in enumerate(messages):
        size += len(message.data)
        if size >= _GROUP_BYTES:
            yield messages[first : number + 1]
            first, size = number + 1, 0
    if first < len(messages):
        yield messages[first:]


def decode_line_by_line(messages: Sequence[Message]) -> Decoded:
    """The same, without the fast path."""
    lines = _Lines()
    events = _decode_slow(messages, lines)
    return Decoded(events, lines.rejected, lines.unknown_fields)


def _decode_slow(messages: Sequence[Message], lines: _Lines) -> pa.Table:
    """The events of messages, line by line; rejected lines and unknown fields are added to `lines`.

    Rows of Python take four times the memory of a table, so they are cleared at once.
    """
    for message in messages:
        _decode_lines(message, lines)
    events = event_table(lines.rows)
    lines.rows.clear()
    return events


def _decode_lines(message: Message, decoded: _Lines) -> None:
    """Each line by itself; a message that is one JSON object over several lines is one line.

    The first MAX_MESSAGE_DATES flight dates of its events pass, in the order of the lines.
    Lines that are too short for any event, after many rejected ones, are rejected together. Attributes that are
    large are kept with the first rejected lines of the message only.
    """
    attributes = _repeated(message)
    together = bytearray()
    first = 0
    dates: set[dt.date] = set()
    for number, line in _lines(message.data):
        if len(line) < _SHORTEST_EVENT_BYTES and len(decoded.rejected) >= _SHORT_LINES_ONE_BY_ONE:
            first = first if together else number
            together += line + b"\n"
            continue
        try:
            origin = Origin(message.publish_time_us, message.message_id, number)
            row = decode_line(line, origin, decoded.unknown_fields)
            _check_date(row[_FLIGHT_DATE], dates)
            decoded.rows.append(row)
        except RejectError as error:
            decoded.rejected.append(_rejected(message, next(attributes), number, line, error))
    if together:
        reason = f"{together.count(10)} lines from this one on are too short for an event, and kept together"
        decoded.rejected.append(
            _rejected(message, next(attributes), first, bytes(together), RejectError("decode", reason))
        )


def _check_date(date: dt.date, dates: set[dt.date]) -> None:
    """Adds the flight date of an event to those of its message. Raises RejectError when they have no room for it."""
    if len(dates) >= MAX_MESSAGE_DATES and date not in dates:
        raise RejectError(
            "validate",
            f"flight_date {date} is one too many: events of {MAX_MESSAGE_DATES} other flight dates come before it in"
            " this message, which is the most; send it in another message",
        )
    dates.add(date)


def _repeated(message: Message) -> Iterator[Mapping[str, str]]:
    """The attributes until they take about as much memory as the message; then empty ones.

    Pub/Sub accepts 100 kB of them: kept with every rejected line they would take gigabytes.
    """
    size = sum(len(name) + len(value) for name, value in message.attributes.items())
    times = 1 + max(len(message.data), _ATTRIBUTES_BYTES) // max(size, 1)
    return chain(repeat(message.attributes, times), repeat({}))


def _rejected(
    message: Message, attributes: Mapping[str, str], number: int, line: bytes, error: RejectError
) -> RejectedLine:
    return RejectedLine(
        line,
        attributes,
        error.stage,
        error.reason,
        message.message_id,
        number,
        message.publish_time_us,
    )


def _lines(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Numbered lines; blank ones are left out unless there is nothing else."""
    texts = ((number, text.removesuffix(b"\n")) for number, text in enumerate(io.BytesIO(data)))
    lines = ((number, line) for number, line in texts if line.strip())
    first = next(lines, None)
    if first is None or b"\n" not in data or _is_one_object(first[1], data):
        yield 0, data
        return
    yield first
    yield from lines


def _is_one_object(first_line: bytes, data: bytes) -> bool:
    """Whether the message is one JSON object written over several lines."""
    if not data.lstrip().startswith(b"{") or _is_json(first_line):
        return False
    return _is_json(data)


def _is_json(data: bytes) -> bool:
    if is_nested_too_deep(data):
        return False
    try:
        msgspec.json.decode(data, type=msgspec.Raw)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return False
    return True


def event_table(rows: Sequence[Row]) -> pa.Table:
    """Rows as columns of EVENT_SCHEMA, in their order."""
    if not rows:
        return no_events()
    columns = zip(*rows, strict=True)
    return pa.table([pa.array(c, f.type) for c, f in zip(columns, EVENT_SCHEMA, strict=True)], schema=EVENT_SCHEMA)
