"""The kinds of field that an event can have. `lakehouse.schema.event.FIELDS` lists the fields.

A kind describes its values and their column. It checks no value: the decoders do.
"""

from __future__ import annotations

import datetime as dt
from abc import ABC, abstractmethod
from dataclasses import KW_ONLY, dataclass
from typing import Literal

import pyarrow as pa


@dataclass(frozen=True)
class Field(ABC):
    """One field of an event, and the column of its name. One of the four kinds below.

    `description` is for all readers; `rules` is extra information for publishers. `example` is a
    value as the API returns it.
    """

    name: str
    _: KW_ONLY
    description: str
    rules: str = ""
    example: str | int
    required: bool = False
    """Whether an event without it is rejected."""
    from_publisher: bool = True
    """Otherwise the writer gives it, and an event's field of that name is ignored."""
    in_api: bool = True
    """Whether the API's flights show it."""
    since_format: int = 1
    """The format whose files have it first."""

    @property
    @abstractmethod
    def arrow_type(self) -> pa.DataType:
        """Type of the column."""

    @property
    def is_nullable(self) -> bool:
        """Whether a row may have no value."""
        return self.from_publisher and not self.required


@dataclass(frozen=True)
class Text(Field):
    """A string that matches `pattern`, or is in `choices`."""

    pattern: str | None = None
    choices: tuple[str, ...] = ()
    is_freer_in_old_rows: bool = False
    """Whether rows of an older decoder need not match the pattern."""
    default: str | None = None
    """Stands for a value that is absent or null."""

    @property
    def arrow_type(self) -> pa.DataType:
        return pa.string()

    @property
    def is_nullable(self) -> bool:
        return super().is_nullable and self.default is None


@dataclass(frozen=True)
class Integer(Field):
    """A whole number from `minimum` to `maximum`, both included."""

    minimum: int
    maximum: int
    unit: str = ""
    bits: Literal[8, 32] = 32

    @property
    def arrow_type(self) -> pa.DataType:
        return pa.int8() if self.bits == 8 else pa.int32()


@dataclass(frozen=True)
class Date(Field):
    """A calendar date from `minimum` to `maximum`, both included."""

    minimum: dt.date
    maximum: dt.date

    @property
    def arrow_type(self) -> pa.DataType:
        return pa.date32()


@dataclass(frozen=True)
class Time(Field):
    """A point in time, stored in UTC to the microsecond. Publishers write RFC 3339 with an offset."""

    @property
    def arrow_type(self) -> pa.DataType:
        return pa.timestamp("us", tz="UTC")
