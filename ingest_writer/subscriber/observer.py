"""What a writer reports while it works. Does nothing: whoever wants to know overrides it."""

from __future__ import annotations

from collections.abc import Sequence

from ingest_writer.subscriber.batch import Batch
from ingest_writer.subscriber.encode import Prepared


class Observer:
    """Called on the event loop, where the work is; must not block and must not raise."""

    def landed(self, batch: Batch, prepared: Prepared, age_s: float, landing_s: float) -> None:
        """A batch is durable. It was open for `age_s`, or waited for its turn, and took `landing_s` to store."""

    def holds(self, batches: Sequence[Batch]) -> None:
        """What is in memory now, said about once a second. Times in it are the event loop's."""
