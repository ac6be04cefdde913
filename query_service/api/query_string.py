"""Parses the query string into checked values; refuses unknown, empty or malformed ones.

It also has the types of such values: each parses a text and describes itself as a JSON Schema.
No parameter is known by name here.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, Generic, TypeVar
from urllib.parse import unquote_to_bytes

from lakehouse.schema.event import MAX_FLIGHT_DATE, MIN_FLIGHT_DATE
from query_service.errors import ProblemError, parameter_error, unknown_parameter_error
from query_service.representation.negotiation import USUAL_CHARACTERS

Json = dict[str, Any]
T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
Ordered = TypeVar("Ordered", int, float, dt.date)

_DATE_PATTERN: Final = r"(19[89][0-9]|20[0-9]{2}|2100)-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
_TIME_PATTERN: Final = (
    r"[12][0-9]{3}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])[Tt]([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,9})?"
    r"([Zz]|[+-]([01][0-9]|2[0-3]):[0-5][0-9])"
)

_CACHED_QUERIES: Final = 256  # the questions of a few dashboards; each takes a few kB
_DATE = re.compile(_DATE_PATTERN, re.ASCII)
_INTEGER = re.compile(r"0|-?[1-9][0-9]{0,8}", re.ASCII)
_TIME = re.compile(_TIME_PATTERN, re.ASCII)
_SECONDS = re.compile(r"-?[0-9]{1,9}(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,3})?", re.ASCII)  # a number as in JSON


@dataclass(frozen=True)
class Type(Generic[T_co]):
    """What one value may be: as a JSON Schema, in words for an error, and read from text.

    `parse` raises ValueError or OverflowError for every value that `schema` does not allow.
    """

    schema: Json
    expected: str
    parse: Callable[[str], T_co]


def text(pattern: str, expected: str) -> Type[str]:
    """A text that matches as a whole."""
    compiled = re.compile(pattern, re.ASCII)
    return Type({"type": "string", "pattern": f"^{pattern}$"}, expected, lambda text: _matching(compiled, text))


def code(pattern: str, expected: str) -> Type[str]:
    """A code of capital letters and digits, which may be written small; it is read as capitals."""
    written = pattern.replace("A-Z", "A-Za-z")
    compiled = re.compile(written, re.ASCII)  # before upper(): of all letters, only these have one capital
    return Type({"type": "string", "pattern": f"^{written}$"}, expected, lambda text: _matching(compiled, text).upper())


def any_text(max_characters: int) -> Type[str]:
    """Up to so many characters of any kind but commas, which separate several."""
    pattern = rf"[^,]{{1,{max_characters}}}"
    compiled = re.compile(pattern)
    schema = {"type": "string", "pattern": f"^{pattern}$"}
    return Type(schema, f"1 to {max_characters} characters", lambda text: _matching(compiled, text))


def one_of(names: tuple[str, ...], called: tuple[str, ...] = ()) -> Type[str]:
    """One of some names; `called`: what code that is generated calls them, where they are no names there."""
    schema = {"type": "string", "enum": list(names)} | ({"x-enum-varnames": list(called)} if called else {})
    return Type(schema, f"one of {', '.join(names)}", lambda text: names[names.index(text)])


def integer(maximum: int, minimum: int = 1) -> Type[int]:
    """An integer from `minimum` to `maximum`, in plain digits."""
    schema = {"type": "integer", "minimum": minimum, "maximum": maximum}

    def parse(text: str) -> int:
        return _within(int(_matching(_INTEGER, text)), minimum, maximum)

    return Type(schema, f"an integer from {minimum} to {maximum}", parse)


def seconds(maximum: int) -> Type[float]:
    """A number of seconds from 0 to `maximum`."""
    schema = {"type": "number", "minimum": 0, "maximum": maximum}

    def parse(text: str) -> float:
        return _within(float(_matching(_SECONDS, text)), 0, maximum)

    return Type(schema, f"a number of seconds from 0 to {maximum}", parse)


def date() -> Type[dt.date]:
    """A flight date."""
    schema = {"type": "string", "format": "date", "pattern": f"^{_DATE_PATTERN}$"}
    expected = f"a date like 2013-01-31, from {MIN_FLIGHT_DATE} to {MAX_FLIGHT_DATE}"

    def parse(text: str) -> dt.date:
        return _within(dt.date.fromisoformat(_matching(_DATE, text)), MIN_FLIGHT_DATE, MAX_FLIGHT_DATE)

    return Type(schema, expected, parse)


def time() -> Type[dt.datetime]:
    """A moment, in UTC; digits beyond the microsecond are cut off."""
    schema = {"type": "string", "format": "date-time", "pattern": f"^{_TIME_PATTERN}$"}
    expected = "an RFC 3339 time with offset, like 2013-01-31T10:00:00Z (in a URL, + is written %2B)"

    def parse(text: str) -> dt.datetime:
        return dt.datetime.fromisoformat(_matching(_TIME, text).upper()).astimezone(dt.UTC)

    return Type(schema, expected, parse)


def _matching(pattern: re.Pattern[str], text: str) -> str:
    if pattern.fullmatch(text) is None:
        raise ValueError(text)
    return text


def _within(value: Ordered, least: Ordered, most: Ordered) -> Ordered:
    if not least <= value <= most:
        raise ValueError(value)
    return value


@dataclass(frozen=True, kw_only=True)
class Parameter(Generic[T]):
    """One parameter of the query string, for the parser and for the OpenAPI document."""

    name: str
    endpoints: tuple[str, ...]
    """The paths that take it."""
    type: Type[T]
    """Of one value: one of several, where it is repeatable or a list."""
    description: str
    example: Any
    default: T
    """None where nothing stands in for it."""
    is_repeatable: bool = False
    is_comma_separated: bool = False
    is_unique: bool = False
    """Whether a value of the list that is there twice is refused."""
    max_values_setting: str | None = None
    """The setting that limits how many values a list may have."""


def pairs_of(query: bytes) -> list[tuple[str, str]]:
    """Names and values of a query string as sent. Raises ProblemError (422) for bytes that are not UTF-8.

    Replacing them, as is usual, would answer another question than the one that was asked.
    """
    pairs = []
    for part in query.split(b"&"):
        if part:
            name, _, value = (unquote_to_bytes(piece) for piece in part.replace(b"+", b" ").partition(b"="))
            try:
                pairs.append((name.decode(), value.decode()))
            except UnicodeDecodeError:
                shown = name.decode(errors="replace"), value.decode(errors="replace")
                raise parameter_error(*shown, "UTF-8, percent-encoded") from None
    return pairs


class ParsedQueryCache(Generic[T]):
    """Reads query strings, and keeps what short ones mean: the same are asked again and again."""

    def __init__(self, read: Callable[[Sequence[tuple[str, str]]], T]) -> None:
        """`read` makes the request of names and values, or raises ProblemError, which is not kept."""
        self._read = read
        self._cached = lru_cache(_CACHED_QUERIES)(self._parsed)

    def read(self, query: bytes) -> tuple[Sequence[tuple[str, str]], T]:
        """Its names and values, and the request. Raises ProblemError (422)."""
        return self._cached(query) if len(query) <= USUAL_CHARACTERS else self._parsed(query)

    def _parsed(self, query: bytes) -> tuple[Sequence[tuple[str, str]], T]:
        pairs = tuple(pairs_of(query))
        return pairs, self._read(pairs)


class Parameters:
    """Names and values of one query string; reading one checks its form. All methods raise ProblemError (422)."""

    def __init__(self, pairs: Sequence[tuple[str, str]], known: Sequence[Parameter[Any]], max_values: int = 1) -> None:
        """`max_values`: of one parameter that `alternatives` reads."""
        self._max_values = max_values
        self._values: dict[str, list[str]] = {}
        names = tuple([parameter.name for parameter in known])
        for name, value in pairs:
            if name not in names:
                raise unknown_parameter_error(name, value, names)
            if value == "":
                raise parameter_error(name, value, "a value, or the parameter is left out")
            self._values.setdefault(name, []).append(value)

    def has(self, parameter: Parameter[Any]) -> bool:
        """Whether it was sent at all."""
        return parameter.name in self._values

    def sent(self, parameter: Parameter[Any]) -> str:
        """What was sent, for an error."""
        return ", ".join(self._values.get(parameter.name, []))

    def one(self, parameter: Parameter[T]) -> T:
        """The only value, or the default."""
        text = self._text(parameter)
        return parameter.default if text is None else parse(parameter, text)

    def alternatives(self, parameter: Parameter[T]) -> tuple[T, ...]:
        """All values of a list, repeated or separated by commas, each once, in the order given."""
        values = self.listed(parameter)
        if len(values) > self._max_values:
            raise parameter_error(parameter.name, f"{len(values)} values", f"at most {self._max_values} values")
        return tuple(dict.fromkeys([parse(parameter, value) for value in values]))

    def listed(self, parameter: Parameter[Any]) -> list[str]:
        """The items of all values, taken apart at commas."""
        if not parameter.is_repeatable:
            self._text(parameter)
        values = self._values.get(parameter.name, [])
        items = [item for value in values for item in value.split(",")]
        if "" in items:
            expected = "values separated by single commas, none of them empty"
            raise parameter_error(parameter.name, self.sent(parameter), expected)
        return items

    def _text(self, parameter: Parameter[Any]) -> str | None:
        values = self._values.get(parameter.name, [])
        if len(values) > 1:
            raise parameter_error(parameter.name, self.sent(parameter), "one value, not several")
        return values[0] if values else None


def parse(parameter: Parameter[T], text: str) -> T:
    """One value of the parameter. Raises ProblemError (422)."""
    try:
        return parameter.type.parse(text)
    except (ValueError, OverflowError):  # the latter: digits in place, and no such moment
        raise wrong_value_error(parameter, text) from None


def wrong_value_error(parameter: Parameter[Any], got: str) -> ProblemError:
    """422: the parameter does not take this value."""
    return parameter_error(parameter.name, got, parameter.type.expected)


def contradiction_error(given: Parameters, parameter: Parameter[Any], expected: str) -> ProblemError:
    """422: another parameter does not allow what was sent."""
    return parameter_error(parameter.name, given.sent(parameter), expected)
