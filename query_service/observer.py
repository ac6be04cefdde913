"""What the parts of the service report while they work. Does nothing: whoever wants to know overrides it."""

from __future__ import annotations

import datetime as dt


class Observer:
    """Called on the event loop, where the work is; must not block and must not raise."""

    def admitted(self) -> None:
        """A question was taken."""

    def shed(self) -> None:
        """A question was turned away, since too many are under way."""

    def query_queued(self) -> None:
        """A query waits for a core."""

    def query_left_queue(self) -> None:
        """It waits no more: it runs, or its caller has gone."""

    def query_began(self) -> None:
        """A query runs."""

    def query_ended(self, seconds: float) -> None:
        """It has ended, well or not, after running for so long."""

    def lake_looked_at(self, listed_at: dt.datetime, newest_publish_time: dt.datetime | None, tail_rows: int) -> None:
        """The whole lake was looked at, as it was at `listed_at`."""
