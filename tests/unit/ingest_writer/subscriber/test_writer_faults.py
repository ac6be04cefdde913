"""Storage and Pub/Sub that come and go at random: whatever happens, what is acked has landed, and all lands."""

from __future__ import annotations

import asyncio
import dataclasses
import datetime as dt
import random
from collections.abc import Callable, Iterable, Sequence

import pyarrow as pa
import pytest

from ingest_writer.decoding.decoder import decode_messages
from ingest_writer.decoding.tables import Decoded, RejectedLine, by_flight_date, rejected_table
from ingest_writer.message import Message
from ingest_writer.subscriber.batch import Limits
from ingest_writer.subscriber.encode import Prepared, isolate_poison_messages, prepare
from lakehouse.errors import CreateStateUnknownError, ObjectExistsError, StoreAccessDeniedError, StoreUnavailableError
from lakehouse.object_names import RandomId
from tests._support.events import ids, line, message
from tests._support.fakes import OPTIONS, Bench, bench, flights
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
    limits = Limits(max_rows=20, max_bytes=1_000_000, max_age_s=2.0)  # many small batches
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


def test_what_cannot_be_prepared_is_not_acked_is_told_and_leaves_others_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    broken = True

    def table(lines: Sequence[RejectedLine]) -> pa.Table:
        if broken:
            raise ValueError("a mistake")
        return rejected_table(lines)

    monkeypatch.setattr("ingest_writer.subscriber.encode.rejected_table", table)

    async def scenario() -> None:
        nonlocal broken
        async with bench() as b:
            b.subscription.publish(b"no event", *flights(2))
            await b.until(lambda: b.writer.counts.failed_batches == 1)
            assert "ValueError" in b.writer.batch_trouble
            await b.until(lambda: b.writer.counts.acked == 2)
            assert b.subscription.acked == b.store.landed_ids() == {"m2", "m3"}
            assert "ValueError" in b.writer.batch_trouble
            broken = False
            await b.until(lambda: b.subscription.unacked == 0)
            assert b.writer.batch_trouble == ""

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


# -- a mistake of ours, and who has to suffer from it ------------------------------------------------------------


class _Mistake:
    """Decoding, or encoding, raises for some messages as long as it is there."""

    def __init__(self, *message_ids: str) -> None:
        self.message_ids = message_ids
        self.is_there = True

    def meets(self, message_id: str) -> None:
        if self.is_there and message_id in self.message_ids:
            raise ZeroDivisionError(f"a mistake with {message_id}")

    def plant_in_decoding(self, patch: pytest.MonkeyPatch) -> None:
        def decode(messages: Sequence[Message]) -> Decoded:
            for each in messages:
                self.meets(each.message_id)
            return decode_messages(messages)

        patch.setattr("ingest_writer.subscriber.encode.decode_messages", decode)

    def plant_in_encoding(self, patch: pytest.MonkeyPatch) -> None:
        def dates_of(tables: Iterable[pa.Table]) -> dict[dt.date, pa.Table]:
            events = list(tables)
            for table in events:
                for message_id in table["message_id"].to_pylist():
                    self.meets(message_id)
            return by_flight_date(events)

        def rejected_of(lines: Sequence[RejectedLine]) -> pa.Table:
            for each in lines:
                self.meets(each.message_id)
            return rejected_table(lines)

        patch.setattr("ingest_writer.subscriber.encode.by_flight_date", dates_of)
        patch.setattr("ingest_writer.subscriber.encode.rejected_table", rejected_of)


_PLACES = {"decoding": _Mistake.plant_in_decoding, "encoding": _Mistake.plant_in_encoding}


@pytest.mark.parametrize("plant", _PLACES.values(), ids=_PLACES.keys())
def test_the_mates_of_a_guilty_message_land_and_only_it_comes_again(
    plant: Callable[[_Mistake, pytest.MonkeyPatch], None],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    mistake = _Mistake("m7", "m13", "m22")
    plant(mistake, monkeypatch)

    async def scenario() -> None:
        async with bench() as b:
            data = [*flights(10), *flights(10, "2013-01-02"), b"no event", b"none either"]
            published = set(b.subscription.publish(*data))
            b.subscription.before_ack = lambda message_ids: _check_durable(b, message_ids)
            await b.until(lambda: len(b.subscription.acked) == 19, within_s=10)
            assert b.subscription.acked == published - set(mistake.message_ids)
            assert "ZeroDivisionError" in b.writer.batch_trouble
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
            await b.until(lambda: b.writer.batch_trouble == "")

    run_virtually(scenario())


def _check_durable(b: Bench, message_ids: set[str]) -> None:
    assert message_ids - {"m21", "m22"} <= b.store.landed_ids(), "acked before it was durable"


@pytest.mark.parametrize("plant", _PLACES.values(), ids=_PLACES.keys())
def test_a_stop_gives_guilty_messages_back_at_once(
    plant: Callable[[_Mistake, pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(_Mistake("m1"), monkeypatch)

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


def test_a_thousand_guilty_messages_among_others_take_a_bounded_search(monkeypatch: pytest.MonkeyPatch) -> None:
    guilty = [f"m{number}" for number in range(1, 2001, 2)]
    mistake = _Mistake(*guilty)
    mistake.plant_in_encoding(monkeypatch)
    messages = [message(line(), f"m{number}") for number in range(1, 2001)]
    tries = 0

    def counted(given: Sequence[Message], random_id: RandomId) -> Prepared:
        nonlocal tries
        tries += 1
        return prepare(given, random_id)

    monkeypatch.setattr("ingest_writer.subscriber.encode.prepare", counted)
    prepared, found = isolate_poison_messages(messages, ids())
    assert set(guilty) <= found.keys()
    assert prepared.events == len(messages) - len(found)
    assert tries <= 2 * 1000 + 3


def test_messages_that_fail_only_together_all_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def decode(messages: Sequence[Message]) -> Decoded:
        if len(messages) == 4:
            raise ZeroDivisionError("four at once")
        return decode_messages(messages)

    monkeypatch.setattr("ingest_writer.subscriber.encode.decode_messages", decode)
    prepared, found = isolate_poison_messages([message(line(), f"m{number}") for number in range(4)], ids())
    assert (list(prepared.objects), set(found)) == ([], {"m0", "m1", "m2", "m3"})


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
