"""The rules of an event's fields, over whole columns: values, and which lines break a rule.

Whoever breaks one, or only looks unusual, is judged again by itself (`decoder.py`): a rule here may be
stricter than it has to be, and never laxer.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from functools import reduce
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from lakehouse.schema import event as rules

_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME: Final = (
    r"^(19|20|21)[0-9]{2}-[01][0-9]-[0-3][0-9]T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,6})?"
    r"(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$"
)  # what is common of RFC 3339; the cast knows the calendar. Python 3.14 would take 24:00 as the next day's 00:00
_DATE_LENGTH: Final = 10
_HOUR: Final = slice(11, 13)
_UTC: Final = pa.timestamp("us", tz="UTC")
_MAX_LEAD_US: Final = rules.MAX_EVENT_LEAD // dt.timedelta(microseconds=1)
_MINUTE_US: Final = 60_000_000
_RAISED_MINUTES: Final = 1 - rules.MIN_DELAY_MINUTES  # Arrow divides towards 0: floors what is made positive before


class ColumnValidator:
    """Makes columns of events from columns of fields; what is no value becomes null, and its line is bad."""

    def __init__(self, lines: int) -> None:
        self._lines = lines
        self._bad: list[pa.Array] = []

    def is_bad(self) -> pa.Array:
        """Of each line, whether it breaks a rule that was looked at."""
        return reduce(pc.or_, self._bad, pa.repeat(pa.scalar(False), self._lines))

    def texts(self, texts: pa.Array, pattern: str) -> pa.Array:
        """The texts that match `pattern` whole."""
        matches = re.compile(pattern, re.ASCII).fullmatch
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
        except pa.ArrowInvalid:  # 30 February: some are none
            return self._distinct(texts, _instant, _UTC)

    def hours(self, departure_texts: pa.Array, departures: pa.Array, flight_dates: pa.Array) -> pa.Array:
        """The local hours of scheduled departures, which must be near the flight date."""
        texts = pc.if_else(departures.is_valid(), departure_texts, pa.scalar(None, pa.string()))
        days = pc.utf8_slice_codeunits(texts, 0, _DATE_LENGTH).cast(pa.date32()).cast(pa.int32())
        apart = pc.abs(pc.subtract(days, flight_dates.cast(pa.int32())))
        self._reject(pc.greater(apart, rules.MAX_DAYS_FROM_SCHEDULED_DEPARTURE))
        return pc.utf8_slice_codeunits(texts, _HOUR.start, _HOUR.stop).cast(pa.int8())

    def event_times(self, texts: pa.Array, publish_times_us: pa.Array) -> pa.Array:
        """Event times, which may not be far ahead of the message's publish time."""
        times = self.instants(texts)
        self._reject(pc.greater(pc.subtract(times.cast(pa.int64()), publish_times_us), _MAX_LEAD_US))
        return times

    def delays(self, given: pa.Array, actual: pa.Array, scheduled: pa.Array) -> pa.Array:
        """Delays in whole minutes as given, else computed (rounded down) where both times are known."""
        late_us = pc.subtract(actual.cast(pa.int64()), scheduled.cast(pa.int64()))
        raised = pc.divide(pc.add(late_us, _RAISED_MINUTES * _MINUTE_US), _MINUTE_US)
        minutes = pc.subtract(raised, _RAISED_MINUTES)
        is_within = pc.and_(
            pc.greater_equal(minutes, rules.MIN_DELAY_MINUTES), pc.less_equal(minutes, rules.MAX_DELAY_MINUTES)
        )
        self._reject(pc.and_(given.is_null(), pc.invert(is_within)))
        computed = pc.if_else(is_within, minutes, pa.scalar(None, pa.int64())).cast(pa.int32())
        return pc.coalesce(given, computed)

    def _distinct(self, texts: pa.Array, value: Callable[[str], object], type_: pa.DataType) -> pa.Array:
        """`value` of each text, or None if there is none; each distinct text is looked at once."""
        encoded = texts.dictionary_encode()
        distinct = pa.array(list(map(value, encoded.dictionary.to_pylist())), type_)
        values = distinct.take(encoded.indices)
        if distinct.null_count:
            self._reject(pc.and_(values.is_null(), texts.is_valid()))
        return values

    def _reject(self, is_bad: pa.Array) -> None:
        """These lines; null is as good as False."""
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
