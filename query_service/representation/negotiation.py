"""Negotiates format and content coding (RFC 9110, section 12), and is the only place that does.

`format=` has priority over the Accept header; the default is JSON. Accept-Encoding selects the
content coding.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from query_service.errors import not_acceptable_error, parameter_error


@dataclass(frozen=True)
class Format:
    """A format. `name` is the value of `format=` and the extension of file names."""

    name: str
    media_type: str
    is_packed: bool = False
    """Compressed in itself: a content coding would only cost time."""


JSON: Final = Format("json", "application/json")
NDJSON: Final = Format("ndjson", "application/x-ndjson")
CSV: Final = Format("csv", "text/csv; charset=utf-8; header=present")
ARROW: Final = Format("arrow", "application/vnd.apache.arrow.stream")
PARQUET: Final = Format("parquet", "application/vnd.apache.parquet", is_packed=True)

DOCUMENTS: Final = (JSON,)
"""What an answer that is no table is offered in."""
TABLES: Final = (JSON, NDJSON, CSV, ARROW, PARQUET)
"""What a table is offered in, the first one first where a caller has no preference."""


def negotiate(pairs: Sequence[tuple[str, str]], accept: str | None, offered: Sequence[Format] = DOCUMENTS) -> Format:
    """The format to answer in, from the query string and the Accept header. Raises ProblemError (422, 406)."""
    asked = [value for name, value in pairs if name == "format"]
    by_name = {one.name: one for one in offered}
    if len(asked) > 1 or (asked and asked[0] not in by_name):
        raise parameter_error("format", ", ".join(asked), f"one of {', '.join(by_name)}")
    if asked:
        return by_name[asked[0]]
    if accept is None or not accept.strip(" \t,"):
        return offered[0]
    best = (_best if len(accept) <= USUAL_CHARACTERS else _best.__wrapped__)(accept, tuple(offered))
    if best is None:
        raise not_acceptable_error("Accept", accept, ", ".join(one.media_type for one in offered))
    return best


@lru_cache(maxsize=64)
def _best(accept: str, offered: tuple[Format, ...]) -> Format | None:
    """The format that is wanted most, of equals the first; None when none is wanted."""
    accepted = items(accept)
    weights = {one: weight_of(one.media_type, accepted) for one in offered}
    best = max(offered, key=lambda one: weights[one])
    return best if weights[best][0] > 0 else None


IDENTITY: Final = "identity"
OFFERED: Final = ("zstd", "gzip", IDENTITY)
"""By preference where a caller has none: zstd takes a quarter of the time of gzip for as few bytes."""

_WORTH_BYTES: Final = 1400  # what fits into one packet arrives no sooner when it is smaller
_LEAST: Final = 0.0001  # below every weight that can be written


@dataclass(frozen=True)
class Coding:
    """A content coding. `is_required`: the caller does not accept uncompressed bytes."""

    name: str
    is_required: bool = False

    def for_body(self, size: int, is_packed: bool) -> str | None:
        """The coding to use for `size` bytes, which may be compressed in themselves; None to leave them as they are."""
        is_worth = self.is_required or (size >= _WORTH_BYTES and not is_packed)
        return self.name if is_worth and self.name != IDENTITY else None


PLAIN: Final = Coding(IDENTITY)


def negotiate_coding(accept_encoding: str | None) -> Coding:
    """The coding by the Accept-Encoding header (RFC 9110, section 12.5.3). Raises ProblemError (406)."""
    given = accept_encoding or ""
    return (_negotiated if len(given) <= USUAL_CHARACTERS else _negotiated.__wrapped__)(given)


@lru_cache(maxsize=64)
def _negotiated(accept_encoding: str) -> Coding:
    weights = {item.name.removeprefix("x-"): item.weight for item in items(accept_encoding)}
    other = weights.get("*", 0.0)
    weight_of = {name: weights.get(name, other) for name in OFFERED}
    if IDENTITY not in weights and "*" not in weights:
        weight_of[IDENTITY] = _LEAST  # taken unless it is excluded
    best = max(OFFERED, key=lambda name: weight_of[name])  # of equals the first
    if weight_of[best] == 0:
        raise not_acceptable_error("Accept-Encoding", accept_encoding, ", ".join(OFFERED))
    return Coding(best, is_required=weight_of[IDENTITY] == 0)


USUAL_CHARACTERS: Final = 300
"""Headers up to this length are cached: clients send the same few, long ones are unusual."""

_WEIGHT = re.compile(r"0(\.[0-9]{0,3})?|1(\.0{0,3})?", re.ASCII)


@dataclass(frozen=True)
class Item:
    """One item in lower case: `text/csv` or `gzip`, its parameters without the weight, and the weight."""

    name: str
    parameters: Mapping[str, str]
    weight: float


def items(header: str) -> list[Item]:
    """The items of a header, in its order; without those whose weight is none: what they mean is not known."""
    found = (_item(text) for text in header.split(",") if text.strip())
    return [item for item in found if item is not None]


def weight_of(media_type: str, accepted: list[Item]) -> tuple[float, int]:
    """How much a media type (with parameters) is wanted, and how precisely it was named: 0 (`*/*`) to 2 (by name).

    The most precise range decides (RFC 9110, section 12.5.1). (0, 0) when none matches.
    """
    offered = _item(media_type)
    assert offered is not None
    kind = offered.name.partition("/")[0]
    for precision, name in ((2, offered.name), (1, f"{kind}/*"), (0, "*/*")):
        weights = [item.weight for item in accepted if item.name == name and not _contradicts(item, offered)]
        if weights:
            return max(weights), precision
    return 0.0, 0


def _contradicts(item: Item, offered: Item) -> bool:
    """`text/csv;header=absent` is not what we have; parameters that we do not know are nothing against it."""
    return any(offered.parameters.get(name, value) != value for name, value in item.parameters.items())


def _item(text: str) -> Item | None:
    name, *rest = (part.strip().lower() for part in text.split(";"))
    parameters = dict(_pairs(rest))
    weight = parameters.pop("q", "1")
    return Item(name, parameters, float(weight)) if _WEIGHT.fullmatch(weight) else None


def _pairs(parts: list[str]) -> Iterator[tuple[str, str]]:
    for part in parts:
        name, _, value = part.partition("=")
        yield name.strip(), value.strip().strip('"')
