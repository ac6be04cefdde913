"""When messages are pulled, and how their leases are kept or given up, in virtual time."""

from __future__ import annotations

import asyncio
import dataclasses
import itertools

import pytest

from ingest_writer.subscriber.options import Limits
from tests._support.subscriber.bench import OPTIONS, bench, flights, outage_noticed
from tests._support.subscriber.subscription import ACK_DEADLINE_S
from tests._support.virtual_time import run_virtually


def test_several_pulls_are_in_flight() -> None:
    async def scenario() -> None:
        async with bench(dataclasses.replace(OPTIONS, pulls_in_flight=4)) as b:
            await b.until(lambda: b.subscription.waiting_pulls == 4, within_s=1)
            assert not b.writer.subscription_error  # known from first pulls that did not wait

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
        limits = Limits(max_rows=100, max_bytes=1_000_000, max_age_s=300.0, max_dates=400)  # a third of the buffer
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
            assert "pull is down" in b.writer.subscription_error
            assert not b.is_ready
            times = b.journal.times("pull failed")
            assert max(later - earlier for earlier, later in itertools.pairwise(times)) <= 5.0
            assert times[-1] - times[0] > 60  # two loops of 50 tries: more than a second apart on average
            b.subscription.work_again()
            b.subscription.publish(*flights(5, first=2))
            await b.until(lambda: b.is_ready and b.subscription.unacked == 0)

    run_virtually(scenario())


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
        limits = Limits(max_rows=1000, max_bytes=1_000_000, max_age_s=200.0, max_dates=400)  # longer than a lease
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


def test_a_batch_is_nacked_when_it_was_kept_for_the_longest_time_allowed() -> None:
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
        limits = Limits(max_rows=5, max_bytes=1_000_000, max_age_s=300.0, max_dates=400)  # five messages a batch
        async with bench(dataclasses.replace(OPTIONS, limits=limits, lease_max_s=100.0)) as b:
            b.store.slow_s = lambda name: 1e6 if "2013-01-01" in name else 80.0  # the first date hangs
            b.subscription.publish(*flights(5, "2013-01-01"), message_ids=list("abcde"))
            await b.until(lambda: len(b.journal.calls("create")) == 1)
            await asyncio.sleep(50)
            b.subscription.publish(*flights(5, "2013-01-02"), message_ids=list("vwxyz"))
            await b.until(lambda: b.subscription.acked == set("vwxyz"), within_s=200)
            assert b.writer.counts.given_up == 5

    run_virtually(scenario())


def test_a_lease_that_is_lost_costs_no_other_message_its_lease() -> None:
    async def scenario() -> None:
        async with bench() as b:
            b.subscription.is_exactly_once = True
            b.store.slow_s = lambda name: 3 * ACK_DEADLINE_S
            b.subscription.publish(*flights(5), message_ids=list("abcde"))
            await b.until(lambda: b.held_rows == 5)
            b.subscription.expire("c")
            b.subscription.fail("pull")
            await b.until(lambda: len(b.subscription.acked) == 4, within_s=500)
            first, *later = ({each[0] for each in call.what} for call in b.journal.calls("extend"))
            assert first == set("abcde")
            assert later
            assert all(extended == set("abde") for extended in later)
            [acked] = b.journal.calls("ack")
            assert {each[0] for each in acked.what} == set("abde")
            assert (b.writer.counts.acked, b.writer.counts.given_up) == (4, 1)
            b.subscription.work_again()
            await b.until(lambda: b.subscription.unacked == 0, within_s=500)
            assert len(b.journal.calls("delivered")) == 2  # the one that was lost came again, and no other

    run_virtually(scenario())


def test_a_lease_that_is_never_extended_costs_no_other_message_its_lease() -> None:
    async def scenario() -> None:
        async with bench() as b:
            b.subscription.is_exactly_once = True
            b.subscription.unextendable = {"c"}
            b.store.slow_s = lambda name: 3 * ACK_DEADLINE_S
            b.subscription.publish(*flights(5), message_ids=list("abcde"))
            await b.until(lambda: b.held_rows == 5)
            b.subscription.fail("pull")  # or the one would be back at once
            await b.until(lambda: b.subscription.acked == set("abde"), within_s=500)
            assert [{each[0] for each in call.what} for call in b.journal.calls("nack")] == [{"c"}]
            assert (b.writer.counts.acked, b.writer.counts.given_up) == (4, 1)

    run_virtually(scenario())
