"""The measures by name, in the order in which they run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bench.figure import Figure
from bench.measures.asking import measure_question
from bench.measures.bytes import measure_bytes, measure_day
from bench.measures.crowds import measure_clients, measure_overload
from bench.measures.freshness import measure_freshness
from bench.measures.merging import measure_merging
from bench.measures.repeating import measure_repeated
from bench.measures.roapi import measure_roapi
from bench.measures.sizes_of_lakes import measure_lake_size
from bench.measures.starting import measure_start
from bench.measures.storage import measure_storage
from bench.measures.tails import measure_tail
from bench.measures.writing import measure_two_writers, measure_writer
from bench.measures.years import measure_years
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
    Measure("bytes", ("4",), measure_bytes),
    Measure("day", ("5",), measure_day),
    Measure("two-writers", ("3",), measure_two_writers),
    Measure("merging", ("16",), measure_merging),
    Measure("start", ("14",), measure_start),
    Measure("lake-size", ("12",), measure_lake_size),
    Measure("roapi", ("10",), measure_roapi),
    Measure("years", ("9",), measure_years),
)
