"""Storage and Pub/Sub that come and go at random: whatever happens, what is acked has landed, and all lands."""

from __future__ import annotations

import asyncio
import dataclasses
import random
from collections.abc import Callable

import pytest

from ingest_writer.subscriber.options import Limits
from lakehouse.errors import CreateStateUnknownError, ObjectExistsError, StoreAccessDeniedError, StoreUnavailableError
from tests._support.subscriber.bench import OPTIONS, Bench, bench, flights
from tests._support.virtual_time import run_virtually

_ERRORS: tuple[Callable[[str], Exception], ...] = (
    CreateStateUnknownError,
    ObjectExistsError,
    StoreAccessDeniedError,
    StoreUnavailableError,
)


def _flap(b: Bench, rng: random.Random) -> None:
    """Another weather for the next while."""
    failure_rate = rng.choice([0.0, 0.0, 0.3, 1.0])
    slowest_s = rng.choice([0.1, 5.0, 200.0])
    b.store.fault = lambda name: rng.choice(_ERRORS)(name) if rng.random() < failure_rate else None
    b.store.is_stored_all_the_same = rng.random() < 0.5
    b.store.slow_s = lambda name: rng.uniform(0, slowest_s)
    b.subscription.work_again()
    b.subscription.fail(*[call for call in ("pull", "ack", "extend", "nack") if rng.random() < 0.25])


async def _through_bad_weather(rng: random.Random) -> None:
    limits = Limits(max_rows=20, max_bytes=1_000_000, max_age_s=2.0, max_dates=400)  # many small batches
    # Short enough that some batches are given up.
    async with bench(dataclasses.replace(OPTIONS, limits=limits, buffer_max_rows=60, lease_max_s=150.0)) as b:
        published: set[str] = set()
        most = 0

        def check(message_ids: set[str]) -> None:
            assert message_ids <= b.store.landed_ids(), "acked before it was durable"

        b.subscription.before_ack = check
        b.subscription.messages_a_pull = 10
        for _ in range(20):
            _flap(b, rng)
            first = len(published) + 1
            ids = [f"m{number}" for number in range(first, first + 10)]
            published.update(b.subscription.publish(*flights(10, first=first), message_ids=ids))
            for _ in range(20):
                await asyncio.sleep(rng.uniform(0, 3))
                most = max(most, b.held_rows)
        b.store.come_back()
        b.store.slow_s = lambda name: 0.0
        b.subscription.work_again()
        await b.until(lambda: b.subscription.unacked == 0 and b.is_ready, within_s=600)
        assert b.subscription.acked == published
        assert b.store.landed_ids() == published
        assert most <= 60 + OPTIONS.pulls_in_flight * 10


@pytest.mark.parametrize("run", range(4))
def test_nothing_is_lost_and_memory_is_bounded_in_any_weather(run: int) -> None:
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    run_virtually(_through_bad_weather(random.Random(seed)))


def test_halves_of_characters_in_duplicate_keys_are_rejected_and_neighbours_land() -> None:
    async def scenario() -> None:
        async with bench() as b:
            b.subscription.publish(rb'{"\ud800":1,"\ud800":2}', *flights(2))
            await b.until(lambda: b.subscription.unacked == 0)
            assert len(b.store.rows()) == 2
            assert (b.writer.counts.rejected, b.writer.counts.failed_batches) == (1, 0)

    run_virtually(scenario())


def test_an_ack_id_that_is_no_longer_valid_costs_no_other_message_its_ack() -> None:
    async def scenario() -> None:
        async with bench() as b:
            b.subscription.is_exactly_once = True
            b.subscription.before_ack = lambda message_ids: b.subscription.expire("c") if "a" in message_ids else None
            b.subscription.publish(*flights(5), message_ids=list("abcde"))
            await b.until(lambda: b.subscription.unacked == 0)
            assert b.subscription.acked == set("abcde")
            assert [{each[0] for each in call.what} for call in b.journal.calls("ack")] == [set("abcde"), {"c"}]
            assert (b.writer.counts.acked, b.writer.counts.given_up) == (5, 1)

    run_virtually(scenario())


def test_an_ack_that_fails_for_now_is_asked_again_for_its_own_ids_alone() -> None:
    async def scenario() -> None:
        async with bench() as b:
            b.subscription.is_exactly_once = True
            b.subscription.unsteady = set("bd")
            b.subscription.publish(*flights(5), message_ids=list("abcde"))
            await b.until(lambda: b.subscription.unacked == 0)
            assert [{each[0] for each in call.what} for call in b.journal.calls("ack")] == [set("abcde"), set("bd")]
            await b.until(lambda: b.writer.counts.acked == 5)
            assert len(b.journal.calls("delivered")) == 1

    run_virtually(scenario())
