"""What /ready shows of a writer. Signals and HTTP: tests/system/processes/test_writer_commands.py."""

from __future__ import annotations

import asyncio
import dataclasses

from ingest_writer.subscriber.process import writer_status
from tests._support.events.builders import line
from tests._support.subscriber.bench import OPTIONS, bench, flights, outage_noticed
from tests._support.virtual_time import run_virtually


def test_a_writer_that_works_is_ready_and_shows_its_counts() -> None:
    async def scenario() -> None:
        async with bench() as b:
            b.subscription.publish(*flights(2), b"bad", line(colour="red"))
            await b.until(lambda: b.subscription.unacked == 0)
            assert writer_status(b.writer, asyncio.get_running_loop().time(), is_stopping=False) == {
                "ready": True,
                "storage": "ok",
                "batches": "ok",
                "failed_batches": 0,
                "subscription": "ok",
                "messages": 4,
                "rows": 3,
                "rejected": 1,
                "landed_objects": 2,
                "acked": 4,
                "given_up": 0,
                "unknown_fields": 1,
            }

    run_virtually(scenario())


def test_a_writer_that_stops_is_not_ready() -> None:
    async def scenario() -> None:
        async with bench() as b:
            await b.until(lambda: b.is_ready)
            assert not writer_status(b.writer, 0.0, is_stopping=True)["ready"]

    run_virtually(scenario())


def test_what_is_wrong_is_said_and_is_not_ready() -> None:
    async def scenario() -> None:
        async with bench(dataclasses.replace(OPTIONS, drain_s=0.1)) as b:  # the end need not wait for storage
            before = writer_status(b.writer, 0.0, is_stopping=False)
            assert (before["ready"], before["subscription"]) == (False, "no pull has been answered yet")
            await outage_noticed(b)
            after = writer_status(b.writer, asyncio.get_running_loop().time(), is_stopping=False)
            assert (after["ready"], after["subscription"]) == (False, "ok")
            assert "storage is down" in after["storage"]

    run_virtually(scenario())
