"""What a writer counts."""

from __future__ import annotations

import dataclasses

from tests._support.events import line
from tests._support.fakes import OPTIONS, bench, flights
from tests._support.virtual_time import run_virtually


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


def test_what_is_decoded_again_counts_again_and_what_landed_counts_once() -> None:
    async def scenario() -> None:
        async with bench(dataclasses.replace(OPTIONS, lease_max_s=60.0)) as b:  # the first delivery is given up
            b.store.go_away()
            b.subscription.publish(*flights(2), line(colour="red"), b"bad", line(status="lost"))
            await b.until(lambda: b.writer.counts.given_up == 5, within_s=120)
            b.store.come_back()
            await b.until(lambda: b.subscription.unacked == 0)
            counts = b.writer.counts
            deliveries = len(b.journal.calls("delivered"))
            assert deliveries >= 2
            assert (counts.messages, counts.acked) == (5 * deliveries, 5)
            assert counts.decoded_rows == 3 * deliveries
            assert counts.decoded_unknown_fields == deliveries
            assert counts.decoded_rejected == {"decode": deliveries, "validate": deliveries}
            assert (counts.rows, counts.rejected, counts.unknown_fields) == (3, 2, {"colour": 1})

    run_virtually(scenario())
