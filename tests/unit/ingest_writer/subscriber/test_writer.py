"""From messages to landed files to acks, in virtual time."""

from __future__ import annotations

import asyncio
import dataclasses
import datetime as dt

import pytest

from ingest_writer.subscriber.options import Limits
from lakehouse import object_names
from tests._support.subscriber.bench import OPTIONS, bench, flights, outage_noticed
from tests._support.virtual_time import run_virtually


def dates(stored: list[str]) -> list[str]:
    return sorted(str(object_names.parse_landed_file(name)) for name in stored)


# -- batches ---------------------------------------------------------------------------------------------------


def test_a_batch_lands_when_its_oldest_message_is_five_seconds_old() -> None:
    async def scenario() -> None:
        async with bench() as b:
            b.subscription.publish(*flights(1))
            await b.until(lambda: b.writer.counts.messages == 1)
            await b.until(lambda: b.subscription.unacked == 0)
            [delivered] = b.journal.times("delivered")
            [created] = b.journal.times("create")
            assert created - delivered == pytest.approx(5.0)
            assert b.writer.counts.acked == 1

    run_virtually(scenario())


@pytest.mark.parametrize(
    "limits",
    [
        Limits(max_rows=10, max_bytes=1_000_000, max_age_s=300.0, max_dates=400),  # ten rows, long before the rest
        Limits(max_rows=1000, max_bytes=10 * len(flights(1)[0]), max_age_s=300.0, max_dates=400),  # the bytes of ten
    ],
)
def test_a_batch_lands_at_once_when_rows_or_bytes_are_reached(limits: Limits) -> None:
    async def scenario() -> None:
        async with bench(dataclasses.replace(OPTIONS, limits=limits)) as b:
            b.subscription.publish(*flights(9))
            await b.until(lambda: b.writer.counts.messages == 9)
            assert b.store.names() == []
            b.subscription.publish(*flights(1, first=10))
            await b.until(lambda: b.subscription.unacked == 0, within_s=1)
            assert len(b.store.rows()) == 10

    run_virtually(scenario())


def test_no_batch_lands_more_flight_dates_than_it_may_have_and_all_are_acked() -> None:
    async def scenario() -> None:
        limits = dataclasses.replace(OPTIONS.limits, max_dates=4)
        async with bench(dataclasses.replace(OPTIONS, limits=limits, batches_in_flight=1)) as b:
            b.subscription.publish(*[flights(1, f"2013-01-{day:02}")[0] for day in range(1, 11)])
            await b.until(lambda: b.subscription.unacked == 0)
            assert (len(b.journal.calls("ack")), b.writer.counts.landed_objects, b.writer.counts.acked) == (3, 10, 10)

    run_virtually(scenario())


def test_one_object_lands_for_each_flight_date_and_one_for_rejected_lines() -> None:
    async def scenario() -> None:
        async with bench() as b:
            days = ["2013-01-01", "2013-01-02", "2012-12-31"]
            b.subscription.publish(*[event for day in days for event in flights(2, day)], b"bad", b"worse")
            await b.until(lambda: b.subscription.unacked == 0)
            assert dates(b.store.names(object_names.LANDING)) == ["2012-12-31", "2013-01-01", "2013-01-02"]
            [rejected] = b.store.names(object_names.REJECTED)
            assert object_names.parse_rejected_file(rejected) == dt.date(2013, 1, 1)
            assert (b.writer.counts.rows, b.writer.counts.rejected, b.writer.counts.acked) == (6, 2, 8)
            assert (len(b.journal.calls("ack")), b.writer.counts.landed_objects) == (1, 4)

    run_virtually(scenario())


def test_the_neighbours_of_bad_lines_land_and_all_are_acked() -> None:
    async def scenario() -> None:
        async with bench() as b:
            good = flights(3)
            b.subscription.publish(good[0], b"{", b"\n".join([good[1], b"\xff", good[2]]), message_ids=["a", "b", "c"])
            await b.until(lambda: b.subscription.unacked == 0)
            landed = {(row["message_id"], row["message_line"]) for row in b.store.rows()}
            assert landed == {("a", 0), ("c", 0), ("c", 2)}
            assert b.writer.counts.rejected == 2
            assert b.subscription.acked == {"a", "b", "c"}

    run_virtually(scenario())


def test_a_message_without_a_single_good_line_is_acked_once_it_is_stored_as_rejected() -> None:
    async def scenario() -> None:
        async with bench() as b:
            b.subscription.publish(b"")
            await b.until(lambda: b.subscription.unacked == 0)
            assert b.store.names(object_names.LANDING) == []
            assert [entry.call for entry in b.journal.calls("durable", "ack")] == ["durable", "ack"]

    run_virtually(scenario())


# -- ack is the last step --------------------------------------------------------------------------------------


def test_a_message_is_acked_only_after_every_object_of_its_batch_is_durable() -> None:
    async def scenario() -> None:
        async with bench() as b:
            b.store.slow_s = lambda name: 3.0 if "2013-01-02" in name else 0.1  # one object is slower than the rest
            b.subscription.publish(*flights(1, "2013-01-01"), *flights(1, "2013-01-02"), b"bad")
            await b.until(lambda: b.subscription.unacked == 0)
            order = [entry.call for entry in b.journal.calls("durable", "ack")]
            assert order == ["durable", "durable", "durable", "ack"]
            assert b.journal.times("ack")[0] - b.journal.times("create")[0] == pytest.approx(3.0)

    run_virtually(scenario())


def test_redelivered_messages_change_nothing_but_are_acked() -> None:
    async def scenario() -> None:
        async with bench() as b:
            [event] = flights(1)
            b.subscription.publish(event, event, message_ids=["same", "same"])
            await b.until(lambda: b.subscription.unacked == 0)
            assert b.store.landed_ids() == {"same"}

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


def test_everything_lands_once_storage_is_back() -> None:
    async def scenario() -> None:
        async with bench() as b:
            await outage_noticed(b)
            b.subscription.publish(*flights(1000, first=11))
            await asyncio.sleep(300)  # leases are extended
            b.store.come_back()
            await b.until(lambda: b.subscription.unacked == 0)
            assert {row["flight_number"] for row in b.store.rows()} == set(range(1, 1011))
            assert b.journal.calls("nack") == []

    run_virtually(scenario())


# -- overlap ---------------------------------------------------------------------------------------------------


def test_the_next_batch_is_collected_and_uploaded_while_the_first_is_uploaded() -> None:
    async def scenario() -> None:
        limits = Limits(
            max_rows=10, max_bytes=1_000_000, max_age_s=300.0, max_dates=400
        )  # small batches, closed by rows alone
        async with bench(dataclasses.replace(OPTIONS, limits=limits)) as b:
            b.store.slow_s = lambda name: 20.0
            b.subscription.publish(*flights(10))
            await b.until(lambda: len(b.journal.calls("create")) == 1)
            b.subscription.publish(*flights(10, first=11))
            await b.until(lambda: b.subscription.unacked == 0)
            begun, ended = b.journal.times("create"), b.journal.times("durable")
            assert len(begun) == 2
            assert begun[1] < ended[0]
            assert ended[1] < 21  # in sequence they would take 40 s

    run_virtually(scenario())
