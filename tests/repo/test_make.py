"""`make test` passes only when all its parts do; `make setup` says what it does, and is all or nothing."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests._support.processes.terminal import terminal
from tests._support.waiting import eventually
from tools.pages import ROOT


def made_test(folder: Path, **scripts: str) -> subprocess.CompletedProcess[str]:
    """`make test` in a folder whose virtual environment has these shell scripts for tools; others do nothing."""
    tools = folder / ".venv" / "bin"
    tools.mkdir(parents=True)
    shutil.copy(ROOT / "Makefile", folder)
    for name in (
        "pyproject.toml",
        "requirements.lock",
        "requirements.uv.lock",
        ".venv/ready",
    ):  # in order: it is set up
        (folder / name).touch()
    for name in ("ruff", "lint-imports", "mypy", "python"):
        (tools / name).write_text(f"#!/bin/sh\n{scripts.get(name.replace('-', '_'), '')}\n")
        (tools / name).chmod(0o755)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    return subprocess.run(
        ["make", "test"],
        cwd=folder,
        env=environment | {"PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_it_passes_when_everything_does_and_says_what_mypy_said(tmp_path: Path) -> None:
    done = made_test(tmp_path, mypy="echo no issues; echo warned >&2", python='echo "tests: $*"')
    assert done.returncode == 0, done.stderr
    tests, *types = done.stdout.splitlines()[-4:]
    assert tests.startswith("tests: -m pytest ")
    assert types == ["mypy, run next to the tests:", "no issues", "warned"]


@pytest.mark.parametrize(
    "scripts",
    [
        {"ruff": "exit 1"},
        {"lint_imports": "exit 1"},
        {"mypy": "exit 1"},
        {"mypy": "sleep 0.2; exit 1"},  # ends after the tests
        {"python": "exit 1"},
        {"python": "sleep 0.2; exit 1"},
    ],
    ids=str,
)
def test_it_fails_when_one_of_its_parts_does(scripts: dict[str, str], tmp_path: Path) -> None:
    assert made_test(tmp_path, **scripts).returncode == 2


def test_its_processes_find_bytecode_whatever_the_shell_says(tmp_path: Path) -> None:
    done = made_test(tmp_path, python='echo "writes nothing: $PYTHONDONTWRITEBYTECODE"')
    assert "writes nothing: \n" in done.stdout


def set_up(folder: Path, command: list[str], **environment: str) -> subprocess.CompletedProcess[str]:
    """`command` in a folder that has what `make setup` needs, and no environment yet."""
    (folder / "tools").mkdir(exist_ok=True)
    for name in ("Makefile", "pyproject.toml", "requirements.lock", "requirements.uv.lock", "tools/setup.sh"):
        shutil.copy(ROOT / name, folder / name)
    own = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "PIP_", "UV_"))}
    return subprocess.run(
        command, cwd=folder, env=own | environment, capture_output=True, text=True, timeout=100, check=False
    )


def _python_with_a_pip_of_its_own(path: Path) -> Path:
    """A Python whose new environments have the pip of this one: to install one takes seconds of a core."""
    pip = importlib.util.find_spec("pip")
    assert pip is not None
    assert pip.origin is not None
    path.write_text(
        f"""#!/bin/sh
test "$1 $2" = "-m venv" || exec {sys.executable} "$@"
{sys.executable} -m venv --without-pip "$3" || exit
ln -s {Path(pip.origin).parent} "$3"/lib/python*/site-packages/
"""
    )
    path.chmod(0o755)
    return path


def test_set_up_without_a_network_says_so_in_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    nobody = "http://127.0.0.1:9/simple"  # refuses every connection
    folder = tmp_path / "project"
    folder.mkdir()
    done = set_up(
        folder,
        ["bash", "tools/setup.sh", str(_python_with_a_pip_of_its_own(tmp_path / "project" / "python")), ".venv"],
        PIP_INDEX_URL=nobody,
        PIP_CONFIG_FILE="/dev/null",
        TMPDIR=str(tmp_path),
    )
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert line.startswith("setup: no package index answers (no network, or a proxy that is not set?)")
    assert not (folder / ".venv").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["project"]


def test_set_up_says_which_python_is_missing(tmp_path: Path) -> None:
    done = set_up(tmp_path, ["make", "setup", "PYTHON=python9"])
    assert done.returncode == 2
    assert (
        done.stderr.splitlines()[0]
        == "setup: there is no python9: install Python 3.11 or newer, or set PYTHON=python3.x"
    )


def test_ctrl_c_in_the_set_up_leaves_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "project"
    folder.mkdir()
    set_up(folder, ["true"])
    python = tmp_path / "python"
    python.write_text(
        '#!/bin/sh\ntest "$1" = -c && exit\nmkdir -p .venv/half; trap "" TERM INT; while :; do sleep 0.05; done\n'
    )
    python.chmod(0o755)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    with terminal(["make", "demo", f"PYTHON={python}"], environment | {"TMPDIR": str(tmp_path)}, folder) as shown:
        shown.until("setup: a virtual environment in .venv")
        eventually((folder / ".venv" / "half").exists, "the set-up is at work")
        shown.press_ctrl_c()
        code, seconds = shown.ended()
    assert (code, seconds < 9) == (-signal.SIGINT, True), shown.text
    assert shown.first_after_s is not None
    assert shown.first_after_s < 6
    assert "setup: stopped, nothing is left of it" in shown.text
    assert not (folder / ".venv").exists()
    assert {path.name for path in tmp_path.iterdir()} == {"project", "python"}


def test_scripts_of_make_pass_shellcheck() -> None:
    tool = Path(sys.executable).parent / "shellcheck"
    scripts = sorted(str(path) for path in (ROOT / "tools").glob("*.sh"))
    done = subprocess.run([str(tool), *scripts], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_a_target_that_is_not_there_gets_the_one_that_was_meant() -> None:
    done = subprocess.run(["make", "dmeo"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.splitlines()[0] == "make: there is no target dmeo; did you mean demo? `make help` lists all"
