"""The fast path of decoding: the plainly good messages of a pull, column by column.

It judges by the same rules as the path that goes line by line (`decoder.py`), and leaves to that one every
message with anything that is not plainly good. So it may only ever save time.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import accumulate, chain, pairwise, repeat
from typing import Annotated, Final

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from ingest_writer.decoding.limits import limits, pattern
from ingest_writer.decoding.tables import NO_EVENTS
from ingest_writer.decoding.vectorized_rules import ColumnValidator
from ingest_writer.message import Message
from lakehouse.schema import event as rules
from lakehouse.schema.event import DECODER_VERSION, EVENT_SCHEMA

_NO_TEXT: Final = "?"
_NO_NUMBER: Final = -(10**9)
"""Stand for a field that is not there, since None is a null that was written. Written themselves, they are no valid
value, or make the count of commas fail."""


class _Line(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """The fields of one JSON object; texts are looked at later, all at once."""

    flight_date: str
    carrier: str
    flight_number: Annotated[int, limits("flight_number")]
    origin: str
    destination: str
    scheduled_departure: str
    status: rules.Status
    event_time: str
    operational_suffix: str | None = _NO_TEXT
    diverted_to: str | None = _NO_TEXT
    scheduled_arrival: str | None = _NO_TEXT
    actual_departure: str | None = _NO_TEXT
    actual_arrival: str | None = _NO_TEXT
    departure_delay_minutes: Annotated[int, limits("departure_delay_minutes")] | None = _NO_NUMBER
    arrival_delay_minutes: Annotated[int, limits("arrival_delay_minutes")] | None = _NO_NUMBER
    tail_number: Annotated[str, limits("tail_number")] | None = _NO_TEXT
    air_time_minutes: Annotated[int, limits("air_time_minutes")] | None = _NO_NUMBER
    distance_km: Annotated[int, limits("distance_km")] | None = _NO_NUMBER


_DECODER: Final = msgspec.json.Decoder(_Line)
_OPTIONAL: Final = tuple(field.name for field in rules.FIELDS if field.from_publisher and not field.required)


@dataclass(frozen=True)
class DecodedBatch:
    """Rows of EVENT_SCHEMA, in the order of the messages and their lines, and the messages that were not taken."""

    events: pa.Table
    rest: Sequence[Message]


def decode_fast_path(messages: Sequence[Message]) -> DecodedBatch:
    """Decodes what is plainly good. A message is taken whole or not at all."""
    candidates: list[Message] = []
    lines: list[_Line] = []
    counts: list[int] = []
    for message in messages:
        found = _lines(message.data)
        if found is not None:
            candidates.append(message)
            lines += found
            counts.append(len(found))
    if not lines:
        return DecodedBatch(NO_EVENTS, messages)
    pull = _Pull(candidates, counts)
    fields = _Fields(lines)
    events, is_bad = _events(fields, pull)
    bad = pull.with_line(is_bad) | pull.with_key_twice(fields.written())
    if bad:
        events = events.filter(pull.lines_without(bad))
        candidates = [message for number, message in enumerate(candidates) if number not in bad]
    return DecodedBatch(events, _others(messages, candidates))


def _others(messages: Sequence[Message], taken: Sequence[Message]) -> Sequence[Message]:
    if len(taken) == len(messages):
        return ()
    ids = set(map(id, taken))
    return [message for message in messages if id(message) not in ids]


def _lines(data: bytes) -> list[_Line] | None:
    """The objects of a message, one a line; None where that is not plain. Without a backslash, a text is as written."""
    if b"\\" in data:
        return None
    try:
        if b"\n" not in data:
            return [_DECODER.decode(data)]
        return list(map(_DECODER.decode, data.removesuffix(b"\n").split(b"\n")))
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return None


@dataclass(frozen=True)
class _Pull:
    """Which lines are of which message."""

    messages: Sequence[Message]
    counts: Sequence[int]

    @property
    def line_count(self) -> int:
        return sum(self.counts)

    def owners(self) -> pa.Array:
        """Of each line, the number of its message."""
        numbers = map(repeat, range(len(self.counts)), self.counts)
        return pa.array(list(chain.from_iterable(numbers)), pa.int32())

    def line_numbers(self) -> pa.Array:
        return pa.array(list(chain.from_iterable(map(range, self.counts))), pa.int32())

    def with_line(self, is_bad: pa.Array) -> set[int]:
        """The messages that have such a line."""
        return set(self.owners().filter(is_bad).unique().to_pylist())

    def with_key_twice(self, fields: pa.Array) -> set[int]:
        """The messages with more commas than are between so many `fields` a line: a key is there twice, of which the
        library keeps one, or a text has a comma. Both only ever add some, so no line hides what another has.
        """
        ends = pa.array([end - 1 for end in accumulate(self.counts)], pa.int64())
        between = pc.cumulative_sum(pc.subtract(fields, 1)).take(ends)
        commas = list(accumulate(message.data.count(b",") for message in self.messages))
        if between[-1].as_py() == commas[-1]:
            return set()
        wanted = pairwise([0, *between.to_pylist()])
        found = pairwise([0, *commas])
        return {n for n, ((a, b), (c, d)) in enumerate(zip(wanted, found, strict=True)) if b - a != d - c}

    def lines_without(self, bad: Collection[int]) -> pa.Array:
        """Of each line, whether its message is none of these."""
        return pc.invert(pc.is_in(self.owners(), pa.array(sorted(bad), pa.int32())))


class _Fields:
    """The fields of lines as Arrow arrays. What is not there is null in `value`."""

    def __init__(self, lines: Sequence[_Line]) -> None:
        self._given = {
            "flight_date": _texts([line.flight_date for line in lines]),
            "carrier": _texts([line.carrier for line in lines]),
            "flight_number": _numbers([line.flight_number for line in lines]),
            "origin": _texts([line.origin for line in lines]),
            "destination": _texts([line.destination for line in lines]),
            "scheduled_departure": _texts([line.scheduled_departure for line in lines]),
            "status": _texts([line.status for line in lines]),
            "event_time": _texts([line.event_time for line in lines]),
            "operational_suffix": _texts([line.operational_suffix for line in lines]),
            "diverted_to": _texts([line.diverted_to for line in lines]),
            "scheduled_arrival": _texts([line.scheduled_arrival for line in lines]),
            "actual_departure": _texts([line.actual_departure for line in lines]),
            "actual_arrival": _texts([line.actual_arrival for line in lines]),
            "departure_delay_minutes": _numbers([line.departure_delay_minutes for line in lines]),
            "arrival_delay_minutes": _numbers([line.arrival_delay_minutes for line in lines]),
            "tail_number": _texts([line.tail_number for line in lines]),
            "air_time_minutes": _numbers([line.air_time_minutes for line in lines]),
            "distance_km": _numbers([line.distance_km for line in lines]),
        }
        self._rows = len(lines)

    def required(self, name: str) -> pa.Array:
        return self._given[name]

    def optional(self, name: str) -> pa.Array:
        """Null where the field is null or not there."""
        given = self._given[name]
        return pc.if_else(self._is_absent(name), pa.scalar(None, given.type), given)

    def written(self) -> pa.Array:
        """How many fields each line has; a null is one too."""
        absent = [self._is_absent(name) for name in _OPTIONAL]
        most = pa.repeat(pa.scalar(len(self._given), pa.int32()), self._rows)
        return reduce(pc.subtract, (pc.fill_null(each, False).cast(pa.int32()) for each in absent), most)

    def _is_absent(self, name: str) -> pa.Array:
        given = self._given[name]
        return pc.equal(given, pa.scalar(_NO_TEXT if pa.types.is_string(given.type) else _NO_NUMBER, given.type))


def _texts(values: Sequence[str | None]) -> pa.Array:
    return pa.array(values, pa.string())


def _numbers(values: Sequence[int | None]) -> pa.Array:
    return pa.array(values, pa.int32())


# -- from fields to the columns of an event --------------------------------------------------------------------


def _events(fields: _Fields, pull: _Pull) -> tuple[pa.Table, pa.Array]:
    """The events of all lines, and of each line whether it breaks a rule: then there is nonsense in its row."""
    verdict = ColumnValidator(pull.line_count)
    owners = pull.owners()
    publish_time = pa.array([m.publish_time_us for m in pull.messages], pa.int64()).take(owners)
    flight_date = verdict.dates(fields.required("flight_date"))
    departure_text = fields.required("scheduled_departure")
    scheduled_departure = verdict.instants(departure_text)
    hour = verdict.hours(departure_text, scheduled_departure, flight_date)
    event_time = verdict.event_times(fields.required("event_time"), publish_time)
    scheduled_arrival = verdict.instants(fields.optional("scheduled_arrival"))
    departure = verdict.instants(fields.optional("actual_departure"))
    arrival = verdict.instants(fields.optional("actual_arrival"))
    columns = {
        "flight_date": flight_date,
        "carrier": verdict.texts(fields.required("carrier"), pattern("carrier")),
        "flight_number": fields.required("flight_number"),
        "operational_suffix": verdict.texts(
            fields.optional("operational_suffix"), pattern("operational_suffix")
        ).fill_null(""),
        "origin": verdict.texts(fields.required("origin"), pattern("origin")),
        "destination": verdict.texts(fields.required("destination"), pattern("destination")),
        "diverted_to": verdict.texts(fields.optional("diverted_to"), pattern("diverted_to")),
        "scheduled_departure": scheduled_departure,
        "scheduled_departure_hour": hour,
        "scheduled_arrival": scheduled_arrival,
        "actual_departure": departure,
        "actual_arrival": arrival,
        "status": fields.required("status"),
        "departure_delay_minutes": verdict.delays(
            fields.optional("departure_delay_minutes"), departure, scheduled_departure
        ),
        "arrival_delay_minutes": verdict.delays(fields.optional("arrival_delay_minutes"), arrival, scheduled_arrival),
        "air_time_minutes": fields.optional("air_time_minutes"),
        "distance_km": fields.optional("distance_km"),
        "tail_number": fields.optional("tail_number"),
        "event_time": event_time,
        "publish_time": publish_time.cast(EVENT_SCHEMA.field("publish_time").type),
        "message_id": pa.array([m.message_id for m in pull.messages], pa.string()).take(owners),
        "message_line": pull.line_numbers(),
        "decoder_version": pa.repeat(pa.scalar(DECODER_VERSION, pa.int32()), pull.line_count),
    }
    return pa.table(columns, schema=EVENT_SCHEMA), verdict.is_bad()
