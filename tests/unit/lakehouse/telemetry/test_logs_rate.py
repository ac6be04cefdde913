"""Warnings of one kind are written so many times a minute, and what was kept back is counted."""

from __future__ import annotations

import gc
import io
import logging
import weakref
from collections.abc import Iterator

import pytest

from lakehouse.telemetry import logs
from lakehouse.telemetry.logs import WINDOW_S, LogBudget, RateLimitedHandler

LINES = 3


class Clock:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def stream() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def log(clock: Clock, stream: io.StringIO) -> Iterator[logging.Logger]:
    logger = logging.Logger("rate")
    handler = RateLimitedHandler(stream, LogBudget(LINES, clock))
    handler.setFormatter(logs.TextFormatter())
    logger.addHandler(handler)
    yield logger
    handler.close()


def flood(log: logging.Logger, lines: int) -> None:
    for number in range(lines):
        log.warning("cannot accept %d", number)


def written(stream: io.StringIO) -> list[str]:
    return [line.partition("rate: ")[2] for line in stream.getvalue().splitlines()]


def test_lines_of_one_kind_are_written_up_to_the_budget(log: logging.Logger, stream: io.StringIO) -> None:
    flood(log, 10_000)
    assert written(stream) == ["cannot accept 0", "cannot accept 1", "cannot accept 2"]


class Held:
    """Something large that a frame refers to."""


def test_a_budget_holds_nothing_that_a_logged_exception_refers_to(log: logging.Logger) -> None:
    def fail() -> weakref.ref[Held]:
        held = Held()
        try:
            raise LookupError("x")
        except LookupError:
            log.exception("failed with %s", held)
        return weakref.ref(held)

    found = fail()
    gc.collect()
    assert found() is None


class Mute:
    def __str__(self) -> str:
        raise RuntimeError("says nothing")


def test_a_line_that_cannot_be_formatted_raises_nothing_now_or_in_its_summary(
    log: logging.Logger, stream: io.StringIO, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging, "raiseExceptions", False)
    for _ in range(LINES + 2):
        log.warning("cannot %s", Mute())
    clock.now_s += WINDOW_S
    log.info("something else")
    told = "2 more lines like this one were suppressed within a minute: cannot %s"
    assert written(stream) == [told, "something else"]


def test_the_next_line_after_the_minute_tells_how_many_were_suppressed(
    log: logging.Logger, stream: io.StringIO, clock: Clock
) -> None:
    flood(log, 10)
    clock.now_s += WINDOW_S
    log.info("something else")
    told = "7 more lines like this one were suppressed within a minute: cannot accept 0"
    assert written(stream)[LINES:] == [told, "something else"]
    flood(log, 1)
    assert written(stream)[-1] == "cannot accept 0"


def test_the_end_of_the_process_tells_what_was_suppressed(log: logging.Logger, stream: io.StringIO) -> None:
    flood(log, 10)
    log.handlers[0].close()
    assert written(stream)[-1].startswith("7 more lines")


def test_a_flood_of_one_kind_hides_no_other(log: logging.Logger, stream: io.StringIO) -> None:
    flood(log, 100)
    log.warning("another")
    log.error("cannot accept 1")
    assert written(stream)[LINES:] == ["another", "cannot accept 1"]


def test_a_kind_is_a_place_in_the_code_whatever_its_text(log: logging.Logger, stream: io.StringIO) -> None:
    for number in range(100):
        log.error(f"socket {number} failed")
    assert len(written(stream)) == LINES


def test_lines_that_metrics_are_made_of_are_all_written(log: logging.Logger, stream: io.StringIO) -> None:
    for number in range(100):
        log.info("batch %d", number)
        log.warning("GET /v1/stats 503", extra=logs.fields(httpRequest={"status": 503}))
    assert len(written(stream)) == 200


def test_the_log_of_a_service_has_such_a_budget(stream: io.StringIO) -> None:
    root = logging.getLogger()
    before = root.handlers[:], root.level
    try:
        logs.configure("text", stream, lines_per_minute=2)
        flood(logging.getLogger("rate"), 100)
    finally:
        root.handlers[:], level = before
        root.setLevel(level)
        logging.captureWarnings(False)
    assert written(stream) == ["cannot accept 0", "cannot accept 1"]
