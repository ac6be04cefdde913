"""The bounds of a writer, as all its parts get them. The settings give reasons for the defaults."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """When a batch is full: whichever comes first."""

    max_rows: int
    max_bytes: int
    max_age_s: float
    max_dates: int


@dataclass(frozen=True)
class WriterOptions:
    """Bounds of a writer."""

    limits: Limits
    pulls_in_flight: int
    pull_max_messages: int
    batches_in_flight: int
    uploads_in_flight: int
    upload_stall_s: float
    buffer_max_rows: int
    buffer_max_bytes: int
    ack_deadline_s: float
    lease_max_s: float
    backoff_max_s: float
    drain_s: float
