"""The limits of an event's fields as msgspec checks them: from the table in `lakehouse.schema.event` to `Meta`.

And the patterns of texts, for the decoder that looks at whole columns.
"""

from __future__ import annotations

from msgspec import Meta

from lakehouse.schema.event import FIELD
from lakehouse.schema.fields import Integer, Text, Time


def limits(name: str) -> Meta:
    """What the type of the field `name` does not say by itself."""
    match FIELD[name]:
        case Integer(minimum=minimum, maximum=maximum):
            return Meta(ge=minimum, le=maximum)
        case Text(pattern=str(pattern)):
            return Meta(pattern=rf"^{pattern}\Z")
        case Text(max_length=int(max_length)):
            return Meta(min_length=1, max_length=max_length)
        case Time():
            return Meta(tz=True)
        case field:
            raise TypeError(f"{name}: msgspec has no limits for {type(field).__name__}")


def pattern(name: str) -> str:
    """The pattern that a text of the field `name` matches whole."""
    field = FIELD[name]
    assert isinstance(field, Text)
    assert field.pattern is not None
    return field.pattern
