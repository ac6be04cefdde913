"""From a message's bytes to rows of the event columns, and rejected lines with their reasons.

Two paths with the same result: a fast one for messages that are plainly good (`vectorized.py`), and this one,
line by line, which learns what is wrong with the others, counts unknown fields and finds duplicate keys. Never raises.
"""

from __future__ import annotations

import datetime as dt
import io
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, repeat
from typing import Annotated, Any, Final, NamedTuple

import msgspec
import pyarrow as pa

from ingest_writer.decoding.limits import limits
from ingest_writer.decoding.strict_json import NotAnObjectError, is_nested_too_deep, parse_object
from ingest_writer.decoding.tables import OTHER_NAMES, UNKNOWN_NAMES, Decoded, RejectedLine, Row, event_table
from ingest_writer.decoding.vectorized import decode_fast_path
from ingest_writer.message import Message
from lakehouse.schema import event as rules
from lakehouse.schema.event import DECODER_VERSION
from lakehouse.schema.fields import Time


class Event(msgspec.Struct, gc=False):
    """The fields of one JSON object, each valid by itself."""

    flight_date: dt.date
    carrier: Annotated[str, limits("carrier")]
    flight_number: Annotated[int, limits("flight_number")]
    origin: Annotated[str, limits("origin")]
    destination: Annotated[str, limits("destination")]
    scheduled_departure: Annotated[dt.datetime, limits("scheduled_departure")]
    status: rules.Status
    event_time: Annotated[dt.datetime, limits("event_time")]
    operational_suffix: Annotated[str, limits("operational_suffix")] | None = None
    diverted_to: Annotated[str, limits("diverted_to")] | None = None
    scheduled_arrival: Annotated[dt.datetime, limits("scheduled_arrival")] | None = None
    actual_departure: Annotated[dt.datetime, limits("actual_departure")] | None = None
    actual_arrival: Annotated[dt.datetime, limits("actual_arrival")] | None = None
    departure_delay_minutes: Annotated[int, limits("departure_delay_minutes")] | None = None
    arrival_delay_minutes: Annotated[int, limits("arrival_delay_minutes")] | None = None
    tail_number: Annotated[str, limits("tail_number")] | None = None
    air_time_minutes: Annotated[int, limits("air_time_minutes")] | None = None
    distance_km: Annotated[int, limits("distance_km")] | None = None


_KNOWN: Final = frozenset(Event.__struct_fields__)
_TIMES: Final = tuple(name for name in Event.__struct_fields__ if isinstance(rules.FIELD[name], Time))
_RFC_3339: Final = re.compile(
    r"[0-9-]{10}[Tt][0-9:]{8}(?:\.(?P<fraction>[0-9]+))?(?P<offset>[Zz]|[+-][0-9]{2}:[0-9]{2})"
)  # only what the library lets through besides; it knows the calendar
_FRACTION_DIGITS: Final = 6
_DECODER: Final = msgspec.json.Decoder(Event)
_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MIN_US: Final = -62_135_510_400_000_000  # 0001-01-02: any offset fits
_MAX_US: Final = 253_402_128_000_000_000  # 9999-12-30
_MAX_LEAD_US: Final = rules.MAX_EVENT_LEAD // dt.timedelta(microseconds=1)
_YEARS: Final = f"{rules.MIN_FLIGHT_DATE.year} to {rules.MAX_FLIGHT_DATE.year}"
_MINUTE_US: Final = 60_000_000
_COLUMNS_FROM_BYTES: Final = 30_000  # a hundred events: below it the fast path costs more than it saves, 1 ms
_GROUP_BYTES: Final = 4_000_000  # 12,000 events; more would save nothing any more
_REASON_CHARACTERS: Final = 500  # enough to see what is wrong; the bytes are kept anyway
_SHORTEST_EVENT_BYTES: Final = 116  # the names of the required fields alone, with their punctuation
_ATTRIBUTES_BYTES: Final = 65_536  # with the rejected lines of a small message; 1,000 of those are a pull
_SHORT_LINES_APART: Final = 10_000  # rejected one by one; 10 MB of two-byte lines would take gigabytes as rows


class Origin(NamedTuple):
    """Where a line came from: three of the five parts of the order."""

    publish_time_us: int
    message_id: str
    message_line: int


@dataclass(slots=True)
class _Lines:
    """What became of lines that were judged one by one."""

    rows: list[Row] = field(default_factory=list)
    rejected: list[RejectedLine] = field(default_factory=list)
    unknown_fields: Counter[str] = field(default_factory=Counter)


class RejectError(Exception):
    """This line cannot be used. `stage` is `decode` (not a JSON object) or `validate` (not an event)."""

    def __init__(self, stage: str, reason: str) -> None:
        # A reason may quote the line, which can be long, and have halves of characters: those have no UTF-8.
        if len(reason) > _REASON_CHARACTERS:
            reason = f"{reason[: _REASON_CHARACTERS - 100]} ... {reason[-95:]}"  # the end says where
        storable = reason.encode(errors="backslashreplace").decode()
        super().__init__(storable)
        self.stage = stage
        self.reason = storable


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
    """Some megabytes of them at a time: what a column or a row takes on its way is several times its messages."""
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
    """The events of messages, line by line; whatever else became of them is added to `lines`.

    As rows of Python they take four times as much as in a table: none stay.
    """
    for message in messages:
        _decode_lines(message, lines)
    events = event_table(lines.rows)
    lines.rows.clear()
    return events


def decode_line(line: bytes, origin: Origin, unknown_fields: Counter[str]) -> Row:
    """The row of one line. Raises RejectError."""
    return to_row(_parse(line, unknown_fields), origin)


def decode_object(values: Mapping[str, Any], origin: Origin, unknown_fields: Counter[str]) -> Row:
    """The row of one object that is parsed already. Raises RejectError."""
    _count(unknown_fields, values.keys() - _KNOWN)
    try:
        event = msgspec.convert(values, Event)
        _take_times_as_written(event, values)
        return to_row(event, origin)
    except msgspec.ValidationError as error:
        raise RejectError("validate", str(error)) from None


def to_row(event: Event, origin: Origin) -> Row:
    """The row of a valid event, with the rules that span several fields. Raises RejectError."""
    scheduled = _microseconds(event.scheduled_departure, "scheduled_departure")
    event_time = _microseconds(event.event_time, "event_time")
    _check_dates(event, event_time, origin.publish_time_us)
    departure = _optional_microseconds(event.actual_departure, "actual_departure")
    scheduled_arrival = _optional_microseconds(event.scheduled_arrival, "scheduled_arrival")
    arrival = _optional_microseconds(event.actual_arrival, "actual_arrival")
    departure_delay = event.departure_delay_minutes
    if departure_delay is None:
        departure_delay = _delay("departure_delay_minutes", departure, scheduled)
    arrival_delay = event.arrival_delay_minutes
    if arrival_delay is None:
        arrival_delay = _delay("arrival_delay_minutes", arrival, scheduled_arrival)
    return (
        event.flight_date,
        event.carrier,
        event.flight_number,
        event.operational_suffix or "",
        event.origin,
        event.destination,
        event.diverted_to,
        scheduled,
        event.scheduled_departure.hour,
        scheduled_arrival,
        departure,
        arrival,
        event.status,
        departure_delay,
        arrival_delay,
        event.air_time_minutes,
        event.distance_km,
        event.tail_number,
        event_time,
        origin.publish_time_us,
        origin.message_id,
        origin.message_line,
        DECODER_VERSION,
    )


def _decode_lines(message: Message, decoded: _Lines) -> None:
    """Each line by itself; a message that is one JSON object over several lines is one line.

    Lines that are too short for any event, after many rejected ones, are rejected together. Attributes that are
    large are kept with the first rejected lines of the message only.
    """
    attributes = _repeated(message)
    together = bytearray()
    first = 0
    for number, line in _lines(message.data):
        if len(line) < _SHORTEST_EVENT_BYTES and len(decoded.rejected) >= _SHORT_LINES_APART:
            first = first if together else number
            together += line + b"\n"
            continue
        try:
            origin = Origin(message.publish_time_us, message.message_id, number)
            decoded.rows.append(decode_line(line, origin, decoded.unknown_fields))
        except RejectError as error:
            decoded.rejected.append(_rejected(message, next(attributes), number, line, error))
    if together:
        reason = f"{together.count(10)} lines from this one on are too short for an event, and kept together"
        decoded.rejected.append(
            _rejected(message, next(attributes), first, bytes(together), RejectError("decode", reason))
        )


def _repeated(message: Message) -> Iterator[Mapping[str, str]]:
    """The attributes, as often as they take about as much as the message itself; then empty ones.

    Of the most that Pub/Sub takes, 100 kB, the rejected lines of one message would otherwise make gigabytes.
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


def _parse(line: bytes, unknown_fields: Counter[str]) -> Event:
    if not line.strip():
        raise RejectError("decode", "empty: there is no JSON object in it")
    try:
        pairs = parse_object(line)
    except NotAnObjectError as error:
        raise RejectError("decode", str(error)) from None
    values = dict(pairs)
    if len(values) < len(pairs):
        names = Counter(name for name, _ in pairs)
        twice = sorted(name[:80] for name, times in names.items() if times > 1)
        raise RejectError("decode", f"duplicate keys: {', '.join(twice[:5])}")
    event = _validate(line)
    _take_times_as_written(event, values)
    _count(unknown_fields, values.keys() - _KNOWN)
    return event


def _count(unknown_fields: Counter[str], names: Collection[str]) -> None:
    """Under a bounded number of names: a publisher that puts ids into names must not fill the memory."""
    for name in (each[:80] for each in names):
        is_kept = name in unknown_fields or len(unknown_fields) < UNKNOWN_NAMES
        unknown_fields[name if is_kept else OTHER_NAMES] += 1


def _validate(line: bytes) -> Event:
    try:
        return _DECODER.decode(line)
    except msgspec.ValidationError as error:
        raise RejectError("validate", str(error)) from None
    except RecursionError:
        raise RejectError("decode", "nested too deep") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RejectError("decode", f"not JSON: {str(error)[:200]}") from None


def _take_times_as_written(event: Event, values: Mapping[str, Any]) -> None:
    """Checks the form of times that came as text, and cuts what is finer than microseconds, as the library does not.

    Raises RejectError.
    """
    for name in _TIMES:
        text = values.get(name)
        if not isinstance(text, str):
            continue
        match = _RFC_3339.fullmatch(text)
        if match is None:
            wanted = "RFC 3339 has a T between date and time, and a colon in the offset"
            raise RejectError("validate", f"{wanted}, not {text!r} - at `$.{name}`")
        if len(match["fraction"] or "") > _FRACTION_DIGITS:
            cut = text[: match.start("fraction") + _FRACTION_DIGITS] + match["offset"]
            setattr(event, name, msgspec.convert(cut, dt.datetime))


def _microseconds(value: dt.datetime, name: str) -> int:
    delta = value - _EPOCH
    result = (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds
    if not _MIN_US <= result <= _MAX_US:
        raise RejectError("validate", f"{name} is {value.isoformat()}, outside the years 1 to 9999 in UTC")
    return result


def _optional_microseconds(value: dt.datetime | None, name: str) -> int | None:
    return None if value is None else _microseconds(value, name)


def _check_dates(event: Event, event_time_us: int, publish_time_us: int) -> None:
    day = event.flight_date
    if not rules.MIN_FLIGHT_DATE <= day <= rules.MAX_FLIGHT_DATE:
        raise RejectError("validate", f"flight_date is {day}, outside {_YEARS}")
    apart = abs(event.scheduled_departure.toordinal() - day.toordinal())
    if apart > rules.MAX_DAYS_FROM_SCHEDULED_DEPARTURE:
        most = rules.MAX_DAYS_FROM_SCHEDULED_DEPARTURE
        raise RejectError(
            "validate", f"flight_date {day} is {apart} days from scheduled_departure; at most {most} may be"
        )
    if event_time_us - publish_time_us > _MAX_LEAD_US:
        lead = f"{rules.MAX_EVENT_LEAD // dt.timedelta(hours=1)} h"
        raise RejectError(
            "validate", f"event_time {event.event_time.isoformat()} is more than {lead} after the message was published"
        )


def _delay(name: str, actual_us: int | None, scheduled_us: int | None) -> int | None:
    if actual_us is None or scheduled_us is None:
        return None
    minutes = (actual_us - scheduled_us) // _MINUTE_US
    if not rules.MIN_DELAY_MINUTES <= minutes <= rules.MAX_DELAY_MINUTES:
        within = f"{rules.MIN_DELAY_MINUTES} to {rules.MAX_DELAY_MINUTES}"
        raise RejectError("validate", f"{name} (actual minus scheduled) is {minutes}, outside {within}")
    return minutes
