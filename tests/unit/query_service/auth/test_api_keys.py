"""API keys: what the configuration takes, who is let in, and what is said in headers, over HTTP."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lakehouse.errors import ConfigError
from lakehouse.store.memory import MemoryStore
from query_service.auth.api_keys import Keys, load_keys, new_key
from query_service.auth.middleware import private
from tests._support.api import Api, serving
from tests._support.lake_builder import LakeBuilder, event

MOBILE, PARTNER, ROTATED = "flk_mobile-key-of-the-tests", "flk_partner-key-of-the-tests", "anything-may-be-a-key"
OPEN = ("/", "/health", "/ready", "/docs", "/openapi.json")
PAGES = ("/docs/oauth2-redirect", "/static/{version}/{path:path}")  # of the reference and the dashboard


def digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


CONFIGURED = f"mobile:{digest(MOBILE)},partner:{digest(PARTNER)},mobile:{digest(ROTATED)}"


def serving_keys(**settings: Any) -> Any:
    lake = LakeBuilder(MemoryStore())
    lake.land(event())
    return serving(lake.store, keys=load_keys(CONFIGURED, None), **settings)


@pytest.fixture(scope="module")
def api() -> Iterator[Api]:
    with serving_keys() as api:
        yield api


def get(api: Api, path: str, key: str) -> Any:
    return api.get(path, **{"X-API-Key": key})


# -- configuration ---------------------------------------------------------------------------------------------


def test_two_hashes_of_one_name_are_both_let_in() -> None:
    keys = load_keys(CONFIGURED, None)
    assert keys.names == ("mobile", "partner")
    assert [keys.name_of(key) for key in (MOBILE, PARTNER, ROTATED)] == ["mobile", "partner", "mobile"]


@pytest.mark.parametrize(
    "wrong", ["", MOBILE + "x", MOBILE[:-1], MOBILE.upper(), digest(MOBILE), "ü", "\ud800", "x" * 300]
)
def test_what_is_not_exactly_a_key_has_no_name(wrong: str) -> None:
    assert load_keys(CONFIGURED, None).name_of(wrong) is None


def test_every_key_is_compared_whichever_matches(monkeypatch: pytest.MonkeyPatch) -> None:
    import hmac

    compared = []

    def counted(one: str, other: str) -> bool:
        compared.append(other)
        return one == other

    monkeypatch.setattr(hmac, "compare_digest", counted)
    keys = load_keys(CONFIGURED, None)
    for key in (MOBILE, ROTATED, "wrong"):
        compared.clear()
        keys.name_of(key)
        assert compared == [known for _, known in keys.entries]


def test_a_file_holds_one_entry_a_line(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text(f"# callers\nmobile:{digest(MOBILE)}  # the app\n\npartner:{digest(PARTNER)}\n")
    assert load_keys("", file).names == ("mobile", "partner")


@pytest.mark.parametrize(
    "text",
    [
        *(MOBILE, f"mobile:{MOBILE}", f"mobile:{digest(MOBILE).upper()}", f"mobile:{digest(MOBILE)},"),
        *(f":{digest(MOBILE)}", f"Mobile:{digest(MOBILE)}", f"none:{digest(MOBILE)}", f"{'a' * 41}:{digest(MOBILE)}"),
        *(f"a:{digest(MOBILE)},b:{digest(MOBILE)}", ",".join(f"k{n}:{n:064x}" for n in range(1001))),
    ],
)
def test_wrong_entries_are_refused_without_showing_what_they_hold(text: str) -> None:
    with pytest.raises(ConfigError, match="API_KEYS") as raised:
        load_keys(text, None)
    assert MOBILE not in str(raised.value)
    assert digest(MOBILE) not in str(raised.value).lower()


@pytest.mark.parametrize("content", [None, "", "# nobody yet\n"])
def test_a_file_without_keys_is_refused_and_does_not_open_the_door(content: str | None, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "keys").write_text(content)
    with pytest.raises(ConfigError, match="API_KEYS_FILE"):
        load_keys("", tmp_path / "keys")


def test_both_places_at_once_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="both set"):
        load_keys(CONFIGURED, tmp_path / "keys")


def test_a_new_key_is_let_in_by_its_entry_and_its_name_is_checked() -> None:
    key, entry = new_key("mobile-2")
    assert re.fullmatch(r"flk_[A-Za-z0-9_-]{43}", key)
    assert load_keys(entry, None).name_of(key) == "mobile-2"
    assert new_key("mobile-2")[0] != key
    with pytest.raises(ConfigError, match="name"):
        new_key("a b")


def command(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {k: v for k, v in os.environ.items() if not k.startswith("API_") and k != "LAKE_URL"}
    return subprocess.run(
        [sys.executable, "-m", "query_service", *arguments],
        env=clean | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_command_prints_a_key_and_its_entry() -> None:
    done = command("new-key", "mobile")
    assert (done.returncode, done.stderr) == (0, "")
    _, key, _, entry = (line.strip() for line in done.stdout.splitlines())
    assert load_keys(entry, None).name_of(key) == "mobile"


@pytest.mark.parametrize(
    "environment",
    [{"API_KEYS": MOBILE}, {"API_KEYS_FILE": "/nowhere"}, {"API_KEYS": CONFIGURED, "API_KEYS_FILE": "/x"}],
)
def test_the_process_does_not_start_with_wrong_keys(environment: dict[str, str], tmp_path: Path) -> None:
    done = command(LAKE_URL=f"file://{tmp_path}", **environment)
    assert done.returncode == 2
    assert "API_KEYS" in done.stderr.splitlines()[-1]
    assert MOBILE not in done.stderr


# -- over HTTP -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path", ["/v1/stats", "/v1/flights", "/v1/flights/2013-01-01-UA-1545-EWR", "/v1/lake", "/v1/x"]
)
def test_data_needs_a_key(api: Api, path: str) -> None:
    missing, wrong = api.get(path), get(api, path, "flk_wrong-key-of-the-tests")
    for answer in (missing, wrong):
        assert answer.status_code == 401
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.headers["WWW-Authenticate"] == 'ApiKey realm="flights", header="X-API-Key"'
        assert answer.json()["type"] == "urn:flights-lakehouse:problem:key"
        assert "wrong-key" not in answer.text
    assert missing.json()["detail"] != wrong.json()["detail"]
    assert get(api, path, MOBILE).status_code == (404 if path == "/v1/x" else 200)


@pytest.mark.parametrize("path", ["/%761/stats", "/v1/%73tats"])
def test_another_spelling_of_a_path_needs_a_key_too(api: Api, path: str) -> None:
    assert api.get(path).status_code == 401
    assert get(api, path, MOBILE).status_code == 200


def test_two_keys_at_once_are_no_key(api: Api) -> None:
    headers = [("X-API-Key", MOBILE), ("X-API-Key", PARTNER)]
    assert api.run(api.client.get("/v1/stats", headers=headers)).status_code == 401


@pytest.mark.parametrize("path", OPEN)
def test_what_holds_no_data_needs_no_key(api: Api, path: str) -> None:
    assert api.get(path).status_code in (200, 404)


def test_every_route_is_data_or_known_to_be_open(api: Api) -> None:
    paths = {str(getattr(route, "path", "")) for route in api.app.routes} - {""}
    assert {path for path in paths if not path.startswith("/v1/")} <= {*OPEN, *PAGES, "/metrics"}


def test_metrics_need_a_key_unless_they_are_opened() -> None:
    with serving_keys() as api:
        assert api.get("/metrics").status_code == 401
        assert get(api, "/metrics", MOBILE).status_code == 200
    with serving_keys(metrics_open=True) as api:
        assert api.get("/metrics").status_code == 200
        assert api.get("/v1/stats").status_code == 401


def test_answers_to_a_key_are_private(api: Api) -> None:
    assert get(api, "/v1/stats", MOBILE).headers["Cache-Control"] == "private, no-cache"
    assert get(api, "/v1/x", MOBILE).headers["Cache-Control"] == "no-store"


def test_without_keys_answers_are_not_private() -> None:
    with serving(MemoryStore()) as api:
        assert "private" not in api.get("/v1/stats").headers["Cache-Control"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "private"),
        ("no-cache", "private, no-cache"),
        ("public, max-age=31536000, immutable", "private, max-age=31536000, immutable"),
        ("private, no-cache", "private, no-cache"),
        ("no-store", "no-store"),
    ],
)
def test_public_becomes_private(before: str, after: str) -> None:
    assert private(before) == after


def test_the_document_asks_for_a_key_where_one_is_needed(api: Api) -> None:
    document = api.json("/openapi.json")
    assert document["components"]["securitySchemes"]["key"]["name"] == "X-API-Key"
    for path, item in document["paths"].items():
        assert ("security" in item["get"]) is path.startswith("/v1/"), path
        assert ("401" in item["get"]["responses"]) is path.startswith("/v1/"), path
    with serving(MemoryStore()) as anybody:
        assert "securitySchemes" not in anybody.json("/openapi.json").get("components", {})


# -- rate ------------------------------------------------------------------------------------------------------

SLOW = 0.001  # a request in a thousand seconds: nothing comes back while the test runs


def test_above_the_rate_a_key_is_sent_away_with_when_to_come_back() -> None:
    with serving_keys(rate_per_s=SLOW, rate_burst=2) as api:
        first, second, third = (get(api, "/v1/stats", MOBILE) for _ in range(3))
        assert [answer.status_code for answer in (first, second, third)] == [200, 200, 429]
        assert first.headers["RateLimit-Policy"] == '"per-key";q=2;w=2000'
        assert [a.headers["RateLimit"].partition(";t=")[0] for a in (first, second, third)] == [
            '"per-key";r=1',
            '"per-key";r=0',
            '"per-key";r=0',
        ]
        assert third.headers["RateLimit"] == f'"per-key";r=0;t={third.headers["Retry-After"]}'
        assert 900 < int(third.headers["Retry-After"]) <= 1000
        assert third.json()["type"] == "urn:flights-lakehouse:problem:rate"
        assert third.headers["Cache-Control"] == "no-store"
        assert get(api, "/v1/stats", ROTATED).status_code == 429  # the same caller
        assert get(api, "/v1/stats", PARTNER).status_code == 200
        assert get(api, "/metrics", MOBILE).status_code == 200
        assert "RateLimit" not in api.get("/v1/stats").headers  # 401: nobody's quota


def test_without_keys_the_instance_has_one_rate() -> None:
    with serving(MemoryStore(), rate_per_s=SLOW, rate_burst=1) as api:
        assert api.get("/v1/stats").headers["RateLimit-Policy"] == '"per-instance";q=1;w=1000'
        assert api.get("/v1/stats", **{"X-API-Key": MOBILE}).status_code == 429
        assert api.get("/health").status_code == 200


def test_without_a_rate_no_header_speaks_of_one() -> None:
    with serving(MemoryStore()) as api:
        assert not [name for name in api.get("/v1/stats").headers if name.startswith("ratelimit")]


def test_no_keys_lets_nobody_be_named() -> None:
    assert Keys().name_of(MOBILE) is None
