"""What becomes of batches in memory."""

from __future__ import annotations

import asyncio

import pytest

from ingest_writer.subscriber.batch import Batch
from ingest_writer.subscriber.buffer import Buffer
from tests._support.events import line, message
from tests._support.virtual_time import run_virtually


async def _for_ever(batch: Batch) -> None:
    await asyncio.Event().wait()


def _rows(buffer: Buffer) -> int:
    return sum(batch.row_count for batch in buffer.batches)


def _pull(buffer: Buffer, *message_ids: str) -> None:
    buffer.add([message(line(), each) for each in message_ids], 1.0, 61.0)


def test_a_batch_is_held_from_its_first_pull_until_its_work_ends() -> None:
    async def scenario() -> None:
        buffer, done = Buffer(), asyncio.Event()

        async def work(batch: Batch) -> None:
            await done.wait()

        _pull(buffer, "a", "b")
        _pull(buffer, "c")
        assert buffer.collecting is not None
        assert (_rows(buffer), buffer.collecting.opened_s, buffer.batches_landing) == (3, 1.0, 0)
        buffer.land(work)
        assert (_rows(buffer), buffer.batches_landing) == (3, 1)
        _pull(buffer, "d")  # into the next one
        assert (_rows(buffer), buffer.batches_landing, len(buffer.batches)) == (4, 1, 2)
        done.set()
        await buffer.wait_until_landed()
        assert (_rows(buffer), buffer.tasks) == (1, [])

    run_virtually(scenario())


def test_a_dropped_batch_is_forgotten_once_its_work_has_ended() -> None:
    async def scenario() -> None:
        buffer = Buffer()
        for message_id in ("landing", "other"):
            _pull(buffer, message_id)
            buffer.land(_for_ever)
        held = Batch(opened_s=1.0, row_count=1)
        buffer.quarantine(held, _for_ever)
        _pull(buffer, "collecting")
        landing, other, quarantined, collecting = buffer.batches
        await asyncio.sleep(0)
        for batch in (landing, quarantined, collecting):
            await buffer.drop(batch)
        assert buffer.batches == [other]
        assert (len(buffer.tasks), buffer.has_quarantined, quarantined is held) == (1, False, True)
        await buffer.drop(other)

    run_virtually(scenario())


@pytest.mark.parametrize(("max_rows", "max_bytes", "has_room"), [(3, 10_000, True), (2, 10_000, False), (3, 10, False)])
def test_there_is_room_below_both_limits(max_rows: int, max_bytes: int, has_room: bool) -> None:
    async def scenario() -> None:
        buffer = Buffer()
        _pull(buffer, "a", "b")
        assert buffer.has_room(max_rows, max_bytes) is has_room

    run_virtually(scenario())


def test_a_change_wakes_who_waits_and_so_does_the_timeout() -> None:
    async def scenario() -> None:
        buffer, loop = Buffer(), asyncio.get_running_loop()
        await buffer.wait_for_change(7.0)
        assert loop.time() == pytest.approx(7.0)
        waiting = [asyncio.create_task(buffer.wait_for_change()) for _ in range(2)]
        await asyncio.sleep(1.0)
        buffer.notify()
        await asyncio.gather(*waiting)
        assert loop.time() == pytest.approx(8.0)

    run_virtually(scenario())


def test_work_that_fails_is_logged_and_its_batch_forgotten(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        buffer = Buffer()

        async def fail(batch: Batch) -> None:
            raise ZeroDivisionError

        _pull(buffer, "a")
        buffer.land(fail)
        await buffer.wait_until_landed()
        await asyncio.sleep(0)
        assert buffer.batches == []

    run_virtually(scenario())
    assert "its messages come again" in caplog.text
