"""What a writer has done since its start, as numbers. The only place where it is counted.

`/ready`, the last log line and the counters of `/metrics` all read these numbers; a Prometheus counter cannot be read
back by a public name, and writers of tests and simulations have no registry. Only the event loop changes them.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from ingest_writer.decoding.tables import OTHER_NAMES, UNKNOWN_NAMES
from ingest_writer.subscriber.encode import Prepared


@dataclass
class Counts:
    """Decoded is not landed: a batch that is given up comes again, and is decoded again."""

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

    batches: int = 0
    """Landed, like all that follow."""
    landed_objects: int = 0
    rows: int = 0
    rejected: int = 0
    unknown_fields: Counter[str] = field(default_factory=Counter)
    """By name, for a bounded number of names."""

    def add_decoded(self, prepared: Prepared) -> None:
        """The messages of a batch became events and rejected lines."""
        self.decoded_rows += prepared.events
        self.decoded_unknown_fields += prepared.unknown_fields.total()
        for lines in prepared.rejected.values():
            self.decoded_rejected.update(line.stage for line in lines)

    def add_landed(self, prepared: Prepared) -> None:
        """All of a batch is durable."""
        self.batches += 1
        self.landed_objects += len(prepared.objects)
        self.rows += prepared.events
        self.rejected += sum(map(len, prepared.rejected.values()))
        known = self.unknown_fields
        for name, times in prepared.unknown_fields.items():
            known[name if name in known or len(known) < UNKNOWN_NAMES else OTHER_NAMES] += times
