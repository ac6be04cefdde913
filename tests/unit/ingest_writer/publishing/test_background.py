"""Compaction does not wait longer for publishing than it is told to."""

from __future__ import annotations

import threading

import pytest

from ingest_writer.publishing.background import BackgroundPublisher
from ingest_writer.publishing.publisher import Published
from lakehouse.errors import PublishError, StoreUnavailableError

_LONG_S = 20.0


def test_what_it_publishes_or_raises_is_passed_on() -> None:
    assert BackgroundPublisher(lambda: Published(2, 1), _LONG_S).publish() == Published(2, 1)

    def fail() -> Published:
        raise StoreUnavailableError("503")

    with pytest.raises(StoreUnavailableError, match="503"):
        BackgroundPublisher(fail, _LONG_S).publish()


def test_one_that_hangs_is_waited_for_no_longer_and_not_joined_by_another() -> None:
    opened = threading.Event()
    begun: list[int] = []

    def hang() -> Published:
        begun.append(len(begun))
        assert opened.wait(_LONG_S)
        return Published(len(begun), 0)

    publisher = BackgroundPublisher(hang, 0.05)
    for _ in range(3):
        with pytest.raises(PublishError, match=r"not done after 0\.05 s \(COMPACTOR_PUBLISH_WAIT_S\)"):
            publisher.publish()
    assert begun == [0]
    opened.set()
    patient = BackgroundPublisher(hang, _LONG_S)
    patient._running = publisher._running
    assert patient.publish() == Published(2, 0)  # of one that began after the call
