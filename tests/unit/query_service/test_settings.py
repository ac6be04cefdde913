"""Settings: what is read, what is refused, and what --help says of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from lakehouse.errors import ConfigError
from query_service.__main__ import main
from query_service.settings import Settings, load_settings, memory_needed_mb


def test_every_variable_is_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    given = {
        "LAKE_URL": "gs://bucket",
        "PORT": "1234",
        "API_HOST": "127.0.0.1",
        "API_MAX_CONNECTIONS": "200",
        "API_MAX_PIPELINED_REQUESTS": "17",
        "API_MAX_CONNECTIONS_PER_CALLER": "50",
        "API_PROBE_CONNECTIONS": "3",
        "API_SEND_STALL_S": "2.5",
        "API_BACKLOG_CONNECTIONS": "13",
        "API_KEEP_ALIVE_S": "14",
        "API_HEAD_KB": "15",
        "API_URL_KB": "16",
        "API_MAX_HEADERS": "21",
        "API_MAX_HEADER_ITEMS": "22",
        "API_PLAN_MAX_AGE_S": "0.5",
        "API_PLAN_TIMEOUT_S": "2",
        "API_LAKE_MAX_AGE_S": "17.5",
        "API_INVENTORY_MAX_AGE_S": "16.5",
        "API_FILE_CACHE_MB": "100",
        "API_CACHE_DIR": str(tmp_path),
        "API_MAX_CONCURRENT_QUERIES": "3",
        "API_QUEUE_LIMIT": "4",
        "API_QUERY_TIMEOUT_S": "5.5",
        "API_SEND_TIMEOUT_S": "9.5",
        "API_SEND_BUFFER_MB": "10",
        "API_DUCKDB_MEMORY_MB": "256",
        "API_MAX_LONG_POLLS": "6",
        "API_MAX_LONG_POLLS_PER_CALLER": "5",
        "API_CANARY_LONG_POLLS": "1",
        "API_CANARY_KEY": "canary",
        "API_DISK_CHECK_S": "1.5",
        "API_FILTER_MAX_VALUES": "7",
        "API_RESULT_CACHE_MB": "8",
        "API_ROLLUP_CACHE_MB": "9",
        "API_ROLLUP_MIN_ROWS": "10",
        "API_TAIL_CACHE_MB": "11",
        "API_TAIL_CACHE_MIN_KB": "12",
        "API_LONG_TAIL_MB": "18",
        "API_LONG_TAIL_MIN_FILES": "19",
        "API_KEYS": "mobile:" + "a" * 64,
        "API_KEYS_FILE": "/keys",
        "API_RATE_PER_S": "7.5",
        "API_RATE_BURST": "8",
        "API_PARTIAL_READ_S": "6.5",
        "API_ROOT_PATH": "/flights",
        "API_METRICS_OPEN": "True",
        "API_CORS_ORIGINS": "https://a.example,http://localhost:3000",
        "API_DOCUMENTS_URL": "https://docs.example/flights",
        "API_TLS_IN_FRONT": "True",
        "API_PROXY_HOPS": "9",
        "API_LOG_FORMAT": "text",
        "API_LOG_LINES_PER_MINUTE": "30",
        "API_TRACE_PROJECT": "project-1",
    }
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    settings = load_settings()
    assert len(given) == len(Settings.model_fields)
    assert [str(getattr(settings, name.removeprefix("API_").lower())) for name in given] == [
        {"2": "2.0"}.get(value, value) for value in given.values()
    ]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("API_PLAN_MAX_AGE", "1"), ("API_CACHE_SIZE_MB", "1"), ("api_colour", "red"), ("API_", "")),
        *(("API_PLAN_MAX_AGE_S", "soon"), ("API_PLAN_MAX_AGE_S", "-1"), ("API_MAX_CONCURRENT_QUERIES", "0")),
        *(("PORT", "http"), ("PORT", "70000"), ("LAKE_URL", ""), ("API_FILE_CACHE_MB", "")),
        *(("API_LOG_FORMAT", "xml"), ("API_RATE_PER_S", "-1"), ("API_RATE_BURST", "0"), ("API_PROXY_HOPS", "-1")),
        *(("API_CORS_ORIGINS", "a.example"), ("API_CORS_ORIGINS", "https://a.example/"), ("API_CORS_ORIGINS", "*,")),
    ],
)
def test_what_is_unknown_or_wrong_is_named_in_one_line(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv("LAKE_URL", "gs://bucket")
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError) as raised:
        load_settings()
    assert name in str(raised.value)
    assert "\n" not in str(raised.value)


def test_the_lake_has_no_default() -> None:
    with pytest.raises(ConfigError, match="LAKE_URL is not set"):
        load_settings()


@pytest.mark.parametrize(
    ("environment", "named"),
    [
        ({"API_PLAN_AGE": "1", "LAKE_URL": "file:///tmp/lake"}, "API_PLAN_AGE"),
        ({"LAKE_URL": "s3://bucket"}, "LAKE_URL"),
        ({"LAKE_URL": "file:///tmp/no/such/lake"}, "LAKE_URL is 'file:///tmp/no/such/lake'; there is no such folder"),
        ({"LAKE_URL": "file:///tmp", "API_CACHE_DIR": "/proc/nowhere"}, "API_CACHE_DIR"),
    ],
)
def test_it_does_not_start_with_a_wrong_setting(
    environment: dict[str, str], named: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("lakehouse.telemetry.logs.configure", lambda *_, **__: None)
    assert main([]) == 2
    said = capsys.readouterr().err
    assert len(said.splitlines()) == 1
    assert named in said


def test_help_names_every_setting_with_its_default_and_does_not_serve(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    said = capsys.readouterr()
    assert (ended.value.code, said.err) == (0, "")
    assert "serves the API" in said.out
    for text in ("LAKE_URL (required)", "PORT (default 8080)", "API_QUERY_TIMEOUT_S (default 10.0 seconds)"):
        assert text in said.out
    assert said.out.count("API_") >= len(Settings.model_fields) - 2
    for name, setting in Settings.model_fields.items():
        assert setting.description, name  # the reason for its default


@pytest.mark.parametrize("argument", ["serve", "--port=1", "-x", "--hel"])
def test_an_argument_that_it_does_not_take_ends_it_with_2(argument: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([argument])
    assert ended.value.code == 2
    assert argument in capsys.readouterr().err


@pytest.mark.parametrize("name", [name for name in Settings.model_fields if name.endswith("_mb")])
def test_every_setting_in_megabytes_counts_as_memory(name: str) -> None:
    less, more = (Settings(LAKE_URL="memory://", **{name: value}) for value in (100, 200))  # type: ignore[arg-type, call-arg]
    assert memory_needed_mb(more) - memory_needed_mb(less) in (100, 200)


def test_the_defaults_fit_into_an_instance_of_2_gib() -> None:
    defaults = Settings(LAKE_URL="memory://", duckdb_memory_mb=512, rollup_cache_mb=128)  # type: ignore[call-arg]
    assert memory_needed_mb(defaults) <= 2048 * 1.048


def test_idle_connections_are_kept_longer_than_proxies_keep_theirs() -> None:
    """Who closes last finds no request on its way: the usual 60 s of nginx, Envoy and load balancers."""
    assert Settings(lake_url="file:///lake").keep_alive_s > 60


@pytest.mark.parametrize("prefix", ["", "/flights", "/a/b", "/v1x", "/data/v1", "/.well-known/x", "/A_b~c.d-e"])
def test_a_path_prefix_is_taken(prefix: str) -> None:
    assert Settings(lake_url="file:///lake", root_path=prefix).root_path == prefix


@pytest.mark.parametrize(
    "prefix",
    [
        *("/", "flights", "/flights/", "//flights", "/a//b", "/a?b", "/a#b", "/a b", "/%66lights", "/a/../b", "/./a"),
        *("http://x/a", "/é", "/a\n", "/v1", "/v1/a", "/docs", "/static/x", "/openapi.json", "/health", "/metrics"),
    ],
)
def test_what_is_no_path_prefix_stops_the_start(monkeypatch: pytest.MonkeyPatch, prefix: str) -> None:
    monkeypatch.setenv("LAKE_URL", "file:///lake")
    monkeypatch.setenv("API_ROOT_PATH", prefix)
    with pytest.raises(ConfigError, match="API_ROOT_PATH"):
        load_settings()


@pytest.mark.parametrize(
    "url",
    [
        *("", "https://docs.example", "https://docs.example:8443/a/b.c", "https://[2001:db8::1]/a"),
        *("http://localhost:8000", "http://127.0.0.1:8000/site", "http://[::1]:8000"),
    ],
)
def test_the_address_of_the_documents_is_taken(url: str) -> None:
    assert Settings(lake_url="file:///lake", documents_url=url).documents_url == url


@pytest.mark.parametrize(
    "url",
    [
        *("http://docs.example", "http://127.0.0.1.example", "http://localhost.example", "javascript:alert(1)", "//a"),
        *("https://", "https://a..b", "https://user@a.example", "https://a.example:0", "https://a.example:99999"),
        *("https://a.example/", "https://a.example//b", "https://a.example/../b", "https://a.example/index.html"),
        *("https://a.example?b", "https://a.example/#b", 'https://a.example/"', "https://a.example/<b>", "https://a b"),
        *("https://a.example\n", "https://a.example/é", "HTTPS://a.example", "docs", "/docs", "ftp://a.example"),
    ],
)
def test_what_is_no_address_of_documents_stops_the_start(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("LAKE_URL", "file:///lake")
    monkeypatch.setenv("API_DOCUMENTS_URL", url)
    with pytest.raises(ConfigError, match="API_DOCUMENTS_URL"):
        load_settings()
