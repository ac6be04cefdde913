"""The fast path of decoding: the messages of a pull, column by column.

It applies the same rules as the slow path, which goes line by line (`line.py`), and leaves it every
message with an error or an unusual value. A rule here may be stricter than it has to be, never
laxer: the fast path only saves time.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import accumulate, chain, pairwise, repeat
from typing import Annotated, Final

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from ingest_writer.decoding.event import limits, no_events
from ingest_writer.message import Message
from lakehouse.schema import event as rules
from lakehouse.schema.event import DECODER_VERSION, EVENT_SCHEMA
from lakehouse.schema.fields import Text

_NO_TEXT: Final = "?"
_NO_NUMBER: Final = -(10**9)
"""Stand for an absent field, since None is a null that was written. A publisher that writes one of
them breaks a rule, or makes the count of commas fail."""


class _Line(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """The fields of one JSON object; texts are checked later, as columns."""

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
    tail_number: str | None = _NO_TEXT
    air_time_minutes: Annotated[int, limits("air_time_minutes")] | None = _NO_NUMBER
    distance_km: Annotated[int, limits("distance_km")] | None = _NO_NUMBER


_DECODER: Final = msgspec.json.Decoder(_Line)
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME: Final = (
    r"^(19|20|21)[0-9]{2}-[01][0-9]-[0-3][0-9]T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,6})?"
    r"(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$"
)  # common forms of RFC 3339; the cast knows the calendar. Python 3.14 takes 24:00 for 00:00
_DATE_LENGTH: Final = 10
_HOUR: Final = slice(11, 13)
_UTC: Final = pa.timestamp("us", tz="UTC")
_MAX_LEAD_US: Final = rules.MAX_EVENT_LEAD // dt.timedelta(microseconds=1)
_MINUTE_US: Final = 60_000_000
_RAISED_MINUTES: Final = (
    1 - rules.MIN_COMPUTED_DELAY_MINUTES
)  # added before a division and subtracted after it: Arrow rounds towards 0
_UNKNOWN_OFFSET: Final = "-00:00"
_PATTERN: Final = {
    field.name: re.compile(field.pattern, re.ASCII)
    for field in rules.FIELDS
    if isinstance(field, Text) and field.pattern is not None
}
_OPTIONAL: Final = tuple(field.name for field in rules.FIELDS if field.from_publisher and not field.required)


@dataclass(frozen=True)
class DecodedBatch:
    """Rows of EVENT_SCHEMA in the order of their lines, and the messages left to the slow path."""

    events: pa.Table
    rest: Sequence[Message]


def decode_fast_path(messages: Sequence[Message]) -> DecodedBatch:
    """Decodes the messages without anything unusual. A message is taken whole or not at all."""
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
        return DecodedBatch(no_events(), messages)
    pull = _Pull(candidates, counts)
    fields = _Fields(lines)
    events, is_bad = _events(fields, pull)
    bad = pull.with_line(is_bad) | pull.with_key_twice(fields.written()) | pull.with_many_dates(events["flight_date"])
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
    """The objects of a message, one a line; None if the slow path has to decode it.

    Without a backslash in it, a text is verbatim.
    """
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

    def with_many_dates(self, dates: pa.ChunkedArray) -> set[int]:
        """The messages with more flight dates than one may have. Few have as many lines."""
        return {
            number
            for number, (count, end) in enumerate(zip(self.counts, accumulate(self.counts), strict=True))
            if count > rules.MAX_MESSAGE_DATES
            and len(dates.slice(end - count, count).unique()) > rules.MAX_MESSAGE_DATES
        }

    def lines_without(self, bad: Collection[int]) -> pa.Array:
        """Of each line, whether its message is none of these."""
        return pc.invert(pc.is_in(self.owners(), pa.array(sorted(bad), pa.int32())))


class _Fields:
    """The fields of lines as Arrow arrays."""

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


def _events(fields: _Fields, pull: _Pull) -> tuple[pa.Table, pa.Array]:
    """The events of all lines, and for each line whether it breaks a rule and its row is meaningless."""
    checked = ColumnValidator(pull.line_count)
    owners = pull.owners()
    publish_time = pa.array([m.publish_time_us for m in pull.messages], pa.int64()).take(owners)
    flight_date = checked.dates(fields.required("flight_date"))
    departure_text = fields.required("scheduled_departure")
    scheduled_departure = checked.instants(departure_text)
    scheduled_arrival = checked.instants(fields.optional("scheduled_arrival"))
    departure = checked.instants(fields.optional("actual_departure"))
    arrival = checked.instants(fields.optional("actual_arrival"))
    checked.in_order((scheduled_departure, scheduled_arrival), (departure, arrival))
    columns = {
        "flight_date": flight_date,
        "carrier": checked.texts("carrier", fields.required("carrier")),
        "flight_number": fields.required("flight_number"),
        "operational_suffix": checked.texts("operational_suffix", fields.optional("operational_suffix")).fill_null(""),
        "origin": checked.texts("origin", fields.required("origin")),
        "destination": checked.texts("destination", fields.required("destination")),
        "diverted_to": checked.texts("diverted_to", fields.optional("diverted_to")),
        "scheduled_departure": scheduled_departure,
        "scheduled_departure_hour": checked.hours(departure_text, scheduled_departure, flight_date),
        "scheduled_arrival": scheduled_arrival,
        "actual_departure": departure,
        "actual_arrival": arrival,
        "status": fields.required("status"),
        "departure_delay_minutes": checked.delays(
            fields.optional("departure_delay_minutes"), departure, scheduled_departure
        ),
        "arrival_delay_minutes": checked.delays(fields.optional("arrival_delay_minutes"), arrival, scheduled_arrival),
        "air_time_minutes": fields.optional("air_time_minutes"),
        "distance_km": fields.optional("distance_km"),
        "tail_number": checked.texts("tail_number", fields.optional("tail_number")),
        "event_time": checked.event_times(fields.required("event_time"), publish_time),
        "publish_time": publish_time.cast(EVENT_SCHEMA.field("publish_time").type),
        "message_id": pa.array([m.message_id for m in pull.messages], pa.string()).take(owners),
        "message_line": pull.line_numbers(),
        "decoder_version": pa.repeat(pa.scalar(DECODER_VERSION, pa.int32()), pull.line_count),
    }
    return pa.table(columns, schema=EVENT_SCHEMA), checked.is_bad()


class ColumnValidator:
    """Makes columns of events from columns of fields; an invalid value becomes null, and its line is bad."""

    def __init__(self, lines: int) -> None:
        self._lines = lines
        self._bad: list[pa.Array] = []

    def is_bad(self) -> pa.Array:
        """Of each line, whether it breaks a rule that was checked."""
        return reduce(pc.or_, self._bad, pa.repeat(pa.scalar(False), self._lines))

    def texts(self, name: str, texts: pa.Array) -> pa.Array:
        """The texts that match the pattern of the field `name` whole."""
        matches = _PATTERN[name].fullmatch
        return self._distinct(texts, lambda text: text if matches(text) else None, pa.string())

    def dates(self, texts: pa.Array) -> pa.Array:
        """Flight dates."""
        return self._distinct(texts, _flight_date, pa.date32())

    def instants(self, texts: pa.Array) -> pa.Array:
        """Points in time, to the microsecond."""
        is_plain = pc.match_substring_regex(texts, _TIME)
        if not pc.all(is_plain).as_py():
            self._reject(pc.invert(is_plain))
            texts = pc.if_else(is_plain, texts, pa.scalar(None, pa.string()))
        try:
            return texts.cast(_UTC)
        except pa.ArrowInvalid:  # 30 February, say
            return self._distinct(texts, _instant, _UTC)

    def hours(self, departure_texts: pa.Array, departures: pa.Array, flight_dates: pa.Array) -> pa.Array:
        """The local hours of scheduled departures, which must be near the flight date."""
        texts = pc.if_else(departures.is_valid(), departure_texts, pa.scalar(None, pa.string()))
        days = pc.utf8_slice_codeunits(texts, 0, _DATE_LENGTH).cast(pa.date32()).cast(pa.int32())
        apart = pc.abs(pc.subtract(days, flight_dates.cast(pa.int32())))
        self._reject(pc.greater(apart, rules.MAX_DAYS_FROM_SCHEDULED_DEPARTURE))
        self._reject(pc.ends_with(texts, _UNKNOWN_OFFSET))
        return pc.utf8_slice_codeunits(texts, _HOUR.start, _HOUR.stop).cast(pa.int8())

    def event_times(self, texts: pa.Array, publish_times_us: pa.Array) -> pa.Array:
        """Event times, which may not be far ahead of the message's publish time."""
        times = self.instants(texts)
        self._reject(pc.greater(pc.subtract(times.cast(pa.int64()), publish_times_us), _MAX_LEAD_US))
        return times

    def in_order(self, *pairs: tuple[pa.Array, pa.Array]) -> None:
        """Where both are known, an arrival is not before its departure."""
        for departures, arrivals in pairs:
            self._reject(pc.less(arrivals, departures))

    def delays(self, given: pa.Array, actual: pa.Array, scheduled: pa.Array) -> pa.Array:
        """Delays in whole minutes as given, else computed (rounded down) where both times are known."""
        late_us = pc.subtract(actual.cast(pa.int64()), scheduled.cast(pa.int64()))
        raised = pc.divide(pc.add(late_us, _RAISED_MINUTES * _MINUTE_US), _MINUTE_US)
        minutes = pc.subtract(raised, _RAISED_MINUTES)
        is_within = pc.and_(
            pc.greater_equal(minutes, rules.MIN_COMPUTED_DELAY_MINUTES),
            pc.less_equal(minutes, rules.MAX_COMPUTED_DELAY_MINUTES),
        )
        self._reject(pc.and_(given.is_null(), pc.invert(is_within)))
        computed = pc.if_else(is_within, minutes, pa.scalar(None, pa.int64())).cast(pa.int32())
        return pc.coalesce(given, computed)

    def _distinct(self, texts: pa.Array, value: Callable[[str], object], type_: pa.DataType) -> pa.Array:
        """`value` of each text, or None if there is none; each distinct text is checked once."""
        encoded = texts.dictionary_encode()
        distinct = pa.array(list(map(value, encoded.dictionary.to_pylist())), type_)
        values = distinct.take(encoded.indices)
        if distinct.null_count:
            self._reject(pc.and_(values.is_null(), texts.is_valid()))
        return values

    def _reject(self, is_bad: pa.Array) -> None:
        """Marks lines as bad; null counts as False."""
        self._bad.append(pc.fill_null(is_bad, False))


def _flight_date(text: str) -> dt.date | None:
    if not _DATE.fullmatch(text):
        return None
    try:
        day = dt.date.fromisoformat(text)
    except ValueError:
        return None
    return day if rules.MIN_FLIGHT_DATE <= day <= rules.MAX_FLIGHT_DATE else None


def _instant(text: str) -> dt.datetime | None:
    try:
        return dt.datetime.fromisoformat(text)
    except ValueError:
        return None
