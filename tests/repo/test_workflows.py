"""What GitHub runs: the gate for every change, the long gates at night, and nothing that can change under our hands."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tools.pages import ROOT

FOLDER = ROOT / ".github" / "workflows"
FILES = sorted(FOLDER.glob("*.yml"))
WORKFLOWS: dict[str, dict[Any, Any]] = {path.name: yaml.safe_load(path.read_text(encoding="utf-8")) for path in FILES}
ON = True  # what YAML 1.1 makes of the key `on`


def steps(workflow: str) -> list[dict[str, Any]]:
    return [step for job in WORKFLOWS[workflow]["jobs"].values() for step in job["steps"]]


def runs(workflow: str) -> list[str]:
    return [step["run"] for step in steps(workflow) if "run" in step]


def test_every_push_and_pull_request_passes_the_gate() -> None:
    """The same script as Cloud Build's first step and as CI elsewhere, so it cannot pass here and fail there."""
    assert WORKFLOWS["ci.yml"][ON] == {"push": {"branches": ["main"]}, "pull_request": None}
    assert runs("ci.yml") == ["bash .ci/run"]


def test_every_night_passes_the_long_gates_and_looks_for_known_holes() -> None:
    assert re.fullmatch(r"\d+ \d+ \* \* \*", WORKFLOWS["nightly.yml"][ON]["schedule"][0]["cron"])
    assert runs("nightly.yml") == ["bash .ci/run verify", "make check-deploy"]
    [audit] = [step for step in steps("nightly.yml") if "pip-audit" in step.get("uses", "")]
    audited = audit["with"]["inputs"].split()
    assert audited == sorted(f"requirements.{p.suffix[1:]}.lock" for p in ROOT.glob("Dockerfile.*"))
    assert audit["with"]["require-hashes"] is True


def test_own_code_is_searched_for_holes() -> None:
    [matrix] = [job["strategy"]["matrix"] for job in WORKFLOWS["codeql.yml"]["jobs"].values()]
    assert {"python", "javascript-typescript"} <= set(matrix["language"])
    assert {"push", "pull_request", "schedule"} <= set(WORKFLOWS["codeql.yml"][ON])


def test_targets_and_scripts_that_are_run_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for workflow in WORKFLOWS:
        for command in runs(workflow):
            for target in re.findall(r"make ([\w-]+)|\.ci/run (\w+)", command):
                assert re.search(rf"^{''.join(target)}:", makefile, re.MULTILINE), command
            assert all((ROOT / script).is_file() for script in re.findall(r"bash (\S+)", command)), command


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_actions_are_pinned_by_commit_and_say_which_version_it_is(path: Path) -> None:
    used = re.findall(r"uses: (\S+)(.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    assert used
    for action, comment in used:
        assert re.fullmatch(r"[\w.-]+/[\w./-]+@[0-9a-f]{40}", action), action
        assert re.fullmatch(r" # v\d+\.\d+\.\d+", comment), f"{action}: which version?"


def test_an_action_has_the_same_commit_everywhere() -> None:
    text = "\n".join(path.read_text(encoding="utf-8") for path in FILES)
    pinned = set(re.findall(r"uses: ([\w.-]+/[\w.-]+)[\w/-]*@(\w+)", text))
    assert len(pinned) == len({action for action, _ in pinned})


@pytest.mark.parametrize("name", WORKFLOWS)
def test_jobs_may_only_read_and_end_in_time(name: str) -> None:
    assert WORKFLOWS[name]["permissions"] == {"contents": "read"}
    for job in WORKFLOWS[name]["jobs"].values():
        assert 0 < job["timeout-minutes"] <= 150
        assert job["runs-on"] == "ubuntu-24.04"  # not whatever is the latest
        more = {scope for scope, access in job.get("permissions", {}).items() if access == "write"}
        assert more <= ({"security-events"} if name == "codeql.yml" else set())
    for step in steps(name):
        assert "${{" not in step.get("run", ""), "what a caller chooses is no part of a script"
        if "checkout" in step.get("uses", ""):
            assert step["with"]["persist-credentials"] is False


def test_badge_is_of_the_gate() -> None:
    title = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()[0]
    assert title.endswith("[![ci](../../actions/workflows/ci.yml/badge.svg)](../../actions/workflows/ci.yml)")


def test_newer_versions_are_proposed_for_what_is_pinned() -> None:
    updates = yaml.safe_load((ROOT / ".github" / "dependabot.yml").read_text(encoding="utf-8"))["updates"]
    places = {u["package-ecosystem"]: u.get("directories") or [u["directory"]] for u in updates}
    assert set(places) == {"github-actions", "docker", "terraform"}
    assert list(ROOT.glob("Dockerfile.*"))
    locked = {f"/{path.parent.relative_to(ROOT)}" for path in ROOT.glob("terraform/*/.terraform.lock.hcl")}
    assert set(places["terraform"]) == locked


def test_gate_passes_shellcheck_and_installs_a_browser_where_it_can() -> None:
    tool = Path(sys.executable).parent / "shellcheck"
    done = subprocess.run([tool, "--shell=bash", ROOT / ".ci" / "run"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert "install chromium-headless-shell || command -v chromium || install chromium\n" in script
    assert "sudo --non-interactive" in script, "runners of GitHub are not root"
