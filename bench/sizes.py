"""The sizes of a run: full, or just enough to see that the harness works."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Sizes:
    """Chosen so that all measures together take less than 20 minutes on two cores."""

    flights: int | None = None
    """Real flights a lake is made of; None is all 336,776 of them."""
    years: int = 10
    writer_events: int = 100_000
    two_writers_events: int = 300_000
    """Between them: enough to outweigh the last batch, which waits for its age while writers look for more."""
    writer_rounds: int = 3
    events_per_message: tuple[int, ...] = (1, 100)
    questions: int = 300
    """Of each side: three of them are beyond p99."""
    warm_up: int = 10
    clients_s: float = 8.0
    """A round with 32 clients: a thousand answers."""
    clients_rounds: int = 3
    overload_s: float = 10.0
    dashboard_s: float = 8.0
    """A round: 1,600 questions, and eight changes of the tail."""
    freshness_s: float = 60.0
    tail_rows: int = 100_000
    long_tail_files: int = 3_000
    objects: int = 200_000
    """Of a folder that is listed."""
    large_copies: int = 18
    """Of each flight, under another operational suffix: 336,776 * 18 * 10 years are 60.6 million."""
    batch_age_s: float = 5.0
    """The writer's default."""
    day_batches: int = 8_640
    rewriting_flights: int = 100_000
    """All flights of the world on one date."""
    rewriting_runs: int = 8
    """Of the 288 of a day: one in three hours."""
    merge_rows: int = 300_000
    load_rows: int = 600_000
    """A month of the US DOT's file."""
    cold_starts: int = 5
    on_time_runs: int = 2
    """Of each question of the OnTime benchmark, after the first."""
    years_questions: int = 1
    """Of ten years by each of five groupings, after the first: each takes its peers seconds."""


QUICK = Sizes(
    flights=10_000,
    years=1,
    writer_events=20_000,
    two_writers_events=1_000,
    writer_rounds=2,
    events_per_message=(100,),
    questions=60,
    warm_up=5,
    clients_s=0.5,
    clients_rounds=1,
    overload_s=0.5,
    dashboard_s=2.0,
    freshness_s=2.0,
    tail_rows=2_000,
    long_tail_files=300,
    objects=2_000,
    large_copies=2,
    batch_age_s=1.0,
    day_batches=60,
    rewriting_flights=3_000,
    rewriting_runs=2,
    merge_rows=500,
    load_rows=4_000,
    years_questions=1,
    cold_starts=1,
    on_time_runs=1,
)
"""Only the ratios of the writer, a question and a repeated question are near those of the full sizes."""
