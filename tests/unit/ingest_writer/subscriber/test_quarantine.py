"""Messages that meet a mistake of ours: never acked, given back after a pause, others unharmed, in virtual time."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable, Sequence

import pyarrow as pa
import pytest

from ingest_writer.decoding.decoder import RejectedLine
from ingest_writer.landing import rejected_table
from tests._support.events.mistakes import PLACES, Mistake
from tests._support.subscriber.bench import OPTIONS, Bench, bench, flights
from tests._support.subscriber.subscription import ACK_DEADLINE_S
from tests._support.virtual_time import run_virtually


def test_what_cannot_be_prepared_is_not_acked_is_told_and_leaves_others_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    broken = True

    def table(lines: Sequence[RejectedLine]) -> pa.Table:
        if broken:
            raise ValueError("a mistake")
        return rejected_table(lines)

    monkeypatch.setattr("ingest_writer.landing.rejected_table", table)

    async def scenario() -> None:
        nonlocal broken
        async with bench() as b:
            b.subscription.publish(b"no event", *flights(2))
            await b.until(lambda: b.writer.counts.failed_batches == 1)
            assert "ValueError" in b.writer.batch_error
            await b.until(lambda: b.writer.counts.acked == 2)
            assert b.subscription.acked == b.store.landed_ids() == {"m2", "m3"}
            assert "ValueError" in b.writer.batch_error
            broken = False
            await b.until(lambda: b.subscription.unacked == 0)
            assert b.writer.batch_error == ""

    run_virtually(scenario())


@pytest.mark.parametrize("inject", PLACES.values(), ids=PLACES.keys())
def test_the_mates_of_a_poison_message_land_and_only_it_comes_again(
    inject: Callable[[Mistake, pytest.MonkeyPatch], None],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    mistake = Mistake("m7", "m13", "m22")
    inject(mistake, monkeypatch)

    async def scenario() -> None:
        async with bench() as b:
            data = [*flights(10), *flights(10, "2013-01-02"), b"no event", b"none either"]
            published = set(b.subscription.publish(*data))
            b.subscription.before_ack = lambda message_ids: _check_durable(b, message_ids)
            await b.until(lambda: len(b.subscription.acked) == 19, within_s=10)
            assert b.subscription.acked == published - set(mistake.message_ids)
            assert "ZeroDivisionError" in b.writer.batch_error
            began = asyncio.get_running_loop().time()
            await asyncio.sleep(300)
            assert b.subscription.unacked == 3
            passed_s = asyncio.get_running_loop().time() - began
            times_said = len([r for r in caplog.records if "m13" in r.getMessage()])
            assert 1 < times_said <= 1 + 2 * passed_s / OPTIONS.backoff_max_s
            b.subscription.publish(*flights(1, first=50), message_ids=["new"])
            await b.until(lambda: "new" in b.subscription.acked, within_s=10)
            mistake.is_there = False
            await b.until(lambda: b.subscription.unacked == 0)
            assert b.subscription.acked == published | {"new"}
            await b.until(lambda: b.writer.batch_error == "")

    run_virtually(scenario())


def _check_durable(b: Bench, message_ids: set[str]) -> None:
    assert message_ids - {"m21", "m22"} <= b.store.landed_ids(), "acked before it was durable"


@pytest.mark.parametrize("inject", PLACES.values(), ids=PLACES.keys())
def test_a_stop_gives_poison_messages_back_at_once(
    inject: Callable[[Mistake, pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    inject(Mistake("m1"), monkeypatch)

    async def scenario() -> None:
        # A pause as long as this outlives the lease, unless it is kept.
        async with bench(dataclasses.replace(OPTIONS, backoff_max_s=200.0)) as b:
            b.subscription.publish(*flights(3))
            await b.until(lambda: len(b.subscription.acked) == 2)
            await asyncio.sleep(150)
            assert b.subscription.waiting == 0
            assert await b.finish() < 1
            assert b.subscription.waiting == 1

    run_virtually(scenario())


def test_a_mistake_that_no_message_shows_by_itself_gives_the_batch_back(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        async with bench() as b:
            b.store.fault = lambda name: ZeroDivisionError("a mistake of the store's")
            b.subscription.publish(*flights(3))
            await b.until(lambda: b.writer.counts.failed_batches == 2)
            assert (b.subscription.acked, b.subscription.unacked) == (set(), 3)
            b.store.come_back()
            await b.until(lambda: b.subscription.unacked == 0)

    run_virtually(scenario())


def test_a_batch_that_can_never_be_stored_is_dropped_and_its_messages_come_again() -> None:
    async def scenario() -> None:
        async with bench() as b:
            failures = iter([ZeroDivisionError("a mistake of ours")])
            b.store.fault = lambda name: next(failures, None)
            b.subscription.publish(*flights(2))
            await b.until(lambda: b.subscription.unacked == 0, within_s=120)
            assert len(b.store.rows()) == 2
            # After a pause, so that our mistake causes no busy loop, and long before the lease would end.
            assert OPTIONS.backoff_max_s <= b.journal.times("delivered")[1] < ACK_DEADLINE_S

    run_virtually(scenario())
