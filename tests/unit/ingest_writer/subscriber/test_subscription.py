"""Messages given back."""

from __future__ import annotations

from ingest_writer.subscriber.subscription import nack
from tests._support.subscriber.bench import flights
from tests._support.subscriber.subscription import FakeSubscription, Journal
from tests._support.virtual_time import run_virtually


def test_nacked_messages_can_be_pulled_at_once() -> None:
    async def scenario() -> None:
        subscription = FakeSubscription(Journal())
        subscription.publish(*flights(3))
        messages = await subscription.pull(10)
        await nack(subscription, [each.ack_id for each in messages])
        assert subscription.waiting == 3

    run_virtually(scenario())


def test_a_nack_that_fails_is_left_to_the_leases() -> None:
    async def scenario() -> None:
        journal = Journal()
        subscription = FakeSubscription(journal)
        subscription.fail("nack")
        await nack(subscription, ["a"])
        assert len(journal.calls("nack failed")) == 1

    run_virtually(scenario())
