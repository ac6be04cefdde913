"""The views of a connection as SQL, and the comments on their columns."""

from __future__ import annotations

from lakehouse.client.views import comment_of
from lakehouse.schema.event import FIELD, FIELDS
from lakehouse.schema.fields import Integer, Time


def test_a_comment_says_the_unit_and_times_say_that_they_are_in_utc() -> None:
    for field in FIELDS:
        if isinstance(field, Integer) and field.unit:
            assert f"in {field.unit}" in comment_of(field)
        assert comment_of(field).endswith(" In UTC.") == isinstance(field, Time)
    assert comment_of(FIELD["event_time"]) == f"{FIELD['event_time'].description} In UTC."
