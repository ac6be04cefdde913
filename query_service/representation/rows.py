"""What a question about many flights finds: a table, and what is said beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa


@dataclass(frozen=True)
class Rows:
    """`rest` are the members of the JSON document beside `data`: `truncated`, of pages `next_cursor` too."""

    table: pa.Table
    rest: Mapping[str, Any]
