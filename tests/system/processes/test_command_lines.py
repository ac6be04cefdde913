"""Every command: its help has an example and its settings with defaults, its version, and one line where it is lost."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path

import pytest

from tools.pages import PACKAGES, ROOT

COMMANDS: dict[str, dict[str, tuple[str, ...]]] = {
    "ingest_writer": {
        "run": ("LAKE_URL", "PUBSUB_SUBSCRIPTION", "writer"),
        "compact": ("LAKE_URL", "compactor"),
        "publish": ("LAKE_URL", "compactor"),
        "load": ("LAKE_URL", "load", "compactor"),
        "replay-rejected": ("LAKE_URL", "writer"),
    },
    "query_service": {"": ("LAKE_URL", "api"), "new-key": ("API_KEYS",)},
    "lakehouse": {
        "sql": ("LAKE_URL", "lakehouse"),
        "verify": ("LAKE_URL", "lakehouse"),
        "cache": ("lakehouse",),
        "schema": (),
    },
    "local_cloud": {
        "up": (),
        "replay": ("PUBSUB_TOPIC", "PUBSUB_EMULATOR_HOST"),
        "demo": (),
        "on-time-file": (),
        "names": (),
    },
    "probe": {"deploy": ("PUBSUB_TOPIC", "probe"), "canary": ("PUBSUB_TOPIC", "probe")},
}
"""Which settings each reads: names, or tables of docs/configuration.md."""
PAGE = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")


def run(*words: str, python: str = sys.executable, **environment: str) -> subprocess.CompletedProcess[str]:
    own = {name: value for name, value in os.environ.items() if name != "LAKE_URL"}
    return subprocess.run(
        [python, "-m", *words],
        cwd=ROOT,
        env=own | environment,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def called(package: str, *words: str) -> object:
    """The exit code of a command that ends before it does anything: in this process, which is much quicker."""
    with pytest.raises(SystemExit) as ended:
        sys.exit(import_module(f"{package}.__main__").main(list(words)))
    return ended.value.code


def table(name: str) -> dict[str, str]:
    """Variables and their defaults as documented, for those whose default is a value."""
    part = PAGE.partition(f"<!-- {name}: ")[2].partition("<!-- end of")[0]
    rows = [line.split("|") for line in part.splitlines() if line.startswith("| `")]
    return {row[1].strip(" `"): row[3].strip() for row in rows}


@pytest.mark.parametrize(("package", "command"), [(p, c) for p, commands in COMMANDS.items() for c in commands])
def test_a_help_has_an_example_and_all_settings_with_their_defaults(
    package: str, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert not called(package, *command.split(), "--help")
    shown = capsys.readouterr().out
    assert f"-m {package} {command}".strip() in shown
    for name in COMMANDS[package][command]:
        if name.isupper():
            assert name in shown
            continue
        for variable, default in table(name).items():
            listed = re.search(rf"^  {variable} \((required|default ([^)]*))", shown, re.MULTILINE)
            assert listed, variable
            value = re.fullmatch(r"`([^`]+)`", default)
            if value and listed[2] is not None and re.fullmatch(r"\d+(\.\d+)?", value[1]):
                assert float(listed[2].split()[0]) == float(value[1]), variable


def test_all_have_the_version_of_the_project() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    for package in PACKAGES:
        done = run(package, "--version")
        assert (done.returncode, done.stdout) == (0, f"flights-lakehouse {version}\n"), package


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        ("local_cloud dmeo", "demo"),
        ("local_cloud demo --limt 5", "--limit"),
        ("lakehouse sqll", "sql"),
        ("ingest_writer compct", "compact"),
        ("query_service newkey", "new-key"),
        ("probe canray", "canary"),
    ],
)
def test_a_wrong_word_gets_the_one_that_was_probably_meant(
    words: str, meant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert called(*words.split()) == 2
    assert capsys.readouterr().err.rstrip().endswith(f"did you mean {meant}?")


@pytest.mark.parametrize("words", ["lakehouse verify", "query_service", "ingest_writer compact"])
def test_a_slip_of_lake_url_is_said(words: str) -> None:
    done = run(*words.split(), LAKE_ULR="file:///lake")
    assert done.returncode == 2
    assert done.stderr.rstrip().endswith("LAKE_ULR is set: did you mean LAKE_URL?")


@pytest.mark.parametrize(
    "words", ["lakehouse sql x", "ingest_writer run", "query_service", "local_cloud demo", "probe canary"]
)
def test_a_python_without_the_packages_gets_one_line(words: str) -> None:
    bare = Path(sys.base_prefix) / "bin" / f"python{sys.version_info.major}.{sys.version_info.minor}"
    done = subprocess.run(
        [str(bare), "-I", "-S", "-c", _BARE, *words.split()],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    [line] = done.stderr.splitlines()
    assert "is not installed in" in line
    assert "run `make setup` once, then `. .venv/bin/activate`" in line


@pytest.mark.parametrize(("words", "missing"), [("query_service", "uvicorn"), ("ingest_writer compact", "duckdb")])
def test_a_package_that_only_a_command_needs_is_missed_in_one_line(words: str, missing: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", f"import sys\nsys.modules[{missing!r}] = None\n{_BARE}", *words.split()],
        cwd=ROOT,
        env={**os.environ, "LAKE_URL": f"file://{tmp_path}"},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    assert done.stderr.splitlines()[-1].startswith(f"{missing} is not installed in {sys.executable}: in ")
    assert "Traceback" not in done.stderr


_BARE = """
import runpy, sys
sys.path.insert(0, ".")
sys.argv = sys.argv[1:]
runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
"""
