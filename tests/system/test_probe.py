"""The probe against the local cloud: the commands, as Cloud Build and the canary's job run them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from local_cloud.processes.supervise import free_port
from probe.__main__ import main
from query_service.auth.api_keys import new_key
from tests._support.processes.system import System, system
from tests.repo.deploy.build_run import Run

pytestmark = pytest.mark.early

BUILD = "3f2504e0-4f89-11d3-9a0c-0305e82c3301"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    with system(tmp_path_factory.mktemp("probe")) as everything:
        everything.start_writer("writer", {"WRITER_BATCH_MAX_AGE_S": "0.1"})  # which every probe waits for, twice
        yield everything


@pytest.fixture
def cloud(running: System, monkeypatch: pytest.MonkeyPatch) -> System:
    """The settings of a probe of the running API, in this process."""
    for name, value in {**running.environment, "PROBE_URL": str(running.api.base_url)}.items():
        monkeypatch.setenv(name, value)
    return running


def test_cloud_build_moves_traffic_after_an_event_went_through_everything(cloud: System, tmp_path: Path) -> None:
    run = Run(tmp_path, api=str(cloud.api.base_url), environment=cloud.environment)
    assert run.build(), run.said
    assert "count it once after the same event came twice" in run.said
    assert run["serving"] == "flights-api-1"
    assert run["images"] == run.new


def test_cloud_build_probes_with_the_key_from_the_secret_when_the_revision_wants_one(
    cloud: System, tmp_path: Path
) -> None:
    key, entry = new_key("probe")
    (tmp_path / "hashes").write_text(f"{entry}\n")
    url = f"http://127.0.0.1:{(port := free_port())}"
    settings = {**cloud.environment, "PORT": str(port), "API_KEYS_FILE": str(tmp_path / "hashes")}
    cloud.processes.start("keyed", ["query_service"], settings)
    cloud.processes.wait_until_answers("keyed", f"{url}/ready")
    run = Run(tmp_path, api=url, environment=cloud.environment, settings=["LAKE_URL", "API_KEYS_FILE"])
    run.secrets = {"flights-probe-key": key}
    assert run.build(), run.said
    assert "refuses requests without an API key" in run.said
    assert not any(key in line for line in [*run["log"], run.said])
    run.secrets = {"flights-probe-key": new_key("probe")[0]}
    assert not run.build("another-build")
    assert "The API key in the header X-API-Key is not known here." in run.said
    assert run["serving"] == "flights-api-1"


@pytest.mark.usefixtures("cloud")
def test_probe_fails_when_a_revision_that_was_meant_to_want_a_key_lets_everybody_in(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PROBE_API_KEY", "flk_any")
    assert main(["deploy", "--id", BUILD]) == 1
    assert "without an API key; saw 200" in capsys.readouterr().err


@pytest.mark.usefixtures("cloud")
def test_probe_is_harmless_when_a_build_is_run_again_next_to_another(capsys: pytest.CaptureFixture[str]) -> None:
    with ThreadPoolExecutor(2) as builds:
        codes = list(builds.map(lambda build: main(["deploy", "--id", build]), (BUILD, "another-build")))
    assert codes == [0, 0], capsys.readouterr().err


@pytest.mark.usefixtures("cloud")
def test_canary_prints_one_line_with_what_it_saw(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["canary"]) == 0
    line = json.loads(capsys.readouterr().out)
    assert line["severity"] == "INFO"
    assert line["canary"]["good"] is True
    assert 0 < line["canary"]["seconds"] < 30
    assert line["canary"]["tail_files"] >= 1
    assert line["canary"]["rejected_files"] == 0


def test_probe_fails_with_what_it_saw_when_a_revision_reads_another_lake(
    cloud: System, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    url = f"http://127.0.0.1:{(port := free_port())}"
    cloud.processes.start("dark", ["query_service"], {"PORT": str(port), "LAKE_URL": tmp_path.as_uri()})
    cloud.processes.wait_until_answers("dark", f"{url}/ready")
    monkeypatch.setenv("PROBE_URL", url)
    monkeypatch.setenv("PROBE_WITHIN_S", "1")
    assert main(["deploy", "--id", BUILD]) == 1
    assert "expected the flight that was published within 1 s; saw 504" in capsys.readouterr().err


@pytest.mark.usefixtures("cloud")
def test_probe_fails_when_nobody_listens(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("PROBE_URL", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("PROBE_WITHIN_S", "1")
    assert main(["deploy", "--id", BUILD]) == 1
    assert "no answer" in capsys.readouterr().err


@pytest.mark.usefixtures("cloud")
def test_probe_fails_when_the_topic_is_not_there(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PUBSUB_TOPIC", "projects/local/topics/none")
    assert main(["deploy", "--id", BUILD]) == 1
    assert "expected projects/local/topics/none to take a message; saw NotFound" in capsys.readouterr().err
