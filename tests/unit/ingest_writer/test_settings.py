"""Settings from the environment: defaults, errors that name the variable, and exit codes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ingest_writer.__main__ import main
from ingest_writer.settings import load_settings, subscription_from_environment
from ingest_writer.subscriber.options import Limits
from lakehouse.errors import ConfigError


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith(("WRITER_", "COMPACTOR_", "LAKE_URL", "PUBSUB_")):
            monkeypatch.delenv(name)


def test_defaults_suffice() -> None:
    writer, compactor, _ = load_settings()
    options = writer.options()
    assert options.limits == Limits(max_rows=200_000, max_bytes=64_000_000, max_age_s=5.0, max_dates=400)
    # A batch that waits for its age, and the drain after SIGTERM, must fit into what others promise.
    assert options.limits.max_age_s < options.ack_deadline_s
    assert options.drain_s < 8
    assert options.buffer_max_rows > options.limits.max_rows
    assert compactor.retention_s == 86_400


def test_a_variable_is_read_in_its_unit(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("WRITER_BATCH_MAX_AGE_S", "0.5")
    monkeypatch.setenv("WRITER_BATCH_MAX_MB", "3")
    monkeypatch.setenv("WRITER_BUFFER_MAX_MB", "7")
    monkeypatch.setenv("COMPACTOR_SCRATCH_DIR", str(tmp_path))
    writer, compactor, _ = load_settings()
    assert (writer.options().limits.max_age_s, writer.options().limits.max_bytes) == (0.5, 3_000_000)
    assert writer.options().buffer_max_bytes == 7_000_000
    assert compactor.scratch_dir == tmp_path


@pytest.mark.parametrize("name", ["WRITER_BATCH_MAX_AGE", "COMPACTOR_MEMORY", "WRITER_", "writer_prot"])
def test_a_variable_that_nothing_reads_is_named(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "1")
    with pytest.raises(ConfigError, match=f"{name}: nothing reads this; known are COMPACTOR_"):
        load_settings()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("WRITER_BATCH_MAX_AGE_S", "soon"),
        ("WRITER_BATCH_MAX_AGE_S", "0"),
        ("WRITER_BATCH_MAX_AGE_S", "nan"),
        ("WRITER_BATCH_MAX_ROWS", "1.5"),
        ("WRITER_BATCH_MAX_ROWS", ""),
        ("WRITER_PORT", "65536"),
        ("WRITER_PULL_MAX_MESSAGES", "1001"),
        ("WRITER_ACK_DEADLINE_S", "601"),
        ("WRITER_DRAIN_S", "-1"),
        ("COMPACTOR_MEMORY_MB", "63"),
        ("COMPACTOR_MONTHS_AT_ONCE", "0"),
        ("COMPACTOR_DELETE_GRACE_S", "-0.1"),
        ("COMPACTOR_RETENTION_S", "1 day"),
    ],
)
def test_a_bad_value_is_named_with_its_variable(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError) as caught:
        load_settings()
    assert str(caught.value).startswith(f"{name} is {value!r}: ")


def test_scratch_that_one_merge_would_not_fit_into_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COMPACTOR_SCRATCH_MB", "1023")
    with pytest.raises(ConfigError, match=r"COMPACTOR_SCRATCH_MB is 1023; .* COMPACTOR_MERGE_MAX_MB, which is 1024"):
        load_settings()
    monkeypatch.setenv("COMPACTOR_MERGE_MAX_MB", "1023")
    assert load_settings().compactor.scratch_mb == 1023


@pytest.mark.parametrize(
    "name",
    [
        *("", "flights", "projects/p", "projects/p/topics/t", "projects//subscriptions/s", "projects/p/subscriptions/"),
        "projects/p/subscriptions/s/x",
    ],
)
def test_a_subscription_is_named_in_full(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PUBSUB_SUBSCRIPTION", name)
    with pytest.raises(ConfigError, match=r"PUBSUB_SUBSCRIPTION is .*projects/PROJECT/subscriptions/NAME"):
        subscription_from_environment()
    monkeypatch.setenv("PUBSUB_SUBSCRIPTION", "projects/p/subscriptions/s")
    assert subscription_from_environment() == "projects/p/subscriptions/s"


@pytest.mark.parametrize("command", [["run"], ["compact"], ["load", "x.csv"], ["replay-rejected"]])
@pytest.mark.parametrize("url", [None, "", "s3://bucket", "file://relative", "gs://", "gs://bucket/folder", "/path"])
def test_every_command_ends_with_2_and_names_lake_url_when_it_is_missing_or_wrong(
    command: list[str], url: str | None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if url is not None:
        monkeypatch.setenv("LAKE_URL", url)
    assert main(command) == 2
    assert capsys.readouterr().err.startswith("ingest_writer: LAKE_URL is ")


def test_a_wrong_command_line_ends_with_2(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in ([], ["fly"], ["load"], ["compact", "--every", "0"], ["compact", "--every", "x"], ["run", "x"]):
        with pytest.raises(SystemExit) as caught:
            main(arguments)
        assert caught.value.code == 2
    assert "usage" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["abc", "0", "-1", "nan", "inf", "86401", ""])
def test_an_interval_says_what_it_takes(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["compact", "--every", text])
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "--every" in line and "error" in line]
    assert line.endswith(f"argument --every: is {text!r}; it takes seconds, above 0 and at most 86400")


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (["run"], "ingest_writer: PUBSUB_SUBSCRIPTION is not set; it takes projects/PROJECT/subscriptions/NAME"),
        (["load", "missing.csv"], "ingest_writer: missing.csv: there is no such file"),
        (["load", "-", "-", "*.nothing"], "ingest_writer: *.nothing: no file matches this pattern"),
    ],
)
def test_a_command_ends_with_2_and_names_what_is_wrong(
    command: list[str],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("LAKE_URL", f"file://{tmp_path}/lake")
    assert main(command) == 2
    assert capsys.readouterr().err.startswith(message)
