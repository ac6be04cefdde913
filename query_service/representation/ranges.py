"""Parts of an answer by their bytes (RFC 9110, section 14): what is asked for, and where that lies in a body.

A range is one of the bytes that are sent: of a compressed answer, of the compressed ones. Its tag is another one too.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_RANGE: Final = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True)
class ByteRange:
    """From `first` to `last`, both included; without `first` the `last` bytes of a body, without `last` to its end."""

    first: int | None
    last: int | None

    @property
    def is_beginning(self) -> bool:
        """Whether a reader who knows nothing of the answer yet would ask for it: the first bytes, or the last ones."""
        return self.first in (None, 0)

    def within(self, size: int) -> tuple[int, int] | None:
        """Where it begins and ends (not included) in a body of `size` bytes; None when nothing of it is there."""
        if self.first is None:
            start, end = max(0, size - (self.last or 0)), size
        else:
            start, end = self.first, size if self.last is None else min(self.last + 1, size)
        return (start, end) if start < end else None


@dataclass(frozen=True)
class PartialRead:
    """What a reader wants of an answer; without a range, of a HEAD, what it begins with."""

    range: ByteRange | None
    if_range: str | None
    """The range is wanted of the answer with this tag, or else the whole answer."""
    reader: str
    """Who asks, as far as that is known."""


def parse_range(header: str) -> ByteRange | None:
    """The range of a Range header; None when it is to be ignored: other units, several ranges, malformed ones."""
    match = _RANGE.fullmatch(header)
    if match is None or match[0].endswith("=-"):
        return None
    first, last = (int(digits) if digits else None for digits in match.groups())
    is_reversed = first is not None and last is not None and first > last
    return None if is_reversed else ByteRange(first, last)
