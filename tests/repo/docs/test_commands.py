"""Commands and documents name each other: `python -m ...`, make targets, files, packages and folders of tests."""

from __future__ import annotations

import contextlib
import importlib
import io
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools.pages import PACKAGES, ROOT, pages

MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
TEXTS = {page: page.read_text(encoding="utf-8") for page in pages()}
CODE_MAP = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8").partition("## Code map")[2].partition("\n## ")[0]
OTHERS = {"pytest", "venv", "pip"}
"""Modules of others that documents call."""


def commands_of(package: str) -> set[str]:
    """The commands that `python -m PACKAGE --help` lists."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said), contextlib.suppress(SystemExit):
        importlib.import_module(f"{package}.__main__").main(["--help"])
    return set(re.findall(r"^ {2,4}([a-z][a-z-]+)(?: {2,}|$)", said.getvalue(), re.MULTILINE))


COMMANDS = {package: commands_of(package) for package in PACKAGES}


def test_the_packages_have_the_commands_that_the_search_should_find() -> None:
    assert COMMANDS["ingest_writer"] == {"run", "compact", "publish", "load", "replay-rejected"}
    assert COMMANDS["local_cloud"] == {"up", "replay", "demo", "on-time-file", "rehearse-restore", "names"}


@pytest.mark.parametrize(
    ("package", "command"),
    [(package, command) for package, commands in COMMANDS.items() for command in sorted(commands)],
)
def test_every_command_is_documented(package: str, command: str) -> None:
    lines = [line for text in (*TEXTS.values(), MAKEFILE) for line in text.splitlines()]
    assert any(f"-m {package} " in line and re.search(rf"(?<![\w-]){command}(?![\w-])", line) for line in lines)


def module_commands(text: str) -> Iterator[tuple[str, str]]:
    """`python -m MODULE [SUBCOMMAND]` wherever the text has it."""
    for module, command in re.findall(r"python3? -m ([a-z_.]+)(?: +([a-z][a-z-]*))?", text):
        yield module.rstrip("."), command


def test_commands_are_found_with_their_subcommands() -> None:
    text = '`python -m lakehouse sql "..."`, then python3 -m probe.\n'
    assert list(module_commands(text)) == [("lakehouse", "sql"), ("probe", "")]


@pytest.mark.parametrize("page", TEXTS, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_in_a_document_exists(page: Path) -> None:
    for module, command in module_commands(TEXTS[page]):
        if module in OTHERS:
            continue
        place = ROOT.joinpath(*module.split("."))
        assert (place / "__main__.py").exists() or place.with_suffix(".py").exists(), module
        assert not command or module not in COMMANDS or command in COMMANDS[module], f"{module} {command}"


def targets() -> set[str]:
    return set(re.findall(r"^([a-z][a-z-]*):", MAKEFILE, re.MULTILINE))


def test_every_target_says_what_it_does_and_is_documented() -> None:
    assert set(re.findall(r"^([a-z][a-z-]*):.*## \S", MAKEFILE, re.MULTILINE)) == targets()
    assert set(" ".join(re.findall(r"^\.PHONY: (.+)$", MAKEFILE, re.MULTILINE)).split()) == targets()
    documented = {target for text in TEXTS.values() for target in re.findall(r"\bmake ([a-z-]+)", text)}
    assert not targets() - documented


def test_every_target_in_a_document_exists() -> None:
    code = [match for text in TEXTS.values() for match in re.findall(r"(?:`|^)make ([a-z-]+)", text, re.MULTILINE)]
    sources = [
        path.read_text(encoding="utf-8") for folder in (*PACKAGES, "tests", "tools", "bench") for path in files(folder)
    ]
    code += [match for text in sources for match in re.findall(r"`make ([a-z-]+)", text)]
    assert not set(code) - targets()


def files(folder: str) -> list[Path]:
    return [path for path in (ROOT / folder).rglob("*.py") if path != Path(__file__)]


def test_every_file_that_a_document_names_exists() -> None:
    known = {path.name for folder in (*PACKAGES, "tests", "tools", "bench") for path in (ROOT / folder).rglob("*")}
    for page, text in TEXTS.items():
        for name in re.findall(r"`([\w./-]+\.(?:py|js|sh|tf|json|mmd))`", text):
            exists = name in known or (ROOT / name).exists() or (page.parent / name).exists()
            made_at_run_time = name.startswith(("snapshots/", "build/"))
            assert exists or made_at_run_time or any(str(path).endswith(f"/{name}") for path in _tree()), (page, name)


def _tree() -> list[Path]:
    return [
        path for folder in (*PACKAGES, "tests", "tools", "terraform", "docs") for path in (ROOT / folder).rglob("*")
    ]


def test_the_code_map_has_every_package_and_no_other() -> None:
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    mapped = set(re.findall(r"`(\w+)/`", CODE_MAP.replace("`tests/`", "")))
    assert packages - {"tests"} <= mapped
    folders = {
        path.name
        for top in (*packages, "terraform")
        for path in (ROOT / top, *(ROOT / top).rglob("*"))
        if path.is_dir()
    }
    assert not mapped - folders


def test_each_sub_package_of_ours_has_a_line_in_the_code_map() -> None:
    for package in ("lakehouse", "ingest_writer", "query_service"):
        folders = {path.parent.name for path in (ROOT / package).glob("*/__init__.py")}
        assert folders == set(re.findall(rf"^\| `{package}/(\w+)/`", CODE_MAP, re.MULTILINE))


def test_every_folder_of_tests_is_in_the_code_map() -> None:
    folders = {path.parent.name for path in (ROOT / "tests").glob("*/__init__.py")}
    assert folders == set(re.findall(r"`tests/(\w+)/`", CODE_MAP))


@pytest.mark.parametrize("package", [*PACKAGES, "bench"])
def test_every_module_says_what_it_is(package: str) -> None:
    for path in files(package):
        text = path.read_text(encoding="utf-8")
        assert not text.strip() or text.startswith('"""'), f"{path.relative_to(ROOT)} has no docstring"
