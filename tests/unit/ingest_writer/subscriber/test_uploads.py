"""Objects until they are durable: tries, several at once, and what readiness says of storage, in virtual time."""

from __future__ import annotations

import asyncio
import dataclasses
import itertools

import pytest

from lakehouse.errors import (
    CreateStateUnknownError,
    StoreAccessDeniedError,
    StoreUnavailableError,
)
from tests._support.subscriber.bench import OPTIONS, bench, flights, outage_noticed
from tests._support.subscriber.subscription import ACK_DEADLINE_S
from tests._support.virtual_time import run_virtually


@pytest.mark.parametrize("error", [StoreUnavailableError("503"), StoreAccessDeniedError("403")])
def test_an_upload_that_fails_is_tried_again_before_anything_is_acked(error: Exception) -> None:
    async def scenario() -> None:
        async with bench() as b:
            failures = iter([error, error, error])
            b.store.fault = lambda name: next(failures, None)
            b.subscription.publish(*flights(2))
            await b.until(lambda: b.subscription.unacked == 0)
            calls = [entry.call for entry in b.journal.calls("create", "create failed", "ack")]
            assert calls == ["create failed", "create failed", "create failed", "create", "ack"]
            assert len(b.store.rows()) == 2

    run_virtually(scenario())


@pytest.mark.parametrize("stored", [True, False])
def test_a_create_of_unknown_outcome_is_followed_by_one_under_another_name(stored: bool) -> None:
    async def scenario() -> None:
        async with bench() as b:
            b.store.lose_answers(1, stored=stored)
            b.subscription.publish(*flights(2))
            await b.until(lambda: b.subscription.unacked == 0)
            first, second = b.journal.calls("create", "create failed")
            assert first.what != second.what
            assert (first.call, second.call) == ("create failed", "create")
            assert b.journal.times("ack")[0] >= second.at_s
            assert len(b.store.names()) == (2 if stored else 1)  # both stay: the store forbids deletes
            assert b.store.landed_ids() == b.subscription.acked

    run_virtually(scenario())


def test_one_lost_answer_is_no_outage() -> None:
    async def scenario() -> None:
        async with bench() as b:
            b.store.lose_answers(1, stored=True)
            b.subscription.publish(*flights(2))
            troubles: list[str] = []

            def done() -> bool:
                troubles.append(b.writer.storage_error)
                return b.subscription.unacked == 0

            await b.until(done)
            assert set(troubles) == {""}

    run_virtually(scenario())


@pytest.mark.parametrize("stored", [True, False])
def test_creates_of_unknown_outcome_again_and_again_are_an_outage(stored: bool) -> None:
    async def scenario() -> None:
        async with bench() as b:
            b.store.is_stored_all_the_same = stored
            b.store.fault = lambda name: CreateStateUnknownError(f"{name}: no answer")
            b.subscription.publish(*flights(3))
            await b.until(lambda: bool(b.writer.storage_error))
            assert b.subscription.acked == set()
            b.store.come_back()
            await b.until(lambda: b.subscription.unacked == 0)
            tried = [entry.what for entry in b.journal.calls("create", "create failed")]
            assert len(tried) == len(set(tried))

    run_virtually(scenario())


def test_storage_is_tried_again_with_growing_pauses_up_to_the_limit() -> None:
    async def scenario() -> None:
        async with bench() as b:
            await outage_noticed(b)
            await b.until(lambda: len(b.journal.calls("create failed")) == 100, within_s=1000)
            times = b.journal.times("create failed")
            pauses = [later - earlier for earlier, later in itertools.pairwise(times)]
            assert max(pauses) <= OPTIONS.backoff_max_s
            assert sum(pauses[:3]) < 2.0  # a hiccup costs little
            assert sum(pauses[-50:]) / 50 > 1.5  # an outage is not hammered

    run_virtually(scenario())


def test_an_upload_that_was_cancelled_alone_is_not_taken_for_durable() -> None:
    async def scenario() -> None:
        async with bench() as b:
            left = iter(range(1))

            def fault(name: str) -> None:
                if next(left, None) is not None:
                    raise asyncio.CancelledError  # as of a pool of threads that is shut down

            b.store.fault = fault
            published = b.subscription.publish(*flights(3))
            await b.until(lambda: b.subscription.unacked == 0)
            assert b.store.landed_ids() == b.subscription.acked == set(published)

    run_virtually(scenario())


def test_the_dates_of_one_batch_are_uploaded_at_the_same_time() -> None:
    async def scenario() -> None:
        async with bench() as b:
            b.store.slow_s = lambda name: 10.0
            days = [f"2013-01-{day:02d}" for day in range(1, 8)]
            b.subscription.publish(*[event for day in days for event in flights(1, day)])
            await b.until(lambda: b.subscription.unacked == 0)
            assert len(set(b.journal.times("create"))) == 1

    run_virtually(scenario())


def test_no_more_uploads_run_at_once_than_allowed() -> None:
    async def scenario() -> None:
        async with bench(dataclasses.replace(OPTIONS, uploads_in_flight=3)) as b:  # fewer than dates
            b.store.slow_s = lambda name: 1.0
            days = [f"2013-01-{day:02d}" for day in range(1, 8)]
            b.subscription.publish(*[event for day in days for event in flights(1, day)])
            await b.until(lambda: b.subscription.unacked == 0)
            running = most = 0
            for entry in b.journal.calls("create", "durable"):
                running += 1 if entry.call == "create" else -1
                most = max(most, running)
            assert most == 3

    run_virtually(scenario())


# -- readiness -------------------------------------------------------------------------------------------------


def test_readiness_says_that_storage_is_away_and_that_it_is_back() -> None:
    async def scenario() -> None:
        async with bench() as b:
            await b.until(lambda: b.writer.subscription_error == "" or not b.subscription.publish(b""))
            await outage_noticed(b)
            assert "storage is down" in b.writer.storage_error
            assert not b.is_ready
            b.store.come_back()
            await b.until(lambda: b.is_ready)

    run_virtually(scenario())


def test_readiness_says_that_an_upload_is_stuck_long_before_it_fails() -> None:
    async def scenario() -> None:
        async with bench() as b:
            b.store.slow_s = lambda name: 40.0  # and succeeds
            b.subscription.publish(*flights(10))
            await b.until(lambda: bool(b.journal.calls("create")))
            await asyncio.sleep(OPTIONS.upload_stall_s - 0.1)
            assert b.is_ready
            await asyncio.sleep(0.2)
            assert b.writer.storage_state(asyncio.get_running_loop().time()) == "an upload has had no answer for 15 s"
            await b.until(lambda: b.is_ready)
            assert b.writer.counts.rows == 10

    run_virtually(scenario())


def test_readiness_counts_all_tries_of_an_object_together() -> None:
    async def scenario() -> None:
        async with bench() as b:
            b.store.lose_answers(1, stored=True)
            b.store.slow_s = lambda name: 10.0  # neither try is stuck, the object is
            b.subscription.publish(*flights(10))
            await b.until(lambda: len(b.journal.calls("create", "create failed")) == 2)
            assert b.is_ready
            await b.until(lambda: not b.is_ready, within_s=9.0)
            await b.until(lambda: b.is_ready)

    run_virtually(scenario())


def test_a_batch_given_up_leaves_no_stuck_upload_behind() -> None:
    async def scenario() -> None:
        async with bench() as b:
            b.store.slow_s = lambda name: 1e6
            b.subscription.publish(*flights(10))
            await b.until(lambda: b.writer.counts.messages == 10)
            await b.until(lambda: not b.is_ready)
            b.subscription.fail("extend", "pull")  # the leases end, and so does the batch
            await b.until(lambda: b.writer.counts.given_up > 0, within_s=2 * ACK_DEADLINE_S)
            assert not b.writer.storage_state(asyncio.get_running_loop().time())

    run_virtually(scenario())
