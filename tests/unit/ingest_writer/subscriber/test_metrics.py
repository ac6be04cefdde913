"""Counts, metrics and log lines of writer and compactor: in virtual time, and of real processes over HTTP."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import urllib.request
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from google.cloud import pubsub_v1
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from ingest_writer.subscriber.metrics import WriterMetrics
from lakehouse import object_names
from lakehouse.store.local import LocalStore
from local_cloud.emulators.pubsub import PubsubServer
from tests._support.events.builders import line
from tests._support.lakes.rows import land, row
from tests._support.metrics_docs import documented_metrics
from tests._support.processes.commands import SUBSCRIPTION, TOPIC, free_port, get, run, started
from tests._support.subscriber.bench import OPTIONS, Bench, bench, flights
from tests._support.virtual_time import run_virtually


class Page:
    """The metrics at one moment, as a scraper reads them."""

    def __init__(self, text: str) -> None:
        families: list[Any] = list(text_string_to_metric_families(text))
        self.samples = {(s.name, frozenset(s.labels.items())): s.value for family in families for s in family.samples}

    def get(self, name: str, **labels: str) -> float:
        """The value of `flights_...`; 0 when there is no such series yet."""
        return float(self.samples.get((f"flights_{name}", frozenset(labels.items())), 0.0))


def scraped(port: int) -> Page:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=20) as answer:
        return Page(answer.read().decode())


# -- the writer, in virtual time -------------------------------------------------------------------------------


@asynccontextmanager
async def measured(**changes: Any) -> AsyncIterator[tuple[Bench, WriterMetrics]]:
    metrics = WriterMetrics(CollectorRegistry(), asyncio.get_running_loop().time)
    async with bench(dataclasses.replace(OPTIONS, **changes), metrics) as b:
        metrics.watch(b.writer, b.writer.counts)
        yield b, metrics


def now(metrics: WriterMetrics) -> Page:
    return Page(metrics.page().decode())


def test_messages_rows_and_objects_are_counted_on_their_way() -> None:
    async def scenario() -> None:
        async with measured() as (b, metrics):
            data = [*flights(10), *flights(3, "2013-01-02"), b"bad", line(status="lost"), line(colour="red")]
            b.subscription.publish(*data)
            await b.until(lambda: b.writer.counts.messages == 16)
            await asyncio.sleep(1.5)  # the gauges are a second old
            held = now(metrics)
            assert held.get("writer_received_messages_total") == 16
            assert held.get("writer_received_bytes_total") == sum(map(len, data))
            assert held.get("writer_buffer_rows") == 16
            assert held.get("writer_buffer_bytes") == sum(map(len, data))
            assert 1.0 <= held.get("writer_oldest_unacked_age_seconds") <= 3.0
            assert held.get("writer_landed_rows_total") == held.get("writer_acked_messages_total") == 0
            await b.until(lambda: b.subscription.unacked == 0)
            await asyncio.sleep(1.5)
            done = now(metrics)
        assert done.get("writer_decoded_rows_total") == done.get("writer_landed_rows_total") == 14
        assert done.get("writer_rejected_lines_total", stage="decode") == 1
        assert done.get("writer_rejected_lines_total", stage="validate") == 1
        assert done.get("writer_unknown_fields_total") == 1
        assert done.get("writer_acked_messages_total") == 16
        assert done.get("writer_landed_objects_total") == len(b.store.names())
        assert done.get("writer_batch_rows_sum") == 16
        assert done.get("writer_batch_objects_sum") == len(b.store.names())
        assert done.get("writer_batch_age_seconds_sum") == pytest.approx(5.0)
        assert done.get("writer_landing_seconds_count") == 1
        assert done.get("writer_buffer_rows") == done.get("writer_oldest_unacked_age_seconds") == 0
        assert done.get("writer_receive_delay_seconds_count") >= 1

    run_virtually(scenario())


def test_a_landed_batch_has_the_rows_that_it_became_and_not_its_blank_lines() -> None:
    async def scenario() -> None:
        async with measured() as (b, metrics):
            [good] = flights(1)
            b.subscription.publish(good + b"\n\n\n" + b"bad\n")
            await b.until(lambda: b.subscription.unacked == 0)
            assert now(metrics).get("writer_batch_rows_sum") == 2

    run_virtually(scenario())


def test_an_upload_without_an_answer_shows_before_it_fails() -> None:
    async def scenario() -> None:
        async with measured() as (b, metrics):
            b.store.slow_s = lambda name: 60.0
            b.subscription.publish(*flights(10))
            await b.until(lambda: bool(b.writer.storage_state(asyncio.get_running_loop().time())))
            assert not b.writer.storage_error
            assert now(metrics).get("writer_storage_trouble") == 1
            await b.until(lambda: b.subscription.unacked == 0)
            assert now(metrics).get("writer_storage_trouble") == 0

    run_virtually(scenario())


def test_an_outage_of_storage_shows_and_goes() -> None:
    async def scenario() -> None:
        async with measured() as (b, metrics):
            b.store.go_away()
            b.subscription.publish(*flights(10))
            await b.until(lambda: bool(b.writer.storage_error))
            await asyncio.sleep(100)
            away = now(metrics)
            assert away.get("writer_storage_trouble") == 1
            assert away.get("writer_buffer_rows") == 10
            assert 100 <= away.get("writer_oldest_unacked_age_seconds") <= 110
            assert away.get("writer_lease_extensions_total") >= 10
            assert away.get("writer_subscription_requests_total", operation="extend", outcome="ok") >= 1
            b.store.come_back()
            await b.until(lambda: b.subscription.unacked == 0)
            await asyncio.sleep(1.5)
            back = now(metrics)
            assert back.get("writer_storage_trouble") == back.get("writer_oldest_unacked_age_seconds") == 0

    run_virtually(scenario())


def test_messages_that_are_given_up_are_counted() -> None:
    async def scenario() -> None:
        async with measured(lease_max_s=60.0) as (b, metrics):
            b.store.go_away()
            b.subscription.publish(*flights(10))
            await b.until(lambda: b.writer.counts.given_up == 10, within_s=120)
            await asyncio.sleep(0)
            given_up = now(metrics)
            assert given_up.get("writer_given_up_messages_total") == 10
            assert given_up.get("writer_nacked_messages_total") == 10
            b.store.come_back()
            await b.until(lambda: b.subscription.unacked == 0)

    run_virtually(scenario())


# -- processes, over HTTP --------------------------------------------------------------------------------------


@pytest.fixture
def lake(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "lake")


@pytest.fixture
def server() -> Iterator[PubsubServer]:
    with PubsubServer() as made:
        yield made


def lines(log: str) -> list[dict[str, Any]]:
    return [json.loads(text) for text in log.splitlines()]


def test_a_writer_serves_its_metrics_and_writes_a_json_line_for_each_batch(
    lake: LocalStore, server: PubsubServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", server.address)
    client, subscriber = pubsub_v1.PublisherClient(), pubsub_v1.SubscriberClient()
    client.create_topic(name=TOPIC)
    subscriber.create_subscription(name=SUBSCRIPTION, topic=TOPIC, ack_deadline_seconds=60)
    subscriber.close()
    port = free_port()
    settings = {"LAKE_URL": lake.url, "PUBSUB_SUBSCRIPTION": SUBSCRIPTION, "PUBSUB_EMULATOR_HOST": server.address}
    settings |= {"WRITER_PORT": str(port), "WRITER_BATCH_MAX_AGE_S": "0.1"}  # the test need not wait for five seconds
    with started(tmp_path / "log", "run", **settings) as process:
        process.until(lambda: get(f"http://127.0.0.1:{port}/ready")[0] in (200, 503), "it listens")
        for number in range(1, 11):
            client.publish(TOPIC, line(flight_number=number))
        client.publish(TOPIC, b"bad").result()
        process.until(lambda: scraped(port).get("writer_acked_messages_total") == 11, "all is acked")
        seen = scraped(port)
        process.terminate()
    client.stop()
    client.transport.close()
    assert seen.get("writer_landed_rows_total") == 10
    assert seen.get("writer_rejected_lines_total", stage="decode") == 1
    assert seen.get("writer_subscription_trouble") == 0
    landed = sum(info.size for info in lake.list(object_names.LANDING))
    assert seen.get("store_written_bytes_total", area="landing") == landed
    assert seen.get("store_requests_total", operation="create", area="rejected", outcome="ok") == 1
    assert seen.samples["process_cpu_seconds_total", frozenset()] > 0
    labels_of = {each.name: set(each.labels.replace("`", "").split()) for each in documented_metrics()}
    for name, labels in seen.samples:
        family = name if name in labels_of else name.rpartition("_")[0]  # _bucket, _count and _sum
        assert {label for label, _ in labels} - {"le"} == labels_of[family], name
    batches = [each for each in lines(process.log) if each["message"].startswith("batch landed")]
    assert sum(each["rows"] for each in batches) == 10
    assert sum(each["messages"] for each in batches) == 11
    assert {"age_s", "landing_s", "objects", "bytes", "severity", "time"} <= batches[0].keys()
    assert "writer stopped" in lines(process.log)[-1]["message"]


def test_a_repeating_compactor_serves_its_metrics_when_it_is_given_a_port(lake: LocalStore, tmp_path: Path) -> None:
    port = free_port()
    bad = object_names.landed_file(row()["flight_date"], "f" * 32)
    with started(
        tmp_path / "log", "compact", "--every", "0.05", LAKE_URL=lake.url, COMPACTOR_PORT=str(port)
    ) as process:
        process.until(lambda: get(f"http://127.0.0.1:{port}/ready")[0] == 200, "a run went through")
        land(lake, [row("2013-01-01"), row("2013-01-01", number=2)])
        process.until(lambda: scraped(port).get("compactor_runs_total", outcome="committed") == 1, "it is merged")
        lake.create(bad, b"?")
        process.until(lambda: scraped(port).get("compactor_unreadable_files") == 1, "it is noticed")
        assert get(f"http://127.0.0.1:{port}/health") == (200, {"status": "ok"})
        seen = scraped(port)
        process.terminate()
    assert seen.get("compactor_merged_files_total") == 1
    assert seen.get("compactor_merged_rows_total") == 2
    assert seen.get("compactor_snapshot_number") == seen.get("compactor_merged_months_total") == 1
    assert seen.get("compactor_pending_files") == 1  # the bad one
    assert seen.get("compactor_last_success_timestamp_seconds") > 1.6e9
    assert seen.get("compactor_collected_objects_total", kind="landed") == 0  # the grace is not over
    assert seen.get("store_requests_total", operation="create", area="snapshots", outcome="ok") == 1
    [committed] = [each for each in lines(process.log) if each.get("absorbed_files")]
    assert (committed["snapshot"], committed["rows"], committed["months"]) == (1, 2, ["2013-01"])
    assert any(each.get("object") == bad and each["severity"] == "ERROR" for each in lines(process.log))


def test_a_compactor_whose_port_is_taken_ends_with_2(lake: LocalStore, server: PubsubServer) -> None:
    done = run("compact", "--every", "1", LAKE_URL=lake.url, COMPACTOR_PORT=str(server.port))
    assert done.returncode == 2
    assert f"COMPACTOR_PORT is {server.port}" in done.stderr


@pytest.mark.parametrize(("setting", "is_json"), [("json", True), ("auto", True), ("text", False)])
def test_the_format_of_the_log_is_a_setting(setting: str, is_json: bool, lake: LocalStore) -> None:
    done = run("compact", LAKE_URL=lake.url, COMPACTOR_LOG_FORMAT=setting)
    assert done.returncode == 0
    assert done.stderr.startswith("{") is is_json
    assert "compacted: snapshot=0" in done.stderr


def test_unknown_fields_are_counted_however_many_names_they_have() -> None:
    async def scenario() -> None:
        async with bench() as b:
            # A publisher that uses ids as names: more of them than are kept of one batch.
            b.subscription.publish(*[line(**{f"x{number}": 1}) for number in range(1500)])
            await b.until(lambda: b.subscription.unacked == 0)
            assert b.writer.counts.unknown_fields == 1500

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
            assert (counts.rows, counts.rejected, counts.unknown_fields) == (3, 2, 1)

    run_virtually(scenario())
