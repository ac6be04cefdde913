"""The query string as named text: what is unknown, empty, repeated or malformed ends here.

Knows nothing of what the values mean.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from typing import Final
from urllib.parse import unquote_to_bytes

from lakehouse.schema.event import MAX_FLIGHT_DATE, MIN_FLIGHT_DATE
from query_service.errors import parameter_error, unknown_parameter_error

DATE_PATTERN: Final = r"(19[89][0-9]|20[0-9]{2}|2100)-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
TIME_PATTERN: Final = (
    r"[12][0-9]{3}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])[Tt]([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,9})?"
    r"([Zz]|[+-]([01][0-9]|2[0-3]):[0-5][0-9])"
)

_DATE = re.compile(DATE_PATTERN, re.ASCII)
_DATE_EXPECTED = f"a date like 2013-01-31, from {MIN_FLIGHT_DATE} to {MAX_FLIGHT_DATE}"
_INTEGER = re.compile(r"[1-9][0-9]{0,8}", re.ASCII)
_TIME = re.compile(TIME_PATTERN, re.ASCII)
_TIME_EXPECTED = "an RFC 3339 time with offset, like 2013-01-31T10:00:00Z (in a URL, + is written %2B)"
_SECONDS = re.compile(r"-?[0-9]{1,9}(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,3})?", re.ASCII)  # a number as in JSON


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


class Parameters:
    """Names and values of one query string; reading one checks its form. All methods raise ProblemError (422)."""

    def __init__(self, pairs: Sequence[tuple[str, str]], known: tuple[str, ...], max_values: int = 1) -> None:
        """`max_values`: of one repeatable parameter that `texts` reads."""
        self._max_values = max_values
        self._values: dict[str, list[str]] = {}
        for name, value in pairs:
            if name not in known:
                raise unknown_parameter_error(name, value, known)
            if value == "":
                raise parameter_error(name, value, "a value, or the parameter is left out")
            self._values.setdefault(name, []).append(value)

    def sent(self, name: str) -> str:
        """What was sent as `name`, for an error."""
        return ", ".join(self._values.get(name, []))

    def text(self, name: str) -> str | None:
        """The only value of `name`, None when it is absent."""
        values = self._values.get(name, [])
        if len(values) > 1:
            raise parameter_error(name, self.sent(name), "one value, not several")
        return values[0] if values else None

    def texts(self, name: str, pattern: re.Pattern[str], expected: str) -> tuple[str, ...]:
        """All values of a repeatable `name`, each once, in the order given."""
        values = self._values.get(name, [])
        if len(values) > self._max_values:
            raise parameter_error(name, f"{len(values)} values", f"at most {self._max_values} values")
        for value in values:
            if pattern.fullmatch(value) is None:
                raise parameter_error(name, value, expected)
        return tuple(dict.fromkeys(values))

    def listed(self, name: str) -> list[str]:
        """The items of all values of `name`, taken apart at commas."""
        values = self._values.get(name, [])
        items = [item for value in values for item in value.split(",")]
        if "" in items:
            raise parameter_error(name, self.sent(name), "names separated by single commas, none of them empty")
        return items

    def integer(self, name: str, default: int, most: int) -> int:
        """An integer from 1 to `most`, in plain digits."""
        value = self.text(name)
        if value is None:
            return default
        if _INTEGER.fullmatch(value) is None or int(value) > most:
            raise parameter_error(name, value, f"an integer from 1 to {most}")
        return int(value)

    def date(self, name: str) -> dt.date | None:
        """A flight date."""
        value = self.text(name)
        if value is None:
            return None
        try:
            date = dt.date.fromisoformat(value) if _DATE.fullmatch(value) else None
        except ValueError:
            date = None
        if date is None or not MIN_FLIGHT_DATE <= date <= MAX_FLIGHT_DATE:
            raise parameter_error(name, value, _DATE_EXPECTED)
        return date

    def time(self, name: str) -> dt.datetime | None:
        """A moment; digits beyond the microsecond are cut off."""
        value = self.text(name)
        if value is None:
            return None
        match = _TIME.fullmatch(value)
        try:
            if match is not None:
                return dt.datetime.fromisoformat(value.upper()).astimezone(dt.UTC)
        except (ValueError, OverflowError):
            pass  # digits in the right places, and no such moment
        raise parameter_error(name, value, _TIME_EXPECTED)

    def seconds(self, name: str, most: int) -> float | None:
        """A number of seconds from 0 to `most`."""
        value = self.text(name)
        if value is None:
            return None
        if _SECONDS.fullmatch(value) is None or not 0 <= float(value) <= most:
            raise parameter_error(name, value, f"a number of seconds from 0 to {most}")
        return float(value)
