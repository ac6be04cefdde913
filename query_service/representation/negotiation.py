"""The one place where a format is negotiated.

`format=` decides, else the Accept header; JSON where both leave it open.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from query_service.errors import not_acceptable_error, parameter_error
from query_service.representation import accept as header


@dataclass(frozen=True)
class Format:
    """How an answer can be written. `name` is what `format=` takes and how file names end."""

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
    best = (_best if len(accept) <= header.USUAL_CHARACTERS else _best.__wrapped__)(accept, tuple(offered))
    if best is None:
        raise not_acceptable_error("Accept", accept, ", ".join(one.media_type for one in offered))
    return best


@lru_cache(maxsize=64)
def _best(accept: str, offered: tuple[Format, ...]) -> Format | None:
    """The format that is wanted most, of equals the first; None when none is wanted."""
    accepted = header.items(accept)
    weights = {one: header.weight_of(one.media_type, accepted) for one in offered}
    best = max(offered, key=lambda one: weights[one])
    return best if weights[best][0] > 0 else None
