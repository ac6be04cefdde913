"""The probe against the local cloud: the real services, and services that lie."""

from __future__ import annotations

import datetime as dt
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from local_cloud.processes.supervise import free_port
from probe.__main__ import main
from probe.canary import Canary, send_canary
from probe.deployed import DeployProbe
from probe.errors import ConfigError, ProbeFailedError
from probe.flight import flight_of_build, flight_of_minute, flight_of_number
from probe.service import Answer, Service, open_service
from probe.settings import load_settings
from query_service.auth.api_keys import new_key
from tests.repo.deploy.build_run import NEW, Run
from tests.system.integration.conftest import System, system

pytestmark = pytest.mark.early

BUILD = "3f2504e0-4f89-11d3-9a0c-0305e82c3301"
NOW = dt.datetime(2026, 11, 24, 12, 0, 0, 123456, tzinfo=dt.UTC)
CLOUD = {"PROBE_URL": "http://127.0.0.1:1", "PUBSUB_TOPIC": "projects/p/topics/t"}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    with system(tmp_path_factory.mktemp("probe")) as everything:
        everything.start_writer("writer")
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
    assert run["images"] == NEW


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
    assert "refuses whoever has no API key" in run.said
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


def test_key_is_taken_as_it_is_meant_when_its_secret_ends_with_a_newline() -> None:
    assert load_settings({**CLOUD, "PROBE_API_KEY": "flk_key\n"}).api_key == "flk_key"
    assert load_settings({**CLOUD, "PROBE_API_KEY": ""}).api_key is None


@pytest.mark.usefixtures("cloud")
def test_probe_is_harmless_when_a_build_is_run_again_beside_another(capsys: pytest.CaptureFixture[str]) -> None:
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


class Metadata(BaseHTTPRequestHandler):
    """The metadata server of Cloud Run, and an API that wants its token."""

    def do_GET(self) -> None:
        wants = "Metadata-Flavor" if self.path.startswith("/computeMetadata") else "Authorization"
        body = f"token-for-{self.path}" if wants == "Metadata-Flavor" else str(self.headers[wants])
        self.send_response(200 if self.headers[wants] else 403)
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""


def test_identity_token_of_the_audience_is_sent_when_one_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), Metadata) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,)).start()
        address = f"127.0.0.1:{server.server_address[1]}"
        monkeypatch.setenv("GCE_METADATA_HOST", address)
        settings = load_settings({**CLOUD, "PROBE_URL": f"http://{address}", "PROBE_AUDIENCE": "https://api"})
        answer = open_service(settings).get("/v1/lake")
        server.shutdown()
    assert answer.status == 200
    assert answer.body.startswith("Bearer token-for-/computeMetadata/")
    assert "audience=https%3A%2F%2Fapi" in answer.body


def test_flight_of_a_build_is_its_own_and_an_event_that_is_taken() -> None:
    flight = flight_of_build(BUILD, NOW)
    assert flight == flight_of_build(BUILD, NOW)
    assert flight.tail_number == "3f2504e04f"
    assert flight.event()["carrier"] == "ZZ"
    others = {flight_of_build(f"build-{number}", NOW).flight_id for number in range(10_000)}
    assert len(others) == 10_000


def test_canary_of_each_minute_of_a_day_is_another_flight() -> None:
    midnight = NOW.replace(hour=0, minute=0)
    minutes = {flight_of_minute(midnight + dt.timedelta(minutes=n)).flight_id for n in range(24 * 60)}
    assert len(minutes) == 24 * 60


def test_canary_of_a_number_is_another_flight_for_each_of_them() -> None:
    assert len({flight_of_number(number, NOW).flight_id for number in range(1, 10_000)}) == 9999
    assert flight_of_number(12 * 60 + 1, NOW) == flight_of_minute(NOW)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"PROBE_URL": "ftp://x"}, "PROBE_URL is 'ftp://x'; it takes http(s)://HOST"),
        ({"PROBE_URL": "https://host/path"}, "PROBE_URL is"),
        ({"PUBSUB_TOPIC": "flights"}, "it takes projects/PROJECT/topics/NAME"),
        ({"PROBE_WITHIN_S": "soon"}, "PROBE_WITHIN_S is 'soon'; it takes 1 to 3600 seconds"),
        ({"PROBE_WITHIN_S": "nan"}, "it takes 1 to 3600 seconds"),
        ({"PROBE_URI": "x"}, "PROBE_URI: nothing reads this"),
    ],
)
def test_start_stops_when_a_setting_is_wrong(wrong: dict[str, str], said: str) -> None:
    with pytest.raises(ConfigError) as error:
        load_settings({**CLOUD, **wrong})
    assert said in str(error.value)


class Replayed(Service):
    """A service whose answers are made up: right ones, but where a test says otherwise."""

    def __init__(self, lies: Mapping[str, Answer | Callable[[Answer], Answer]], message: Callable[[], str]) -> None:
        super().__init__("http://service", {})
        self.lies = lies
        self.message = message

    def get(self, path: str, parameters: Any = None, timeout_s: float = 15.0) -> Answer:
        parameters = parameters or {}
        name = "users" if path == "/v1/stats" and "carrier" not in parameters and "date_to" in parameters else path
        lie = self.lies.get("/v1/flight" if path.startswith("/v1/flights/") else name)
        if isinstance(lie, Answer):
            return lie
        truth = self.truth(path, parameters)
        return truth if lie is None else lie(truth)

    def truth(self, path: str, parameters: Mapping[str, Any]) -> Answer:
        if path.startswith("/v1/flights/"):
            event = flight_of_build(BUILD, NOW).event()
            return ok({**event, "departure_delay_minutes": 7, "source": {"message_id": self.message()}})
        if parameters.get("date_from") == "yesterday":
            return problem(422, "date_from is 'yesterday'")
        if path == "/v1/stats":
            counted = 1 if parameters.get("carrier") == "ZZ" else 0
            row = {"flights": counted, "departed": counted, "arrived": 0, "cancelled": 0, "departure_delay_mean": 7.0}
            return ok([row])
        return {"/v1/nothing": problem(404, "nothing"), "/v1/flights": ok([])}.get(path, ok({}))


class Published:
    """A publisher that counts, and knows the last message."""

    def __init__(self) -> None:
        self.count = 0

    def publish(self, message: bytes) -> str:
        self.count += 1
        return self.last()

    def last(self) -> str:
        return f"m{self.count}"


def ok(data: Any) -> Answer:
    return Answer("http://service/x", 200, "application/json", {}, json.dumps({"data": data}))


def problem(status: int, detail: str) -> Answer:
    body = json.dumps({"status": status, "detail": detail})
    return Answer("http://service/x", status, "application/problem+json", {}, body)


def changed(**fields: Any) -> Callable[[Answer], Answer]:
    """The right answer with some fields changed."""

    def change(answer: Answer) -> Answer:
        data = answer.json()["data"]
        return ok([{**data[0], **fields}] if isinstance(data, list) else {**data, **fields})

    return change


def probe(lies: Mapping[str, Answer | Callable[[Answer], Answer]]) -> None:
    published = Published()
    # One second: lies that the probe waits out are told again and again.
    DeployProbe(Replayed(lies, published.last), published, flight_of_build(BUILD, NOW), 1.0, lambda _: None).run()


def test_probe_passes_when_nothing_is_wrong() -> None:
    probe({})


@pytest.mark.parametrize(
    ("lies", "said"),
    [
        ({"/health": problem(503, "down")}, "expected 200 at /health"),
        ({"/ready": problem(503, "storage")}, "expected 200 at /ready"),
        ({"/v1/flight": problem(504, "not yet")}, "expected the flight that was published"),
        ({"/v1/flight": problem(401, "who are you")}, "saw 401"),
        ({"/v1/flight": changed(tail_number="other")}, "tail_number to be '3f2504e04f'"),
        ({"/v1/flight": changed(event_time="2026-11-24T12:00:00.123455+00:00")}, "event_time to be"),
        ({"/v1/flight": changed(departure_delay_minutes=None)}, "a delay of 7 minutes"),
        ({"/v1/flight": changed(source={"message_id": "m1"})}, "expected message m2 as the flight's source"),
        ({"/v1/stats": changed(flights=2)}, "flights = 1 in the statistics of ZZ"),
        ({"/v1/stats": changed(departure_delay_mean=8)}, "departure_delay_mean = 7"),
        ({"users": changed(flights=1)}, "users' statistics to leave it out"),
        ({"/v1/flights": ok([{"carrier": "ZZ"}])}, "users' flights to leave it out"),
        ({"/v1/nothing": Answer("u", 404, "text/html", {}, "no")}, "application/problem+json, not text/html"),
        ({"/v1/nothing": ok({})}, "expected status 404"),
    ],
)
def test_probe_fails_when_the_service_is_wrong(
    lies: Mapping[str, Answer | Callable[[Answer], Answer]], said: str
) -> None:
    with pytest.raises(ProbeFailedError) as error:
        probe(lies)
    assert said in str(error.value)


def test_probe_fails_when_the_parameter_is_not_named() -> None:
    def unnamed(answer: Answer) -> Answer:
        return problem(422, "no") if answer.status == 422 else answer

    with pytest.raises(ProbeFailedError, match="name the parameter date_from"):
        probe({"/v1/stats": unnamed})


def canary(lies: Mapping[str, Answer | Callable[[Answer], Answer]]) -> Canary:
    published = Published()
    return send_canary(Replayed(lies, published.last), published, flight_of_minute(NOW))


@pytest.mark.parametrize(
    ("lies", "why"),
    [
        ({"/v1/flight": problem(504, "not yet")}, "not visible: 504 from http://service/x"),
        ({"/v1/stats": changed(flights=2)}, "counted 2 times"),
        ({"/v1/stats": changed(flights=0)}, "counted 0 times"),
        ({"/v1/stats": Answer("u", 200, "text/html", {}, "<html>")}, "expected JSON"),
    ],
)
def test_canary_is_bad_when_it_is_not_visible_exactly_once(
    lies: Mapping[str, Answer | Callable[[Answer], Answer]], why: str
) -> None:
    seen = canary(lies)
    assert not seen.good
    assert why in seen.why
    assert json.loads(seen.line())["severity"] == "ERROR"


def test_canary_is_bad_when_it_cannot_be_published() -> None:
    class Refused(Published):
        def publish(self, message: bytes) -> str:
            raise ProbeFailedError("expected the topic to take a message; saw 403")

    seen = send_canary(Replayed({}, lambda: ""), Refused(), flight_of_minute(NOW))
    assert not seen.good
    assert seen.why == "expected the topic to take a message; saw 403"
    assert seen.snapshot is None
