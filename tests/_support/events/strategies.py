"""Strategies of Hypothesis for events and for messages that are good, nearly good or not good at all."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

_times = st.builds(
    "2013-01-{:02d}T{:02d}:{:02d}:{:02d}{}{}".format,
    st.integers(1, 3),
    st.integers(0, 23),
    st.integers(0, 59),
    st.integers(0, 59),
    st.sampled_from(["", ".5", ".123456", ".9999999", ".1234565"]),
    st.sampled_from(["Z", "+00:00", "-05:00", "+05:45", "+14:00"]),
)
_after_all_departures = st.builds("2013-01-05T{:02d}:30:00Z".format, st.integers(0, 23))
_early_times = st.builds("2013-01-01T{:02d}:15:00-05:00".format, st.integers(0, 23))
_airports = st.from_regex(r"[A-Z0-9]{3,4}", fullmatch=True)
_minutes = st.integers(-1440, 10080)
_small = st.integers(0, 32767)

_required = {
    "flight_date": st.sampled_from(["2013-01-01", "2012-12-31", "2013-01-05"]),
    "carrier": st.from_regex(r"[A-Z0-9]{2,3}", fullmatch=True),
    "flight_number": st.integers(1, 9999),
    "origin": _airports,
    "destination": _airports,
    "scheduled_departure": _times,
    "status": st.sampled_from(["scheduled", "departed", "arrived", "cancelled", "diverted", "void"]),
    "event_time": _early_times,
}
_optional: dict[str, st.SearchStrategy[Any]] = {
    "operational_suffix": st.sampled_from(["", "A", "Z"]),
    "diverted_to": _airports,
    "scheduled_arrival": _after_all_departures,
    "actual_departure": _times,
    "actual_arrival": _after_all_departures,
    "departure_delay_minutes": _minutes,
    "arrival_delay_minutes": _minutes,
    "tail_number": st.from_regex(r"[A-Za-z0-9-]{1,10}", fullmatch=True),
    "air_time_minutes": _small,
    "distance_km": _small,
}
_null = st.none()
EVENTS = st.fixed_dictionaries(_required, optional={name: values | _null for name, values in _optional.items()})
_UNKNOWN_OFFSET = "2013-01-01T05:15:00-00:00"
_contradictory: dict[str, st.SearchStrategy[Any]] = {
    "scheduled_departure": _times | st.just(_UNKNOWN_OFFSET),
    "scheduled_arrival": _times,
    "actual_departure": _times | st.just(_UNKNOWN_OFFSET),
    "actual_arrival": _times,
    "tail_number": st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=10),
}
_odd_events = st.builds(lambda event, odd: event | odd, EVENTS, st.fixed_dictionaries({}, optional=_contradictory))
"""Valid field by field but for the tail number; the times may contradict each other."""
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
_separators = st.sampled_from([b"\n", b"\r\n", b"\n\n", b" \n ", b"", b" ", b",", b"}\n{"])
_lines = st.builds(
    lambda event, ascii_only, spread: json.dumps(event, ensure_ascii=ascii_only, indent=spread).encode(),
    EVENTS | _odd_events,
    st.booleans(),
    st.sampled_from([None, None, None, 1]),
)


@st.composite
def _messages(draw: st.DrawFn) -> bytes:
    """Mostly good lines, put together in ways that are not always good."""
    return b"".join(draw(_lines) + draw(_separators) for _ in range(draw(st.integers(1, 3))))


@st.composite
def _mutated(draw: st.DrawFn) -> bytes:
    """A message with a few bytes cut, doubled, replaced or put in."""
    data = bytearray(draw(_messages()))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(data)))
        length = draw(st.integers(0, 12))
        piece = draw(
            st.sampled_from(
                [
                    *(
                        b"",
                        b'"',
                        b"\\",
                        b"\n",
                        b"{",
                        b"}",
                        b",",
                        b":",
                        b"null",
                        b"NaN",
                        b"0",
                        b"-",
                        b"e5",
                        b"\xff",
                        b"\xc3\xa9",
                    ),
                    *(
                        b'"x":1,',
                        b'"carrier":"AA",',
                        b'{"a":{}}',
                        b" ",
                        b"\t",
                        b"\x00",
                        b"\\u0041",
                        b"\\ud800",
                        b"true",
                        b"1.0",
                    ),
                    bytes(data[at : at + 30]),
                ]
            )
            | st.binary(max_size=4)
        )
        data[at : at + length] = piece
    return bytes(data)


MESSAGES_OF_LINES = _messages()
"""Messages that are nearly good."""

MUTATED_MESSAGES = _mutated()
"""Messages that were good, with a few bytes changed."""

HOSTILE_MESSAGES = MUTATED_MESSAGES | st.binary(max_size=200)
"""Messages that are not."""
