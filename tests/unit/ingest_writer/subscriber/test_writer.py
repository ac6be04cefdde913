"""From messages to landed files to acks, in virtual time."""

from __future__ import annotations

import dataclasses
import datetime as dt

import pytest

from ingest_writer.subscriber.batch import Limits
from lakehouse import object_names
from lakehouse.errors import StoreAccessDeniedError, StoreUnavailableError
from tests._support.events import line
from tests._support.fakes import ACK_DEADLINE_S, OPTIONS, bench, flights
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
        Limits(max_rows=10, max_bytes=1_000_000, max_age_s=300.0),  # ten rows, long before the rest
        Limits(max_rows=1000, max_bytes=10 * len(flights(1)[0]), max_age_s=300.0),  # the bytes of ten
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
            assert (b.writer.counts.batches, b.writer.counts.landed_objects) == (1, 4)

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


def test_unknown_fields_are_counted_under_a_bounded_number_of_names() -> None:
    async def scenario() -> None:
        async with bench() as b:
            # A publisher that uses ids as names: more of them than are kept.
            b.subscription.publish(*[line(**{f"x{number}": 1}) for number in range(1500)])
            await b.until(lambda: b.subscription.unacked == 0)
            unknown = b.writer.counts.unknown_fields
            assert unknown.total() == 1500
            assert len(unknown) == 1001

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
                troubles.append(b.writer.storage_trouble)
                return b.subscription.unacked == 0

            await b.until(done)
            assert set(troubles) == {""}

    run_virtually(scenario())


def test_a_batch_that_can_never_be_stored_is_dropped_and_its_messages_come_again() -> None:
    async def scenario() -> None:
        async with bench() as b:
            failures = iter([ZeroDivisionError("a mistake of ours")])
            b.store.fault = lambda name: next(failures, None)
            b.subscription.publish(*flights(2))
            await b.until(lambda: b.subscription.unacked == 0, within_s=120)
            assert len(b.store.rows()) == 2
            # After a pause, so that a mistake of ours is no busy loop, and long before the lease would end.
            assert OPTIONS.backoff_max_s <= b.journal.times("delivered")[1] < ACK_DEADLINE_S

    run_virtually(scenario())


def test_redelivered_messages_change_nothing_but_are_acked() -> None:
    async def scenario() -> None:
        async with bench() as b:
            [event] = flights(1)
            b.subscription.publish(event, event, message_ids=["same", "same"])
            await b.until(lambda: b.subscription.unacked == 0)
            assert b.store.landed_ids() == {"same"}

    run_virtually(scenario())


# -- overlap and bounds ----------------------------------------------------------------------------------------


def test_the_next_batch_is_collected_and_uploaded_while_the_first_is_uploaded() -> None:
    async def scenario() -> None:
        limits = Limits(max_rows=10, max_bytes=1_000_000, max_age_s=300.0)  # small batches, closed by rows alone
        async with bench(dataclasses.replace(OPTIONS, limits=limits)) as b:
            b.store.slow_s = lambda name: 20.0
            b.subscription.publish(*flights(10))
            await b.until(lambda: len(b.journal.calls("create")) == 1)
            b.subscription.publish(*flights(10, first=11))
            await b.until(lambda: b.subscription.unacked == 0)
            begun, ended = b.journal.times("create"), b.journal.times("durable")
            assert len(begun) == 2
            assert begun[1] < ended[0]
            assert ended[1] < 21  # one after the other would take 40 s

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
