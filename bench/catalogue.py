"""The measures by name, in the order in which they run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bench.figure import Figure
from bench.measures.asking import measure_question
from bench.measures.crowds import measure_clients, measure_overload
from bench.measures.freshness import measure_freshness
from bench.measures.repeating import measure_repeated
from bench.measures.storage import measure_storage
from bench.measures.tails import measure_tail
from bench.measures.writing import measure_writer
from bench.rig import Rig


@dataclass(frozen=True)
class Measure:
    """`rows`: the numbers of the figures that it gives."""

    name: str
    rows: tuple[str, ...]
    run: Callable[[Rig], list[Figure]]


MEASURES = (
    Measure("writer", ("1", "2"), measure_writer),
    Measure("question", ("6",), measure_question),
    Measure("repeated", ("8",), measure_repeated),
    Measure("clients", ("7",), measure_clients),
    Measure("overload", ("overload",), measure_overload),
    Measure("tail", ("11",), measure_tail),
    Measure("freshness", ("13", "15"), measure_freshness),
    Measure("storage", ("15",), measure_storage),
)
