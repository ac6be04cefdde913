"""The measures by name, in the order in which they run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bench.figure import Figure
from bench.fingerprint import Sources
from bench.measures.analysts import measure_analysts
from bench.measures.asking import measure_question
from bench.measures.bytes import measure_bytes, measure_day
from bench.measures.cold import measure_cold
from bench.measures.crowds import measure_clients, measure_overload
from bench.measures.dashboard import measure_dashboard
from bench.measures.freshness import measure_freshness
from bench.measures.listing import measure_listing
from bench.measures.loading import measure_loading
from bench.measures.merging import measure_merging
from bench.measures.on_time import measure_on_time
from bench.measures.repeating import measure_repeated
from bench.measures.rewriting import measure_rewriting
from bench.measures.roapi import measure_roapi
from bench.measures.sizes_of_lakes import measure_lake_size
from bench.measures.starting import measure_start
from bench.measures.storage import measure_storage
from bench.measures.tails import measure_long_tail, measure_tail
from bench.measures.writing import measure_two_writers, measure_writer
from bench.measures.years import measure_years
from bench.rig import Rig
from bench.sources import (
    ANALYSTS,
    COLD,
    DASHBOARD,
    DAY,
    EVERYTHING,
    LISTING,
    LOAD,
    MERGE,
    QUESTION,
    REPEATED,
    START,
    WRITER,
)


@dataclass(frozen=True)
class Measure:
    """`rows`: the numbers of its figures. `sources`: the code that they depend on."""

    name: str
    rows: tuple[str, ...]
    run: Callable[[Rig], list[Figure]]
    sources: Sources


_MEASURES, _PEERS = "bench/measures", "bench/peers"

MEASURES = (
    Measure(
        *("writer", ("1", "2"), measure_writer),
        WRITER.plus(f"{_MEASURES}/writing.py", f"{_PEERS}/quick_start.py"),
    ),
    Measure(
        *("question", ("6",), measure_question),
        QUESTION.plus(f"{_MEASURES}/asking.py", f"{_PEERS}/duckdb_ask.py"),
    ),
    Measure(
        *("repeated", ("8",), measure_repeated),
        REPEATED.plus(f"{_MEASURES}/repeating.py", f"{_PEERS}/empty_route.py"),
    ),
    Measure("clients", ("7",), measure_clients, QUESTION.plus(f"{_MEASURES}/crowds.py", "bench/crowd.py")),
    Measure("overload", ("overload",), measure_overload, QUESTION.plus(f"{_MEASURES}/crowds.py", "bench/crowd.py")),
    Measure(
        *("dashboard", ("23",), measure_dashboard),
        DASHBOARD.plus(f"{_MEASURES}/dashboard.py", f"{_MEASURES}/tails.py", "bench/crowd.py"),
    ),
    Measure("tail", ("11",), measure_tail, QUESTION.plus(f"{_MEASURES}/tails.py")),
    Measure("long-tail", ("17",), measure_long_tail, QUESTION.plus(f"{_MEASURES}/tails.py")),
    Measure("freshness", ("13", "15"), measure_freshness, EVERYTHING.plus(f"{_MEASURES}/freshness.py")),
    Measure("storage", ("15",), measure_storage, QUESTION.plus(f"{_MEASURES}/storage.py")),
    Measure("bytes", ("4",), measure_bytes, MERGE.plus(f"{_MEASURES}/bytes.py")),
    Measure("day", ("5",), measure_day, DAY.plus(f"{_MEASURES}/bytes.py")),
    Measure("rewriting", ("5",), measure_rewriting, DAY.plus(f"{_MEASURES}/rewriting.py")),
    Measure("two-writers", ("3",), measure_two_writers, WRITER.plus(f"{_MEASURES}/writing.py")),
    Measure("merging", ("16",), measure_merging, MERGE.plus(f"{_MEASURES}/merging.py", f"{_PEERS}/sorter.py")),
    Measure("load", ("18",), measure_loading, LOAD.plus(f"{_MEASURES}/loading.py", f"{_PEERS}/on_time_loader.py")),
    Measure("listing", ("20",), measure_listing, LISTING.plus(f"{_MEASURES}/listing.py", f"{_PEERS}/lister.py")),
    Measure("start", ("14",), measure_start, START.plus(f"{_MEASURES}/starting.py")),
    Measure("lake-size", ("12",), measure_lake_size, QUESTION.plus(f"{_MEASURES}/sizes_of_lakes.py")),
    Measure("roapi", ("10",), measure_roapi, QUESTION.plus(f"{_MEASURES}/roapi.py", libraries=("roapi",))),
    Measure(
        *("years", ("9",), measure_years),
        QUESTION.plus(f"{_MEASURES}/years.py", f"{_PEERS}/years_ask.py", libraries=("polars", "chdb")),
    ),
    Measure(
        *("on-time", ("21",), measure_on_time),
        QUESTION.plus(f"{_MEASURES}/on_time.py", f"{_PEERS}/sql_ask.py", libraries=("chdb",)),
    ),
    Measure(
        *("analysts", ("19",), measure_analysts),
        ANALYSTS.plus(f"{_MEASURES}/analysts.py", "bench/storage_traffic.py", "bench/duckdb_on_gcs.py"),
    ),
    Measure(
        *("cold", ("22",), measure_cold),
        COLD.plus(
            *(f"{_MEASURES}/cold.py", f"{_MEASURES}/starting.py", f"{_MEASURES}/asking.py"),
            f"{_PEERS}/iceberg_ask.py",
            *("bench/storage_traffic.py", "bench/duckdb_on_gcs.py"),
        ),
    ),
)
