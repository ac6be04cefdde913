"""Publishes in parallel with compaction, which waits for it no longer than a setting."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, wait

from ingest_writer.publishing.publisher import Published
from lakehouse.errors import PublishError


class BackgroundPublisher:
    """Runs `publish` in a thread, one at a time: one that hangs is waited for again, not joined by another."""

    def __init__(self, publish: Callable[[], Published], max_wait_s: float) -> None:
        self._publish = publish
        self._max_wait_s = max_wait_s
        self._running: Future[Published] | None = None

    def publish(self) -> Published:
        """What a publication that begins now gives. Raises what it raises, and PublishError when it takes longer."""
        deadline_s = time.monotonic() + self._max_wait_s
        if self._running is not None and not self._running.done():
            self._wait(self._running, deadline_s)  # it began before the last commit
        self._running = self._start()
        self._wait(self._running, deadline_s)
        return self._running.result()

    def _start(self) -> Future[Published]:
        future: Future[Published] = Future()

        def work() -> None:
            try:
                future.set_result(self._publish())
            except BaseException as error:  # noqa: BLE001 - it is raised where it is waited for
                future.set_exception(error)

        # A daemon: a process that ends does not wait for a storage that does not answer.
        threading.Thread(target=work, name="publish", daemon=True).start()
        return future

    def _wait(self, running: Future[Published], deadline_s: float) -> None:
        wait({running}, max(0.0, deadline_s - time.monotonic()))
        if not running.done():
            raise PublishError(
                f"not done after {self._max_wait_s:g} s (COMPACTOR_PUBLISH_WAIT_S); it goes on, and compaction too"
            )
