"""What the parts of the service report. The base class ignores it; metrics override it."""

from __future__ import annotations

import datetime as dt


class Observer:
    """Called on the event loop, where the work is; must not block and must not raise."""

    def admitted(self) -> None:
        """A question was taken."""

    def shed(self) -> None:
        """A question was refused: too many are under way."""

    def query_queued(self) -> None:
        """A query waits for a core."""

    def query_left_queue(self) -> None:
        """It no longer waits: it runs, or its caller has left."""

    def query_began(self) -> None:
        """A query runs."""

    def query_ended(self, seconds: float) -> None:
        """It has ended, successfully or not, after running for so long."""

    def disk_failed(self) -> None:
        """A question could not be answered since this machine's disk refused."""

    def lake_refreshed(self, listed_at: dt.datetime, newest_publish_time: dt.datetime | None, tail_rows: int) -> None:
        """The lake's status was computed from a listing of `listed_at`."""
