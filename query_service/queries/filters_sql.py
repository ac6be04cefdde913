"""Turns filters into SQL: conditions on key columns (before "newest wins") and others (after).

A filter on any other column before "newest wins" would let an older event win.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Final

from lakehouse.schema.event import KEY, PROBE_CARRIER, FlightKey
from lakehouse.table.latest_sql import VISIBLE, without_probes
from query_service.queries.model import Filters

COMPUTED: Final = {"weekday": "isodow(flight_date)", "hour": "scheduled_departure_hour"}
"""SQL of the filters that are no columns; the groups of these names are the same."""

_ON_KEY: Final = frozenset((*KEY, "weekday"))
_FILTERED: Final = tuple(each.name for each in fields(Filters) if each.name != "dates")
_FILTERED_BEFORE: Final = tuple(name for name in _FILTERED if name in _ON_KEY)
_FILTERED_AFTER: Final = tuple(name for name in _FILTERED if name not in _ON_KEY)


@dataclass(frozen=True)
class WhereClause:
    """`before` uses key columns only, `after` the state; `values` binds the `$names` of both."""

    before: str
    after: str
    values: dict[str, Any] = field(default_factory=dict)


def conditions(filters: Filters, beyond: FlightKey | None = None, descending: bool = False) -> WhereClause:
    """Conditions for visible flights that match; with `beyond`, only those whose key is above it, or below."""
    before, after, values = [], [VISIBLE], dict[str, Any]()
    if filters.dates.first is not None:
        before.append("flight_date >= $date_from")
        values["date_from"] = filters.dates.first
    if filters.dates.last is not None:
        before.append("flight_date <= $date_to")
        values["date_to"] = filters.dates.last
    if not filters.carrier:
        before.append(without_probes())
    for name in _FILTERED_BEFORE:
        before += _any_of(name, getattr(filters, name), values)
    for name in _FILTERED_AFTER:
        after += _any_of(name, getattr(filters, name), values)
    if beyond is not None:
        compared, bound = beyond_key(beyond, descending)
        before.append(compared)
        values |= bound
    return WhereClause(" AND ".join(before), " AND ".join(after), values)


def beyond_key(key: FlightKey, descending: bool = False) -> tuple[str, dict[str, Any]]:
    """A condition for keys above `key`, or below, with its values."""
    bound = {f"beyond_{column}": getattr(key, column) for column in KEY}
    return f"({', '.join(KEY)}) {'<' if descending else '>'} ({', '.join(f'${name}' for name in bound)})", bound


def asks_hidden(filters: Filters) -> bool:
    """Whether flights of hidden files may match: those of the reserved carrier. Void ones never do."""
    return PROBE_CARRIER in filters.carrier


def _any_of(name: str, allowed: Sequence[str | int], values: dict[str, Any]) -> list[str]:
    """At most one condition; one value is compared, so that files can be skipped by their statistics."""
    if not allowed:
        return []
    shown = COMPUTED.get(name, name)
    if len(allowed) == 1:
        values[name] = allowed[0]
        return [f"{shown} = ${name}"]
    values[name] = list(allowed)
    return [f"list_contains(${name}, {shown})"]
