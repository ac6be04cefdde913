"""`make verify`: a part that passed with this source is not run again; others fail the run."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests._support.sizes import SIZES
from tests.verification.campaign import verify
from tests.verification.campaign.ledger import ROOT
from tests.verification.campaign.parts import PARTS, Part, left_out

PASSES = "pass"
FAILS = "raise AssertionError"
LONG = re.compile(r"mark[.]long\b|\blong_after\(|\bLOOKS\b|^from tests._support.sizes import .*\bseeds\b", re.MULTILINE)


@dataclass(frozen=True)
class Code(Part):
    """A part that runs the code of a file instead of tests, whose start takes a second."""

    @property
    def command(self) -> list[str]:
        return ["timeit", "-n1", "-r1", f"exec(open({self.paths[0]!r}).read())"]


class Run:
    """`make verify` with two parts, which record every run."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self._folder = folder
        self._capsys = capsys
        self.parts = tuple(Code(name, (str(folder / name),), says="a test") for name in ("one", "two"))
        for part in self.parts:
            self.write(part.name, PASSES)

    def write(self, part: str, code: str) -> None:
        (self._folder / part).write_text(f"open({str(self.trace)!r}, 'a').write('{part} ')\n{code}\n")

    @property
    def trace(self) -> Path:
        """Has the names of the parts that ran."""
        return self._folder / "trace"

    def __call__(self, *arguments: str) -> tuple[int, str]:
        """The exit code and what was said; `ran` has the parts that ran."""
        self.trace.write_text("")
        code = verify.main(["--folder", str(self._folder / "results"), *arguments], self.parts)
        return code, self._capsys.readouterr().out

    @property
    def ran(self) -> list[str]:
        return sorted(self.trace.read_text().split())


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    return Run(tmp_path, capsys)


def test_a_table_says_part_size_seconds_and_result(run: Run) -> None:
    code, said = run()
    assert code == 0
    assert run.ran == ["one", "two"]
    assert "| part | size | seconds | result |" in said
    assert len(re.findall(r"^\| (one|two) \| a test \| \d+ \| passed: 1 loop, .* \|$", said, re.MULTILINE)) == 2


def test_a_part_that_has_passed_is_not_run_again(run: Run) -> None:
    assert run("--only", "one")[0] == 0
    assert run()[0] == 0
    assert run.ran == ["two"]


def test_all_is_run_again_when_the_source_has_changed(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    run()
    monkeypatch.setattr(verify, "source_hash", lambda: "another")
    run()
    assert run.ran == ["one", "two"]


def test_a_part_that_fails_fails_the_run_and_is_run_again(run: Run) -> None:
    run.write("two", FAILS)
    code, said = run()
    assert code == 1
    assert "not passed: two" in said
    assert re.search(r"^\| two .* NOT PASSED: AssertionError \|$", said, re.MULTILINE)
    assert run()[0] == 1
    assert run.ran == ["two"]
    run.write("two", PASSES)
    assert run()[0] == 0


def test_a_run_that_is_cut_off_goes_on_after_what_has_passed(run: Run) -> None:
    run.write("two", "import os, signal, time\nos.kill(os.getppid(), signal.SIGINT)\ntime.sleep(60)")
    with pytest.raises(KeyboardInterrupt):
        run("--processes", "1")
    run.write("two", PASSES)
    assert run("--processes", "1")[0] == 0
    assert run.ran == ["two"]


def test_a_part_that_measures_runs_after_the_others_and_alone(run: Run) -> None:
    alone, other = run.parts
    run.parts = (replace(alone, is_alone=True), other)
    run.write("two", f"import time\ntime.sleep(0.5)\nopen({str(run.trace)!r}, 'a').write('ended ')")
    assert run("--processes", "2")[0] == 0
    assert run.trace.read_text().split() == ["two", "ended", "one"]


def test_the_hash_changes_with_any_file_of_the_source(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    (tmp_path / ".gitignore").write_text("build/\n")
    for folder in ("build", "docs"):
        (tmp_path / folder).mkdir()
    hashes = []
    for name, text in (("a.py", "1"), ("a.py", "2"), ("b.py", "2"), ("build/c", "3"), ("docs/reliability.md", "4")):
        (tmp_path / name).write_text(text)
        hashes.append(verify.source_hash(tmp_path))
    assert len(set(hashes)) == 3
    assert hashes[2] == hashes[3]  # ignored files are not part of it
    assert hashes[2] == hashes[4]  # nor is what a part writes


def test_without_git_nothing_has_passed_before(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify, "source_hash", lambda: "")
    run()
    run()
    assert run.ran == ["one", "two"]


def test_every_long_test_and_every_size_is_in_a_part() -> None:
    paths = [ROOT / path for part in PARTS for path in part.paths]
    assert all(path.exists() for path in paths)
    marked = [file for file in (ROOT / "tests").rglob("test_*.py") if LONG.search(file.read_text())]
    assert marked
    assert [file for file in marked if not any(file.is_relative_to(path) for path in paths)] == []
    assert {option for part in PARTS for option in part.options} == SIZES.keys()


def test_what_the_gate_leaves_out_is_named_with_its_command() -> None:
    said = "\n".join(left_out())
    assert set(re.findall(r"make (\w[\w-]*)", said)) == {
        *("verify", "prove", "test-year", "test-engines", "check-deploy", "bench")
    }
    assert all(f"{size.long:,} {size.what} (here {size.gate:,})" in said for size in SIZES.values())
