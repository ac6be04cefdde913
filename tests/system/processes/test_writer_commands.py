"""The commands as an operator runs them: processes, signals, exit codes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from deltalake import DeltaTable
from google.cloud import pubsub_v1

from lakehouse import object_names
from lakehouse.store.local import LocalStore
from lakehouse.store.store import Store
from local_cloud.emulators.pubsub import PubsubServer
from tests._support.events.builders import encode, event, line
from tests._support.lakes.compactors import latest, problems, table_rows
from tests._support.lakes.rows import land, row
from tests._support.processes.commands import (
    SUBSCRIPTION,
    TOPIC,
    free_port,
    get,
    run,
    started,
    storage_without_answers_to_uploads,
)


@pytest.fixture
def lake(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "lake")


# -- compact, load, replay-rejected ----------------------------------------------------------------------------


def test_compact_merges_commits_publishes_and_ends_with_0(lake: Store) -> None:
    rows = [row("2013-01-01"), row("2013-02-01")]
    for each in rows:
        land(lake, [each])
    done = run("compact", LAKE_URL=lake.url, COMPACTOR_MERGE_MAX_FILES="1")  # so that one run is not enough
    assert done.returncode == 0, done.stderr
    assert "compacted: snapshot=1 months=2 absorbed=2 pending=0" in done.stderr
    assert table_rows(lake) == rows
    delta = DeltaTable(lake.url.removeprefix("file://") + "/flights")
    assert delta.version() == latest(lake).number
    assert sorted(path.partition("flights/")[2] for path in delta.file_uris()) == [
        latest(lake).months[month][0].name.removeprefix("flights/") for month in ("2013-01", "2013-02")
    ]
    assert lake.read(object_names.ICEBERG_HINT) == str(latest(lake).number).encode()
    assert problems(lake) == ()


def test_compact_goes_on_until_nothing_is_pending(lake: Store) -> None:
    for number in range(1, 6):
        land(lake, [row(number=number)])
    done = run("compact", LAKE_URL=lake.url, COMPACTOR_MERGE_MAX_FILES="2")  # three merges for five files
    assert done.returncode == 0, done.stderr
    assert latest(lake).number == 3
    assert len(table_rows(lake)) == 5


def test_compact_on_an_empty_lake_does_nothing(tmp_path: Path) -> None:
    done = run("compact", LAKE_URL=f"file://{tmp_path}/new")
    assert done.returncode == 0, done.stderr
    assert "snapshot=0 months=0 absorbed=0" in done.stderr


def test_compact_ends_with_0_and_names_what_it_could_not_read(lake: Store) -> None:
    """One alert says what is wrong, by the line: a run that fails for it, every time, would open two more."""
    bad = object_names.landed_file(row()["flight_date"], "f" * 32)
    lake.create(bad, b"?")
    land(lake, [row()])
    done = run("compact", LAKE_URL=lake.url, COMPACTOR_LOG_FORMAT="json")
    assert done.returncode == 0, done.stderr
    lines = [json.loads(text) for text in done.stderr.splitlines()]
    assert {line["object"] for line in lines if line["severity"] == "ERROR"} == {bad}
    assert {line["unreadable"] for line in lines if "absorbed_files" in line} == {1}
    assert len(table_rows(lake)) == 1


def test_compact_every_so_often_runs_until_sigterm(lake: Store, tmp_path: Path) -> None:
    # A hundredth of a second: so that the test need not wait.
    with started(tmp_path / "log", "compact", "--every", "0.01", LAKE_URL=lake.url) as process:
        for number in range(1, 4):
            land(lake, [row(number=number)])
            process.until(lambda number=number: latest(lake).number == number, "it is compacted")  # type: ignore[misc]
        code, seconds = process.terminate()
    assert (code, seconds < 8) == (0, True), process.log
    assert len(table_rows(lake)) == 3


def test_load_and_replay_rejected_say_what_they_did(lake: Store, tmp_path: Path) -> None:
    file = tmp_path / "flights.ndjson"
    file.write_bytes(line(unlisted=1) + b"\n" + line(flight_number=2) + b"\n" + b"bad\n")
    loaded = run("load", str(file), LAKE_URL=lake.url)
    assert loaded.returncode == 3, loaded.stderr  # some were rejected
    summary = [" ".join(each.split()) for each in loaded.stdout.splitlines()]
    assert f"3 2 1 {file}" in summary
    assert f"1 {file}:3 not JSON: Expecting value: line 1 column 1 (char 0)" in summary
    assert "ignored the column 'unlisted' in 1 rows: no event has it" in summary
    assert summary[-1] == "into 1 months, snapshot 1"
    assert lake.read(object_names.ICEBERG_HINT) == b"1"
    replayed = run("replay-rejected", LAKE_URL=lake.url)
    assert replayed.returncode == 1, replayed.stderr  # none landed
    assert replayed.stdout.splitlines()[0] == "read 1 lines of 1 files: landed 0, rejected 1"


def test_a_load_that_cannot_publish_has_loaded_and_says_so(lake: Store, tmp_path: Path) -> None:
    file = tmp_path / "flights.ndjson"
    file.write_bytes(line() + b"\n")
    lake.create(object_names.delta_commit(9), b"{}\n")  # of no snapshot
    loaded = run("load", str(file), LAKE_URL=lake.url)
    assert loaded.returncode == 0, loaded.stderr
    assert "the Delta or Iceberg table is not up to date" in loaded.stderr
    assert "publish --rebuild" in loaded.stderr


def test_publish_brings_the_tables_up_to_date_and_writes_them_anew(lake: Store) -> None:
    land(lake, [row("2013-01-01")])
    assert run("compact", LAKE_URL=lake.url).returncode == 0
    for name in (object_names.delta_commit(1), object_names.ICEBERG_HINT):
        lake.delete(name)
    done = run("publish", LAKE_URL=lake.url)
    assert (done.returncode, done.stdout) == (0, "Delta table at version 1, Iceberg table at snapshot 1\n"), done.stderr
    lake.delete(object_names.delta_commit(0))
    assert len(problems(lake)) == 1
    done = run("publish", "--rebuild", LAKE_URL=lake.url)
    assert (done.returncode, done.stdout) == (0, "Delta table at version 1, Iceberg table at snapshot 1\n"), done.stderr
    assert problems(lake) == ()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"COMPACTOR_MEMORY": "1"}, "COMPACTOR_MEMORY: nothing reads this"),
        ({"LAKE_URL": ""}, "LAKE_URL is not set"),
    ],
)
def test_a_wrong_setting_stops_the_start_with_2_and_is_named(
    settings: dict[str, str], message: str, tmp_path: Path
) -> None:
    done = run("compact", **{"LAKE_URL": f"file://{tmp_path}/lake"} | settings)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "lake").exists()


def test_a_lake_that_cannot_be_read_ends_with_1_without_a_traceback(tmp_path: Path) -> None:
    (tmp_path / "lake").mkdir()
    (tmp_path / "lake" / "landing").write_text("a file where a folder should be")
    store = LocalStore(tmp_path / "lake")
    store.create(object_names.snapshot(1), b"{}")
    done = run("compact", LAKE_URL=store.url)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr


# -- run -------------------------------------------------------------------------------------------------------


@pytest.fixture
def server() -> Iterator[PubsubServer]:
    with PubsubServer() as made:
        yield made


def _create_subscription(client: pubsub_v1.PublisherClient) -> None:
    """On the server that PUBSUB_EMULATOR_HOST names."""
    client.create_topic(name=TOPIC)
    with pubsub_v1.SubscriberClient() as subscriber:
        subscriber.create_subscription(name=SUBSCRIPTION, topic=TOPIC, ack_deadline_seconds=60)


@pytest.fixture
def publish(server: PubsubServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[pubsub_v1.PublisherClient]:
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", server.address)
    client = pubsub_v1.PublisherClient()
    _create_subscription(client)
    yield client
    client.stop()
    client.transport.close()


def _writer_settings(server: PubsubServer, lake_url: str, port: int) -> dict[str, str]:
    return {
        "LAKE_URL": lake_url,
        "PUBSUB_SUBSCRIPTION": SUBSCRIPTION,
        "PUBSUB_EMULATOR_HOST": server.address,
        "WRITER_PORT": str(port),
    }


def _landed(lake: Store) -> int:
    return len(list(lake.list(object_names.LANDING)))


def test_events_land_are_acked_and_sigterm_ends_with_0(
    lake: Store, server: PubsubServer, publish: pubsub_v1.PublisherClient, tmp_path: Path
) -> None:
    port = free_port()
    settings = _writer_settings(server, lake.url, port)
    settings["WRITER_BATCH_MAX_AGE_S"] = "0.1"  # the test need not wait for five seconds
    with started(tmp_path / "log", "run", **settings) as process:
        process.until(lambda: get(f"http://127.0.0.1:{port}/ready")[0] in (200, 503), "it listens")
        assert get(f"http://127.0.0.1:{port}/health") == (200, {"status": "ok"})
        for number in range(1, 501):
            publish.publish(TOPIC, line(flight_number=number))
        publish.publish(TOPIC, b"bad").result()
        process.until(lambda: server.broker.unacked_messages(SUBSCRIPTION) == 0, "all is acked")
        status, ready = get(f"http://127.0.0.1:{port}/ready")
        assert (status, ready["ready"], ready["storage"], ready["subscription"]) == (200, True, "ok", "ok")
        assert (ready["messages"], ready["rows"], ready["rejected"], ready["acked"]) == (501, 500, 1, 501)
        code, seconds = process.terminate()
    assert (code, seconds < 8) == (0, True), process.log
    assert "Traceback" not in process.log
    assert run("compact", LAKE_URL=lake.url).returncode == 0
    assert [r["flight_number"] for r in table_rows(lake)] == list(range(1, 501))
    assert len(list(lake.list(object_names.REJECTED))) == 1


def test_sigterm_lands_and_acks_what_is_held(
    lake: Store, server: PubsubServer, publish: pubsub_v1.PublisherClient, tmp_path: Path
) -> None:
    port = free_port()
    settings = _writer_settings(server, lake.url, port)
    settings["WRITER_BATCH_MAX_AGE_S"] = "300"  # nothing but the stop closes the batch
    with started(tmp_path / "log", "run", **settings) as process:
        publish.publish(TOPIC, b"\n".join(encode(event(flight_number=number)) for number in range(1, 51))).result()
        process.until(lambda: get(f"http://127.0.0.1:{port}/ready")[1].get("messages") == 1, "it was pulled")
        assert _landed(lake) == 0
        code, seconds = process.terminate()
    assert (code, seconds < 8) == (0, True), process.log
    assert _landed(lake) == 1, process.log
    assert server.broker.unacked_messages(SUBSCRIPTION) == 0


def test_sigterm_ends_in_time_while_storage_does_not_answer(
    server: PubsubServer, publish: pubsub_v1.PublisherClient, tmp_path: Path
) -> None:
    port = free_port()
    with storage_without_answers_to_uploads() as storage:
        settings = _writer_settings(server, "gs://flights-lake", port)
        settings |= {"STORAGE_EMULATOR_HOST": storage, "WRITER_BATCH_MAX_AGE_S": "0.1"}
        settings["WRITER_DRAIN_S"] = "1"  # instead of six, to wait less: what is left is the end itself
        with started(tmp_path / "log", "run", **settings) as process:
            publish.publish(TOPIC, line()).result()
            process.until(lambda: get(f"http://127.0.0.1:{port}/ready")[1].get("messages") == 1, "it was pulled")
            code, seconds = process.terminate()
    assert code == 0, process.log
    assert seconds < 4, "an upload that hangs for its 30 s held up the end"
    assert "stopped with 1 messages unacked" in process.log
    assert server.broker.unacked_messages(SUBSCRIPTION) == 1


def test_a_writer_whose_storage_takes_uploads_and_does_not_answer_says_so(
    server: PubsubServer, publish: pubsub_v1.PublisherClient, tmp_path: Path
) -> None:
    port = free_port()
    with storage_without_answers_to_uploads() as storage:
        settings = _writer_settings(server, "gs://flights-lake", port)
        settings |= {"STORAGE_EMULATOR_HOST": storage, "WRITER_BATCH_MAX_AGE_S": "0.1"}
        # Tiny, to wait less: anything below the 30 s after which the first upload fails shows the same.
        settings["WRITER_UPLOAD_STALL_S"] = "0.5"
        with started(tmp_path / "log", "run", **settings) as process:
            publish.publish(TOPIC, line()).result()
            process.until(
                lambda: "no answer" in get(f"http://127.0.0.1:{port}/ready")[1].get("storage", ""), "it says so"
            )
            assert get(f"http://127.0.0.1:{port}/ready")[0] == 503
            assert get(f"http://127.0.0.1:{port}/health")[0] == 200
            assert "storage is away" not in process.log, "the upload itself had not failed yet"


def test_a_writer_that_loses_pubsub_is_not_ready_says_so_and_ends_in_time(
    lake: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = free_port()
    with ExitStack() as stack:
        with PubsubServer() as lost:
            monkeypatch.setenv("PUBSUB_EMULATOR_HOST", lost.address)
            with pubsub_v1.PublisherClient() as client:
                _create_subscription(client)
            process = stack.enter_context(started(tmp_path / "log", "run", **_writer_settings(lost, lake.url, port)))
            process.until(lambda: "writer starts" in process.log, "it runs")
        process.until(lambda: "pubsub is away" in process.log, "it says so")
        status, ready = get(f"http://127.0.0.1:{port}/ready")
        assert (status, ready["ready"]) == (503, False)
        assert re.search("UNAVAILABLE|CANCELLED", ready["subscription"])  # as the server ended calls, or took none
        assert get(f"http://127.0.0.1:{port}/health")[0] == 200
        code, seconds = process.terminate()
    assert (code, seconds < 8) == (0, True), process.log


def test_run_ends_with_2_when_its_port_is_taken(lake: Store, server: PubsubServer) -> None:
    done = run("run", **_writer_settings(server, lake.url, server.port))
    assert done.returncode == 2
    assert f"WRITER_PORT is {server.port}" in done.stderr
