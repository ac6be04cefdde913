"""What a tile's query asks for, found in the metrics of the incident, aligned and reduced."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from tools.monitoring_picture.incident import MINUTES, Metric, Values

_SELECTOR: Final = re.compile(r'select_(slo_\w+)\(".*/serviceLevelObjectives/([\w-]+)"\)')
_TYPE: Final = re.compile(r'metric\.type="([^"]+)"')


class MissingSeriesError(Exception):
    """A tile asks for something that has no series or cannot be drawn. The text names it."""


@dataclass(frozen=True)
class Line:
    """One line of a chart: a value a minute, None where there is no point."""

    name: str
    unit: str
    values: Values


def lines(query: Mapping[str, Any], known: Mapping[str, Metric]) -> list[Line]:
    """The lines of a `timeSeriesQuery`. Raises MissingSeriesError when there is none."""
    asked = query["timeSeriesFilter"]
    how = asked["aggregation"]
    name = _name(asked["filter"], how.get("crossSeriesReducer", ""))
    names = [key for key in known if key == name or (how.get("groupByFields") and key.startswith(f"{name} "))]
    if not names:
        raise MissingSeriesError(f"no series of {name}; give it one in tools/monitoring_picture/incident.py")
    period_min = int(how["alignmentPeriod"].removesuffix("s")) // 60
    labels = {key: key.removeprefix(f"{name} ") for key in names}
    return [_aligned(labels[key], known[key], how["perSeriesAligner"], period_min) for key in names]


def _name(asked: str, reducer: str) -> str:
    if selector := _SELECTOR.search(asked):
        return f"{selector[1]} {selector[2]}"
    found = _TYPE.search(asked)
    if found is None:
        raise MissingSeriesError(f"the filter {asked} names no metric")
    percent = re.fullmatch(r"REDUCE_PERCENTILE_(\d+)", reducer)
    return f"{found[1]} p{percent[1]}" if percent else found[1]


def _aligned(name: str, metric: Metric, aligner: str, period_min: int) -> Line:
    if not metric.counts:
        return Line(name, metric.unit, metric.values[-MINUTES - 1 :])
    if aligner not in ("ALIGN_RATE", "ALIGN_DELTA"):
        raise MissingSeriesError(f"{name} counts; {aligner} of it is not known")
    sums = [_sum(metric.values, end, period_min) for end in range(len(metric.values))][-MINUTES - 1 :]
    if aligner == "ALIGN_RATE":
        return Line(name, "/s", tuple(total / (60 * period_min) for total in sums))
    return Line(name, "", tuple(total if minute % period_min == 0 else None for minute, total in enumerate(sums)))


def _sum(values: Sequence[float | None], end: int, minutes: int) -> float:
    return sum(value or 0 for value in values[max(0, end - minutes + 1) : end + 1])
