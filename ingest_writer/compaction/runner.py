"""Runs compaction, publishes the outside tables, collects garbage; once or repeatedly."""

from __future__ import annotations

import datetime as dt
import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from ingest_writer.compaction.compactor import Compactor
from ingest_writer.compaction.garbage_collector import Collected, GarbageCollector
from ingest_writer.compaction.merge_sql import SAME_FLIGHT_WITHIN, KeyConflicts
from ingest_writer.compaction.metrics import CompactorMetrics
from ingest_writer.compaction.model import Report
from ingest_writer.publishing.publisher import Published
from lakehouse.errors import ForeignSnapshotError, LakeError
from lakehouse.telemetry import logs

log = logging.getLogger(__name__)

_SHOWN = 5  # bad objects named a run: the first ones say what is wrong
_NOT_YET = "no run has ended yet"


class Compaction:
    """Runs over one store."""

    def __init__(
        self,
        compactor: Compactor,
        collector: GarbageCollector,
        publish: Callable[[], Published],
        metrics: CompactorMetrics,
    ) -> None:
        """`publish` brings the outside tables up to the snapshots."""
        self._publish = publish
        self._published = Published(0, 0)
        self._compactor = compactor
        self._collector = collector
        self._metrics = metrics
        self._health_error = _NOT_YET
        self._snapshot = 0

    def until_done(self) -> Report:
        """Runs until nothing more can be absorbed; the last report. Raises what compactor and collector raise."""
        while True:
            report = self.run()
            if report.pending_files == 0 or report.absorbed_files == 0:
                return report

    def every(self, seconds: float, stop: threading.Event) -> None:
        """Runs every so often until `stop`; an error is logged, and the next run tries again."""
        while not stop.is_set():
            try:
                report = self.run()
            except (LakeError, OSError) as error:
                self._health_error = f"{type(error).__name__}: {error}"
                if not isinstance(error, ForeignSnapshotError):  # said already
                    log.error("compaction failed, tries again in %s s: %s", seconds, error)
            else:
                self._health_error = ""
                if report.pending_files > 0 and report.absorbed_files > 0:
                    continue  # the bounds of a merge cut it off: the rest does not wait
            stop.wait(seconds)

    def status(self) -> Mapping[str, Any]:
        """What /ready shows."""
        return {"ready": not self._health_error, "compaction": self._health_error or "ok", "snapshot": self._snapshot}

    def run(self) -> Report:
        """One run, with a log line. Raises what compactor and collector raise."""
        began = time.monotonic()
        try:
            report = self._compactor.compact()
            report.unpublished = self._try_publish()
            collected = self._collector.collect(min(self._published.delta, self._published.iceberg))
        except ForeignSnapshotError as error:
            log.error("stopped: %s", error, extra=logs.fields(foreign_snapshot=error.name))  # an alert counts this line
            self._metrics.failed(error)
            raise
        except BaseException as error:
            self._metrics.failed(error)
            raise
        seconds = time.monotonic() - began
        self._snapshot = report.snapshot
        self._metrics.ran(report, collected, seconds)
        if report.unpublished is None:
            self._metrics.published(self._published)
        _log_report(report, collected, seconds)
        return report

    def _try_publish(self) -> LakeError | OSError | None:
        """Brings the outside tables up to date; returns the error if that failed.

        No answer comes from them, so the run goes on.
        """
        try:
            self._published = self._publish()
        except (LakeError, OSError) as error:
            if isinstance(error, ForeignSnapshotError):
                raise
            return error
        return None


def _log_report(report: Report, collected: Collected, seconds: float) -> None:
    log.info(
        "compacted: snapshot=%d months=%d absorbed=%d pending=%d rebases=%d unreadable=%d"
        " collected=%d+%d+%d seconds=%.3f",
        report.snapshot,
        len(report.months),
        report.absorbed_files,
        report.pending_files,
        report.rebases,
        len(report.unreadable),
        collected.snapshots,
        collected.landed_files,
        collected.month_files,
        seconds,
        extra=logs.fields(
            snapshot=report.snapshot,
            months=report.months,
            absorbed_files=report.absorbed_files,
            rows=report.rows,
            written_bytes=report.written_bytes,
            pending_files=report.pending_files,
            rebases=report.rebases,
            unreadable=len(report.unreadable),
            collected_snapshots=collected.snapshots,
            collected_landed_files=collected.landed_files,
            collected_month_files=collected.month_files,
            seconds=seconds,
        ),
    )
    _log_what_is_left(report)


def _log_what_is_left(report: Report) -> None:
    """Lines of what this run could not do."""
    for name, why in sorted(report.unreadable.items())[:_SHOWN]:
        log.error("unreadable, left alone: %s: %s", name, why, extra=logs.fields(object=name))
    _log_conflicts(report.conflicts)
    if report.unpublished is not None:
        # An alert counts this line.
        log.error("%s", _not_published(report.unpublished), extra=logs.fields(unpublished=report.snapshot))
    for month, error in sorted(report.failed.items()):
        log.error("month %s not merged: %s", month, error, extra=logs.fields(month=month))
    for month, error in sorted(report.not_rewritten.items()):
        log.warning("month %s stays of an older format: %s", month, error, extra=logs.fields(month=month))
    if len(report.unreadable) > _SHOWN:
        log.error("unreadable, left alone: %d more", len(report.unreadable) - _SHOWN)


def _log_conflicts(conflicts: KeyConflicts) -> None:
    if conflicts.first is None:
        return
    log.warning(
        "%d keys have events whose scheduled departures are more than %d h apart, the first is %s: two flights"
        " need two keys, see operational_suffix in docs/event.md",
        conflicts.count,
        SAME_FLIGHT_WITHIN // dt.timedelta(hours=1),
        conflicts.first.flight_id,
        extra=logs.fields(key_conflicts=conflicts.count, flight_id=conflicts.first.flight_id),
    )


def _not_published(error: LakeError | OSError) -> str:
    return f"Delta or Iceberg table not published, the next run tries again: {type(error).__name__}: {error}"
