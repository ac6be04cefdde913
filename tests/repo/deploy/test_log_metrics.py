"""What log-based metrics read is what the services write: their filters and fields against real lines.

The lines are written by the real writer, compactor, canary and API through the real formatter.
"""

from __future__ import annotations

import asyncio
import dataclasses
import io
import json
import logging
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from ingest_writer.compaction.garbage_collector import GarbageCollector
from ingest_writer.compaction.metrics import CompactorMetrics
from ingest_writer.compaction.runner import Compaction
from ingest_writer.health_server import HealthLimits
from ingest_writer.publishing.publisher import Published
from ingest_writer.subscriber.process import run_writer
from lakehouse import object_names
from lakehouse.errors import ForeignSnapshotError, StoreAccessDeniedError
from lakehouse.store.memory import MemoryStore
from lakehouse.telemetry import logs
from probe.canary import Canary
from tests._support.api.in_process import serving
from tests._support.lakes.compactors import compactor
from tests._support.lakes.rows import land, row
from tests._support.subscriber.bench import OPTIONS, bench, flights
from tests._support.virtual_time import run_virtually
from tests.repo.deploy.terraform_files import MAIN, local, resources

Line = dict[str, Any]

# https://cloud.google.com/logging/docs/reference/v2/rest/v2/LogEntry#HttpRequest
HTTP_REQUEST = {
    *("requestMethod", "requestUrl", "requestSize", "status", "responseSize", "userAgent", "remoteIp", "serverIp"),
    *("referer", "latency", "cacheLookup", "cacheHit", "cacheValidatedWithOriginServer", "cacheFillBytes", "protocol"),
}
# https://cloud.google.com/logging/docs/structured-logging: what is taken out of jsonPayload
LIFTED = {"severity", "time", "httpRequest"}


@contextmanager
def written(name: str) -> Iterator[Callable[[], list[Line]]]:
    """The JSON lines that the logger `name` and those below it write meanwhile."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logs.JsonFormatter())
    logger, before = logging.getLogger(name), logging.getLogger(name).level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield lambda: [json.loads(text) for text in stream.getvalue().splitlines()]
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before)


def writer_lines(*messages: bytes) -> list[Line]:
    async def scenario() -> None:
        async with bench(dataclasses.replace(OPTIONS)) as b:
            b.subscription.publish(*messages)
            await b.until(lambda: b.subscription.unacked == 0)
            await asyncio.sleep(1)

    with written("ingest_writer") as lines:
        run_virtually(scenario())
        return lines()


def _published() -> Published:
    return Published(1, 1)


def compactor_lines(tmp_path: Path, *days: str, publish: Callable[[], Published] | None = None) -> list[Line]:
    """The lines of one run of the job with events of these days in the tail."""
    store = MemoryStore()
    if days:
        land(store, [row(day) for day in days])
    made = compactor(store, tmp_path)
    collector = GarbageCollector(store, made.planner, 600.0, 2)
    with written("ingest_writer") as lines:
        Compaction(made, collector, publish or _published, CompactorMetrics(CollectorRegistry())).until_done()
        return lines()


def canary_line(good: bool) -> Line:
    line: Line = json.loads(Canary(good, 3.2, "seen", 7, 12, 340, 1, 0).line())
    return line


def request_line(url: str) -> Line:
    with written("query_service.api.requests") as lines, serving(MemoryStore()) as api:
        api.get(url)
        [line] = lines()
        return line


def payload(text: str) -> str:
    """A filter as it is sent: with the shared part in the place of its name."""
    for _ in range(3):
        text = re.sub(r"\$\{local\.(\w+)\}", lambda match: str(local(match[1])), text)
    return text


def counts(metric: str, line: Line) -> bool:
    """Whether a counter counts the line, by the clauses about jsonPayload: all of them have to hold."""
    clauses = re.findall(r"jsonPayload\.([\w.]+)(:\*|>[\d.]+|=\w+)", payload(local("counter")[metric]["filter"]))
    assert clauses, metric
    return all(_holds(field_of(line, name), condition) for name, condition in clauses)


def _holds(value: Any, condition: str) -> bool:
    if value is None:
        return False
    if condition == ":*":
        return True
    wanted = json.loads(condition[1:])
    return bool(value > wanted) if condition[0] == ">" else bool(value == wanted and type(value) is type(wanted))


def field_of(line: Line, path: str) -> Any:
    value: Any = {name: item for name, item in line.items() if name not in LIFTED}
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def gauges(lines: str) -> Sequence[str]:
    """The fields that gauges take out of such lines."""
    return [gauge["field"] for gauge in local("gauge").values() if gauge["lines"] == f"${{local.{lines}}}"]


def assert_numbers(line: Line, fields: Sequence[str]) -> None:
    assert fields
    for name in fields:
        value = field_of(line, name)
        assert isinstance(value, int | float), f"{name} is {value!r} in {line}"
        assert not isinstance(value, bool), name


def test_a_batch_is_counted_when_it_rejects_and_measured_always() -> None:
    good = [line for line in writer_lines(*flights(3)) if counts_as("batch", line)]
    bad = [line for line in writer_lines(*flights(3), b"bad") if counts_as("batch", line)]
    assert len(good) == len(bad) == 1
    assert not counts("rejecting", good[0])
    assert counts("rejecting", bad[0])
    assert_numbers(good[0], gauges("batch"))
    assert (field_of(good[0], "objects"), field_of(good[0], "rows")) == (1, 3)


def test_a_writer_is_counted_once_when_it_starts_and_by_no_other_line(monkeypatch: pytest.MonkeyPatch) -> None:
    async def ends_at_once(_: asyncio.Event) -> None: ...

    async def scenario() -> None:
        async with bench(dataclasses.replace(OPTIONS)) as b:
            monkeypatch.setattr(b.writer, "run", ends_at_once)
            await run_writer(b.writer, 0, "memory://", lambda: b"", HealthLimits())

    with written("ingest_writer") as lines:
        run_virtually(scenario())
        starts = [line["message"] for line in lines() if counts("writer_starts", line)]
    assert [message.partition(":")[0] for message in starts] == ["writer starts"]
    assert not [line for line in writer_lines(*flights(3), b"bad") if counts("writer_starts", line)]


def test_no_other_line_of_a_writer_passes_for_a_batch() -> None:
    batches = [line for line in writer_lines(*flights(3), b"bad") if counts_as("batch", line)]
    assert all(line["message"].startswith("batch landed") for line in batches)


def counts_as(lines: str, line: Line) -> bool:
    [name] = re.findall(r"jsonPayload\.([\w.]+):\*", local(lines))
    return field_of(line, name) is not None


def test_a_run_of_the_compactor_is_a_commit_when_it_absorbs_something(tmp_path: Path) -> None:
    [committed] = [line for line in compactor_lines(tmp_path, "2013-01-01") if counts_as("compaction", line)]
    [idle] = [line for line in compactor_lines(tmp_path) if counts_as("compaction", line)]
    assert counts("commits", committed)
    assert not counts("commits", idle)
    for line in (committed, idle):
        assert_numbers(line, gauges("compaction"))


def test_a_run_that_stops_at_a_foreign_snapshot_is_counted_once(tmp_path: Path) -> None:
    store = MemoryStore()
    store.create(object_names.snapshot(1), b"hello")
    made = compactor(store, tmp_path)
    collector = GarbageCollector(store, made.planner, 600.0, 2)
    runs = Compaction(made, collector, _published, CompactorMetrics(CollectorRegistry()))
    with written("ingest_writer") as lines:
        with pytest.raises(ForeignSnapshotError):
            runs.until_done()
        stopped = lines()
    assert [counts("foreign", line) for line in stopped] == [True]
    assert not any(counts("foreign", line) for line in compactor_lines(tmp_path, "2013-01-01"))


def test_a_run_says_how_many_objects_it_left_alone(tmp_path: Path) -> None:
    """The metric next to the error line, which is all that a run with an unreadable object leaves: it ends well."""
    store = MemoryStore()
    store.create(object_names.landed_file(row("2013-01-01")["flight_date"], "f" * 32), b"?")
    land(store, [row("2013-01-01")])
    made = compactor(store, tmp_path)
    collector = GarbageCollector(store, made.planner, 600.0, 2)
    with written("ingest_writer") as lines:
        Compaction(made, collector, _published, CompactorMetrics(CollectorRegistry())).run()
        [ran] = [line for line in lines() if counts_as("compaction", line)]
        [wrong] = [line for line in lines() if line["severity"] == "ERROR"]
    assert local("gauge")["not_merged"]["field"] == "unreadable"
    assert field_of(ran, "unreadable") == 1
    assert wrong["message"].startswith("unreadable, left alone: landing/")


def test_a_run_that_does_not_publish_is_counted_once_and_succeeds(tmp_path: Path) -> None:
    def refuse() -> Published:
        raise StoreAccessDeniedError("no")

    lines = compactor_lines(tmp_path, "2013-01-01", publish=refuse)
    assert sum(counts("unpublished", line) for line in lines) == 1
    assert sum(counts("commits", line) for line in lines if counts_as("compaction", line)) == 1
    assert not any(counts("unpublished", line) for line in compactor_lines(tmp_path, "2013-01-01"))


@pytest.mark.parametrize("good", [True, False])
def test_a_canary_is_counted_once_as_good_or_bad(good: bool) -> None:
    line = canary_line(good)
    assert counts("canary", line)
    assert counts("canary_good", line) is good
    assert counts("canary_bad", line) is not good
    assert_numbers(line, gauges("canary"))


def test_every_gauge_is_of_lines_that_are_tested_here() -> None:
    assert {gauge["lines"] for gauge in local("gauge").values()} == {
        "${local.batch}",
        "${local.compaction}",
        "${local.canary}",
    }
    made = resources(MAIN)["google_logging_metric.gauge"]
    assert made["value_extractor"] == "EXTRACT(jsonPayload.${each.value.field})"


def test_fields_of_requests_are_the_request_logs() -> None:
    """They count lines of Cloud Run's front end, which have HttpRequest's fields, and never ours as well."""
    filters = payload(" ".join(counter["filter"] for counter in local("counter").values()))
    assert set(re.findall(r"httpRequest\.(\w+)", filters)) <= HTTP_REQUEST
    assert "run.googleapis.com%2Frequests" in local("users_gets")


def test_our_own_line_of_a_request_has_the_same_field_names() -> None:
    line = request_line("/v1/stats?date_from=yesterday")
    assert set(line["httpRequest"]) <= HTTP_REQUEST
    assert re.fullmatch(r"\d+\.\d+s", line["httpRequest"]["latency"])
    assert (line["httpRequest"]["status"], line["route"], line["problem"]) == (422, "/v1/stats", "parameter")
