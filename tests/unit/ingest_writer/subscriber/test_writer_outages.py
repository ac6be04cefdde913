"""What the writer does while storage or Pub/Sub is away, and when leases cannot be kept, in virtual time."""

from __future__ import annotations

import asyncio
import dataclasses
import itertools

import pytest

from ingest_writer.subscriber.batch import Limits
from lakehouse.errors import CreateStateUnknownError
from tests._support.fakes import ACK_DEADLINE_S, OPTIONS, Bench, bench, flights
from tests._support.virtual_time import run_virtually


async def _outage_noticed(b: Bench) -> None:
    """Storage goes away, which a first batch finds out."""
    b.store.go_away()
    b.subscription.publish(*flights(10))
    await b.until(lambda: bool(b.writer.storage_trouble))


# -- storage ---------------------------------------------------------------------------------------------------


def test_nothing_is_pulled_while_storage_is_away() -> None:
    async def scenario() -> None:
        async with bench() as b:
            await _outage_noticed(b)
            pulls = len(b.journal.calls("pull"))
            # The pulls that were open may still bring something; after that, nobody asks.
            b.subscription.publish(*flights(1000, first=11))
            await asyncio.sleep(300)
            assert len(b.journal.calls("pull")) == pulls
            assert b.held_rows <= 10 + OPTIONS.pulls_in_flight * OPTIONS.pull_max_messages
            assert b.subscription.acked == set()

    run_virtually(scenario())


def test_readiness_says_that_storage_is_away_and_that_it_is_back() -> None:
    async def scenario() -> None:
        async with bench() as b:
            await b.until(lambda: b.writer.subscription_trouble == "" or not b.subscription.publish(b""))
            await _outage_noticed(b)
            assert "storage is down" in b.writer.storage_trouble
            assert not b.is_ready
            b.store.come_back()
            await b.until(lambda: b.is_ready)

    run_virtually(scenario())


def test_readiness_says_that_an_upload_is_stuck_long_before_it_fails_and_that_it_is_not_any_more() -> None:
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


def test_everything_lands_once_storage_is_back() -> None:
    async def scenario() -> None:
        async with bench() as b:
            await _outage_noticed(b)
            b.subscription.publish(*flights(1000, first=11))
            await asyncio.sleep(300)  # leases are extended
            b.store.come_back()
            await b.until(lambda: b.subscription.unacked == 0)
            assert {row["flight_number"] for row in b.store.rows()} == set(range(1, 1011))
            assert b.journal.calls("nack") == []

    run_virtually(scenario())


def test_storage_is_tried_again_with_growing_pauses_up_to_the_limit() -> None:
    async def scenario() -> None:
        async with bench() as b:
            await _outage_noticed(b)
            await b.until(lambda: len(b.journal.calls("create failed")) == 100, within_s=1000)
            times = b.journal.times("create failed")
            pauses = [later - earlier for earlier, later in itertools.pairwise(times)]
            assert max(pauses) <= OPTIONS.backoff_max_s
            assert sum(pauses[:3]) < 2.0  # a hiccup costs little
            assert sum(pauses[-50:]) / 50 > 1.5  # an outage is not hammered

    run_virtually(scenario())


@pytest.mark.parametrize("stored", [True, False])
def test_creates_of_unknown_outcome_again_and_again_are_an_outage(stored: bool) -> None:
    async def scenario() -> None:
        async with bench() as b:
            b.store.is_stored_all_the_same = stored
            b.store.fault = lambda name: CreateStateUnknownError(f"{name}: no answer")
            b.subscription.publish(*flights(3))
            await b.until(lambda: bool(b.writer.storage_trouble))
            assert b.subscription.acked == set()
            b.store.come_back()
            await b.until(lambda: b.subscription.unacked == 0)
            tried = [entry.what for entry in b.journal.calls("create", "create failed")]
            assert len(tried) == len(set(tried))

    run_virtually(scenario())


def test_the_writer_recovers_when_storage_was_away_for_longer_than_leases_are_kept() -> None:
    async def scenario() -> None:
        # Two minutes instead of half an hour: with nothing left to store, only a new pull can find storage back.
        async with bench(dataclasses.replace(OPTIONS, lease_max_s=120.0)) as b:
            await _outage_noticed(b)
            await b.until(lambda: b.writer.counts.given_up >= 10, within_s=300)
            await b.until(lambda: b.writer.counts.given_up >= 20, within_s=300)  # and again
            b.store.come_back()
            await b.until(lambda: b.subscription.unacked == 0, within_s=300)
            assert b.store.landed_ids() == b.subscription.acked
            await b.until(lambda: b.is_ready)

    run_virtually(scenario())


# -- Pub/Sub ---------------------------------------------------------------------------------------------------


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


def test_an_ack_that_fails_is_tried_again() -> None:
    async def scenario() -> None:
        async with bench() as b:
            b.subscription.fail("ack")
            b.subscription.publish(*flights(3))
            await b.until(lambda: len(b.journal.calls("ack failed")) == 5)
            assert b.writer.counts.acked == 0
            b.subscription.work_again()
            await b.until(lambda: b.subscription.unacked == 0)
            assert b.writer.counts.acked == 3
            assert len(b.journal.calls("create")) == 1

    run_virtually(scenario())


def test_an_ack_that_keeps_failing_is_left_to_the_redelivery() -> None:
    async def scenario() -> None:
        async with bench() as b:
            b.subscription.fail("ack", "extend", "nack")
            b.subscription.publish(*flights(3), message_ids=["a", "b", "c"])
            await b.until(lambda: len(b.journal.calls("delivered")) == 2, within_s=100)
            b.subscription.work_again()
            await b.until(lambda: b.subscription.unacked == 0)
            assert b.subscription.acked == b.store.landed_ids() == {"a", "b", "c"}

    run_virtually(scenario())


# -- leases ----------------------------------------------------------------------------------------------------


def test_leases_are_extended_while_storage_is_slow_and_no_message_comes_twice() -> None:
    async def scenario() -> None:
        async with bench() as b:
            b.store.slow_s = lambda name: 10 * ACK_DEADLINE_S
            b.subscription.publish(*flights(5))
            await b.until(lambda: b.subscription.unacked == 0, within_s=700)
            assert len(b.journal.calls("delivered")) == 1
            extended = b.journal.times("extend")
            # Each time about half of the deadline is left: early enough to fail a few times, and no oftener.
            pauses = [later - earlier for earlier, later in itertools.pairwise(extended)]
            assert all(ACK_DEADLINE_S / 2 <= pause <= ACK_DEADLINE_S / 2 + 2 for pause in pauses)

    run_virtually(scenario())


def test_leases_of_a_batch_that_still_collects_are_extended() -> None:
    async def scenario() -> None:
        limits = Limits(max_rows=1000, max_bytes=1_000_000, max_age_s=200.0)  # longer than a lease
        async with bench(dataclasses.replace(OPTIONS, limits=limits)) as b:
            b.subscription.publish(*flights(5))
            await b.until(lambda: b.subscription.unacked == 0, within_s=300)
            assert len(b.journal.calls("delivered")) == 1

    run_virtually(scenario())


def test_an_extension_that_fails_once_is_tried_again_in_time() -> None:
    async def scenario() -> None:
        async with bench() as b:
            b.store.slow_s = lambda name: 100.0
            b.subscription.publish(*flights(5))
            b.subscription.fail("extend")
            await b.until(lambda: len(b.journal.calls("extend failed")) == 10)
            b.subscription.work_again()
            await b.until(lambda: b.subscription.unacked == 0, within_s=200)
            assert len(b.journal.calls("delivered")) == 1
            assert b.writer.counts.given_up == 0

    run_virtually(scenario())


def test_a_batch_is_given_up_and_nacked_when_its_lease_ends_unextended() -> None:
    async def scenario() -> None:
        async with bench() as b:
            b.store.go_away()
            b.subscription.fail("extend")
            b.subscription.publish(*flights(5), message_ids=list("abcde"))
            await b.until(lambda: b.held_rows == 5)
            b.subscription.fail("pull")  # or they would be back at once
            await b.until(lambda: b.writer.counts.given_up == 5, within_s=100)
            [nacked] = b.journal.calls("nack")
            assert {ack_id.split("/")[0] for ack_id in nacked.what} == set("abcde")
            assert ACK_DEADLINE_S < nacked.at_s < ACK_DEADLINE_S + 5
            assert b.held_rows == 0  # its memory is free
            assert b.subscription.acked == set()
            b.store.come_back()
            b.subscription.work_again()
            await b.until(lambda: b.subscription.unacked == 0)
            assert b.store.landed_ids() == set("abcde")

    run_virtually(scenario())


def test_a_batch_is_given_up_and_nacked_when_it_was_kept_for_the_longest_time_allowed() -> None:
    async def scenario() -> None:
        async with bench(dataclasses.replace(OPTIONS, lease_max_s=300.0)) as b:  # five minutes, to wait less
            b.store.go_away()
            b.subscription.publish(*flights(5))
            await b.until(lambda: b.held_rows == 5)
            b.subscription.fail("pull")  # or they would be back at once
            await b.until(lambda: b.writer.counts.given_up == 5, within_s=400)
            [nacked] = b.journal.calls("nack")
            assert 300 < nacked.at_s < 305
            tries = len(b.journal.calls("create failed"))
            await asyncio.sleep(60)
            assert len(b.journal.calls("create failed")) == tries  # nobody goes on storing what was given back

    run_virtually(scenario())


def test_a_batch_that_was_given_up_leaves_another_alone() -> None:
    async def scenario() -> None:
        limits = Limits(max_rows=5, max_bytes=1_000_000, max_age_s=300.0)  # five messages a batch
        async with bench(dataclasses.replace(OPTIONS, limits=limits, lease_max_s=100.0)) as b:
            b.store.slow_s = lambda name: 1e6 if "2013-01-01" in name else 80.0  # the first date hangs
            b.subscription.publish(*flights(5, "2013-01-01"), message_ids=list("abcde"))
            await b.until(lambda: len(b.journal.calls("create")) == 1)
            await asyncio.sleep(50)
            b.subscription.publish(*flights(5, "2013-01-02"), message_ids=list("vwxyz"))
            await b.until(lambda: b.subscription.acked == set("vwxyz"), within_s=200)
            assert b.writer.counts.given_up == 5

    run_virtually(scenario())
