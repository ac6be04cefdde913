"""The rules over columns: what is no value becomes null, and its line is bad."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import pyarrow as pa
import pytest

from ingest_writer.decoding.vectorized import ColumnValidator

_UTC = pa.timestamp("us", tz="UTC")


def _texts(*values: str | None) -> pa.Array:
    return pa.array(values, pa.string())


def _times(*values: str | None) -> pa.Array:
    return pa.array([None if value is None else dt.datetime.fromisoformat(value) for value in values], _UTC)


def _bad(validator: ColumnValidator) -> Sequence[bool]:
    found: list[bool] = validator.is_bad().to_pylist()
    return found


def test_no_line_is_bad_before_a_rule_was_looked_at() -> None:
    assert _bad(ColumnValidator(3)) == [False] * 3


def test_a_text_must_match_its_pattern_whole_and_a_null_is_not_bad() -> None:
    validator = ColumnValidator(5)
    column = validator.texts("carrier", _texts("UA", "ua", None, "UALX", "UA"))
    assert column.to_pylist() == ["UA", None, None, None, "UA"]
    assert _bad(validator) == [False, True, False, True, False]


def test_a_line_is_bad_when_one_of_several_columns_is() -> None:
    validator = ColumnValidator(3)
    validator.texts("carrier", _texts("UA", "?", "UA"))
    validator.texts("origin", _texts("EWR", "EWR", "?"))
    assert _bad(validator) == [False, True, True]


def test_a_date_is_one_of_the_calendar_within_the_limits() -> None:
    validator = ColumnValidator(5)
    column = validator.dates(_texts("2013-01-01", "2013-02-29", "20130101", "1979-12-31", "2100-12-31"))
    assert column.to_pylist() == [dt.date(2013, 1, 1), None, None, None, dt.date(2100, 12, 31)]
    assert _bad(validator) == [False, True, True, True, False]


def test_an_instant_is_in_utc_to_the_microsecond() -> None:
    validator = ColumnValidator(2)
    column = validator.instants(_texts("2013-01-01T05:15:00.000001-05:00", None))
    assert column.equals(_times("2013-01-01T10:15:00.000001+00:00", None))
    assert _bad(validator) == [False, False]


@pytest.mark.parametrize(
    "text",
    [
        "2013-01-01T05:15:00",
        "2013-01-01 05:15:00Z",
        "2013-01-01T24:00:00Z",
        "2013-01-01T05:15:00.1234567Z",
        "2013-02-30T05:15:00Z",
    ],
)
def test_a_text_that_is_no_instant_spoils_its_own_line_only(text: str) -> None:
    validator = ColumnValidator(2)
    column = validator.instants(_texts("2013-01-01T05:15:00Z", text))
    assert column.equals(_times("2013-01-01T05:15:00+00:00", None))
    assert _bad(validator) == [False, True]


def test_the_hour_is_the_departures_and_its_day_within_seven_of_the_date() -> None:
    validator = ColumnValidator(4)
    texts = _texts("2013-01-08T23:59:00-12:00", "2013-01-09T00:00:00Z", "2012-12-25T05:00:00Z", None)
    hours = validator.hours(texts, validator.instants(texts), pa.array([dt.date(2013, 1, 1)] * 4))
    assert hours.to_pylist() == [23, 0, 5, None]
    assert _bad(validator) == [False, True, False, False]


def test_an_event_may_be_a_day_ahead_of_its_message_and_not_a_microsecond_more() -> None:
    published = int(dt.datetime(2013, 1, 1, 12, tzinfo=dt.UTC).timestamp()) * 1_000_000
    validator = ColumnValidator(2)
    validator.event_times(_texts("2013-01-02T12:00:00Z", "2013-01-02T12:00:00.000001Z"), pa.array([published] * 2))
    assert _bad(validator) == [False, True]


def test_a_delay_is_what_was_given_else_computed_and_rounded_down() -> None:
    validator = ColumnValidator(6)
    scheduled = _times(*["2013-01-01T10:15:00+00:00"] * 6)
    actual = _times(
        "2013-01-01T10:15:59+00:00",
        "2013-01-01T10:14:59+00:00",
        None,
        "2013-01-20T10:15:00+00:00",  # too late for a computed delay
        "2013-01-20T10:15:00+00:00",  # and here it was given
        "2012-12-31T10:14:59+00:00",  # too early
    )
    given = pa.array([None, None, None, None, 3, None], pa.int32())
    assert validator.delays(given, actual, scheduled).to_pylist() == [0, -1, None, None, 3, None]
    assert _bad(validator) == [False, False, False, True, False, True]
