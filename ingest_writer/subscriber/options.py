"""The bounds of a writer, as all its parts get them."""

from __future__ import annotations

from dataclasses import dataclass

from ingest_writer.subscriber.batch import Limits


@dataclass(frozen=True)
class WriterOptions:
    """Bounds of a writer; the settings say why their defaults are what they are."""

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
