"""Header lists of what a caller takes (RFC 9110, sections 12.4.2 and 12.5): items with a weight from 0 to 1.

Knows neither the formats nor the codings that are offered.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

USUAL_CHARACTERS: Final = 300
"""What is in a header may be remembered up to this length: clients say the same few, a longer one is somebody's own."""

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
