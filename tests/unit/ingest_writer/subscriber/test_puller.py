"""When messages are pulled and when not: room, storage away, Pub/Sub away, in virtual time."""

from __future__ import annotations

import asyncio
import dataclasses
import itertools

import pytest

from ingest_writer.subscriber.batch import Limits
from tests._support.fakes import OPTIONS, bench, flights, outage_noticed
from tests._support.virtual_time import run_virtually


def test_several_pulls_are_in_flight() -> None:
    async def scenario() -> None:
        async with bench(dataclasses.replace(OPTIONS, pulls_in_flight=4)) as b:
            await b.until(lambda: b.subscription.waiting_pulls == 4, within_s=1)
            assert not b.writer.subscription_trouble  # known from first pulls that did not wait

    run_virtually(scenario())


@pytest.mark.parametrize(
    "bounds",
    [
        {"buffer_max_rows": 300, "buffer_max_bytes": 1_000_000_000},  # rows end it
        {"buffer_max_rows": 1_000_000, "buffer_max_bytes": 300 * len(flights(1)[0])},  # bytes end it
    ],
)
def test_nothing_is_pulled_while_the_buffer_is_full(bounds: dict[str, int]) -> None:
    async def scenario() -> None:
        limits = Limits(max_rows=100, max_bytes=1_000_000, max_age_s=300.0)  # a third of the buffer
        options = dataclasses.replace(OPTIONS, limits=limits, **bounds)
        async with bench(options) as b:
            b.store.slow_s = lambda name: 50.0
            b.subscription.publish(*flights(2000))
            most = 0

            def done() -> bool:
                nonlocal most
                most = max(most, b.held_rows)
                return b.subscription.unacked == 0

            await b.until(done, within_s=2000)
            # The limit, and what the pulls in flight brought when it was reached.
            assert 300 <= most <= 300 + options.pulls_in_flight * options.pull_max_messages
            assert len({row["flight_number"] for row in b.store.rows()}) == 2000

    run_virtually(scenario())


def test_nothing_is_pulled_while_storage_is_away() -> None:
    async def scenario() -> None:
        async with bench() as b:
            await outage_noticed(b)
            pulls = len(b.journal.calls("pull"))
            # The pulls that were open may still bring something; after that, nobody asks.
            b.subscription.publish(*flights(1000, first=11))
            await asyncio.sleep(300)
            assert len(b.journal.calls("pull")) == pulls
            assert b.held_rows <= 10 + OPTIONS.pulls_in_flight * OPTIONS.pull_max_messages
            assert b.subscription.acked == set()

    run_virtually(scenario())


def test_the_writer_recovers_when_storage_was_away_for_longer_than_leases_are_kept() -> None:
    async def scenario() -> None:
        # Two minutes instead of half an hour: with nothing left to store, only a new pull can find storage back.
        async with bench(dataclasses.replace(OPTIONS, lease_max_s=120.0)) as b:
            await outage_noticed(b)
            await b.until(lambda: b.writer.counts.given_up >= 10, within_s=300)
            await b.until(lambda: b.writer.counts.given_up >= 20, within_s=300)  # and again
            b.store.come_back()
            await b.until(lambda: b.subscription.unacked == 0, within_s=300)
            assert b.store.landed_ids() == b.subscription.acked
            await b.until(lambda: b.is_ready)

    run_virtually(scenario())


def test_the_writer_is_not_ready_before_the_first_answer_of_a_pull() -> None:
    async def scenario() -> None:
        async with bench() as b:
            assert not b.is_ready
            await b.until(lambda: b.is_ready)  # an empty answer is an answer

    run_virtually(scenario())


def test_pulls_are_tried_again_with_backoff_while_pubsub_is_away() -> None:
    async def scenario() -> None:
        async with bench() as b:
            b.subscription.publish(*flights(1))
            await b.until(lambda: b.is_ready)
            b.subscription.fail("pull")
            await b.until(lambda: len(b.journal.calls("pull failed")) == 100, within_s=1000)
            assert "pull is down" in b.writer.subscription_trouble
            assert not b.is_ready
            times = b.journal.times("pull failed")
            assert max(later - earlier for earlier, later in itertools.pairwise(times)) <= 5.0
            assert times[-1] - times[0] > 60  # two loops of 50 tries: more than a second apart on average
            b.subscription.work_again()
            b.subscription.publish(*flights(5, first=2))
            await b.until(lambda: b.is_ready and b.subscription.unacked == 0)

    run_virtually(scenario())
