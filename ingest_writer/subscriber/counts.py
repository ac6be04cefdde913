"""What a writer counts, and whom it tells about its work. Knows nothing of how either is shown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from ingest_writer.landing import Prepared
from ingest_writer.subscriber.buffer import Batch


@dataclass
class Counts:
    """What a writer has done since its start. Only the event loop changes it.

    Decoded is not landed: a batch that is given up comes again, and is decoded again.
    """

    messages: int = 0
    acked: int = 0
    given_up: int = 0
    """Messages whose leases could not be kept."""

    decoded_rows: int = 0
    decoded_unknown_fields: int = 0
    decoded_rejected: Counter[str] = field(default_factory=Counter)
    """Lines by stage."""
    failed_batches: int = 0
    """That could not be prepared."""

    landed_objects: int = 0
    """Durable; so are all that follow."""
    rows: int = 0
    rejected: int = 0
    unknown_fields: int = 0


class Observer:
    """What a writer reports while it works. Does nothing by itself: subclasses override its methods.

    Called on the event loop, where the work is; must not block and must not raise.
    """

    def landed(self, batch: Batch, prepared: Prepared, age_s: float, landing_s: float) -> None:
        """A batch is durable. It collected and waited for `age_s`, and took `landing_s` to store."""

    def holds(self, batches: Sequence[Batch]) -> None:
        """The batches in memory, about once a second. Times in them are the event loop's."""
