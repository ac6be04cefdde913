"""API keys: what the configuration takes, whose key is whose, and the command that makes one."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from lakehouse.errors import ConfigError
from query_service.__main__ import main
from query_service.auth.api_keys import Keys, load_keys, new_key
from tests._support.api.keys import CONFIGURED, MOBILE, PARTNER, ROTATED, digest


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
def test_the_process_does_not_start_with_wrong_keys(
    environment: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in os.environ:
        if name.startswith("API_"):
            monkeypatch.delenv(name)
    for name, value in {"LAKE_URL": f"file://{tmp_path}", **environment}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("lakehouse.telemetry.logs.configure", lambda *_, **__: None)  # of this process
    assert main([]) == 2
    said = capsys.readouterr().err
    assert "API_KEYS" in said.splitlines()[-1]
    assert MOBILE not in said


def test_no_keys_lets_nobody_be_named() -> None:
    assert Keys().name_of(MOBILE) is None
