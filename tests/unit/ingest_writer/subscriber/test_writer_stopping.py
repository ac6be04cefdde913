"""SIGTERM: stop pulling, land, ack, end in time, in virtual time."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import Any

import pytest

from ingest_writer.subscriber.options import Limits
from tests._support.subscriber.bench import OPTIONS, bench, flights
from tests._support.virtual_time import run_virtually

LONG = Limits(max_rows=1_000_000, max_bytes=1_000_000_000, max_age_s=300.0, max_dates=400)  # only the stop closes


def test_a_stop_lands_and_acks_what_is_held() -> None:
    async def scenario() -> None:
        async with bench(dataclasses.replace(OPTIONS, limits=LONG)) as b:
            b.subscription.publish(*flights(10))
            await b.until(lambda: b.writer.counts.messages == 10)
            assert b.store.names() == []
            assert await b.finish() < 0.1
            assert b.subscription.unacked == 0
            assert len(b.store.rows()) == 10

    run_virtually(scenario())


def test_a_stop_with_nothing_held_ends_at_once() -> None:
    async def scenario() -> None:
        async with bench() as b:
            await b.until(lambda: b.subscription.waiting_pulls == 2)
            assert await b.finish() < 0.1

    run_virtually(scenario())


def test_nothing_is_pulled_after_a_stop() -> None:
    async def scenario() -> None:
        async with bench() as b:
            b.store.slow_s = lambda name: 3.0
            b.subscription.publish(*flights(10))
            await b.until(lambda: b.writer.counts.messages == 10)
            b.stop.set()
            await asyncio.sleep(1)
            b.subscription.publish(*flights(5, first=11))
            pulls = len(b.journal.calls("pull"))
            await b.task
            assert len(b.journal.calls("pull")) == pulls
            assert b.subscription.waiting == 5

    run_virtually(scenario())


def test_slow_uploads_are_waited_for_within_the_drain_time() -> None:
    async def scenario() -> None:
        async with bench(dataclasses.replace(OPTIONS, limits=LONG)) as b:
            b.store.slow_s = lambda name: 5.0  # of the six seconds
            b.subscription.publish(*flights(10))
            await b.until(lambda: b.writer.counts.messages == 10)
            assert 5.0 <= await b.finish() < 5.5
            assert b.subscription.unacked == 0

    run_virtually(scenario())


def test_a_stop_while_storage_is_away_nacks_all_within_the_drain_time() -> None:
    async def scenario() -> None:
        async with bench() as b:
            b.store.go_away()
            b.subscription.publish(*flights(10))
            await b.until(lambda: bool(b.writer.storage_error))
            assert await b.finish() <= OPTIONS.drain_s + 0.1
            [nacked] = b.journal.calls("nack")
            assert len(nacked.what) == 10
            assert b.subscription.waiting == 10  # for the next writer, at once
            assert b.subscription.acked == set()

    run_virtually(scenario())


def test_a_stop_while_storage_and_pubsub_hang_ends_within_eight_seconds() -> None:
    async def scenario() -> None:
        async with bench() as b:
            b.store.slow_s = lambda name: 1e6
            b.subscription.publish(*flights(10))
            await b.until(lambda: b.writer.counts.messages == 10)
            b.subscription.hanging.update(["pull", "ack", "extend", "nack"])
            assert await b.finish() <= 8.0

    run_virtually(scenario())


def test_a_stop_while_acks_fail_ends_within_eight_seconds() -> None:
    async def scenario() -> None:
        async with bench() as b:
            b.subscription.fail("ack", "nack")
            b.subscription.publish(*flights(10))
            await b.until(lambda: b.writer.counts.messages == 10)
            assert await b.finish() <= 8.0
            assert len(b.store.rows()) == 10

    run_virtually(scenario())


def test_a_stop_while_pubsub_is_away_ends_at_once() -> None:
    async def scenario() -> None:
        async with bench() as b:
            b.subscription.fail("pull")
            await b.until(lambda: len(b.journal.calls("pull failed")) > 10, within_s=100)
            assert await b.finish() < 0.1

    run_virtually(scenario())


def test_messages_received_but_not_prepared_yet_are_landed_by_a_stop() -> None:
    async def scenario() -> None:
        async with bench(dataclasses.replace(OPTIONS, limits=LONG)) as b:
            run_blocking = b.writer._run_blocking

            async def slow_to_prepare(function: Any) -> Any:
                if "_land_and_ack" in function.__qualname__:
                    await asyncio.sleep(2.0)
                return await run_blocking(function)

            b.writer._run_blocking = slow_to_prepare
            b.subscription.messages_a_pull = 5
            b.subscription.publish(*flights(10))
            await b.until(lambda: b.writer.counts.messages == 10)
            assert await b.finish() == pytest.approx(2.0, abs=0.1)
            assert b.subscription.unacked == 0
            assert len(b.store.rows()) == 10

    run_virtually(scenario())


def test_messages_received_while_an_older_batch_lands_are_landed_by_a_stop() -> None:
    async def scenario() -> None:
        async with bench() as b:
            b.store.slow_s = lambda name: 1.0
            b.subscription.publish(*flights(5))
            await b.until(lambda: len(b.journal.calls("create")) == 1)
            b.subscription.publish(*flights(5, first=6))
            await b.until(lambda: len(b.journal.calls("delivered")) == 2)
            await b.finish()
            assert b.subscription.unacked == 0
            assert len(b.store.rows()) == 10

    run_virtually(scenario())


def test_a_failure_of_the_writers_own_ends_it_with_that_error() -> None:
    async def scenario() -> None:
        async with bench() as b:

            async def broken(max_messages: int, *, wait: bool = True) -> Any:
                raise ZeroDivisionError("a mistake of ours")

            b.subscription.pull = broken  # type: ignore[method-assign]
            b.subscription.publish(*flights(1))
            await b.task

    with pytest.raises(ZeroDivisionError):
        run_virtually(scenario())
