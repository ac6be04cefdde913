"""docs/deploy.md, typed in as it stands, against stand-ins: each step has what it needs from those before it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.repo.deploy.build_run import Run
from tests.repo.deploy.terraform_files import MAIN, ROOT, named, resources
from tools.pages import pages

GUIDE = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
STEPS = "".join(re.findall(r"^```sh\n(.*?)^```", GUIDE.partition("When it is green")[0], re.MULTILINE | re.DOTALL))

VALUES = "terraform/main/envs/flights.tfvars"
APPLIED = ("flights", "flights", "staging")
"""By the steps, the section of keys and that of environments."""
READ_ALWAYS = ("terraform.tfvars*", "*.auto.tfvars*")


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(tmp_path)


@pytest.fixture
def checkout(committed: Path, tmp_path: Path) -> Path:
    """A clone of the test's own."""
    return shutil.copytree(committed, tmp_path / "checkout")


@pytest.fixture(scope="module")
def committed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone of what the steps use, all of it committed."""
    folder = tmp_path_factory.mktemp("committed") / "checkout"
    for name in ("deploy", "terraform"):
        shutil.copytree(
            ROOT / name, folder / name, ignore=shutil.ignore_patterns(".terraform", "flights.tfvars", "*.tfstate*")
        )
    for name in ("cloudbuild.yaml", ".gitignore"):
        shutil.copy(ROOT / name, folder)
    identity = ("config user.name me", "config user.email me@example.com")
    for command in ("init --template=", *identity, "add .", "commit -m all"):
        subprocess.run(["git", *command.split()], cwd=folder, check=True, capture_output=True)
    return folder


def typed(text: str, checkout: Path, run: Run) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PATH": f"{run.folder}/bin:{os.environ['PATH']}", "WORLD": str(run.world)}
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", text],
        cwd=checkout,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_steps_work_in_their_order(checkout: Path, run: Run) -> None:
    done = typed(STEPS, checkout, run)
    assert done.returncode == 0, done.stderr
    asked = [line for line in run["log"] if not line.startswith("terraform -chdir=terraform/main output")]
    assert [" ".join(line.split()[:4]) for line in asked] == [
        'gcloud version --format=value("Google Cloud',
        "gcloud config set project",
        "gcloud services enable artifactregistry.googleapis.com",
        "terraform -chdir=terraform/backend init",
        "terraform -chdir=terraform/backend apply -var",
        "terraform -chdir=terraform/main init -backend-config=bucket=your-project-terraform-state",
        "terraform -chdir=terraform/main apply -var-file=envs/flights.tfvars",
        'gcloud version --format=value("Google Cloud',
        "gcloud beta builds submit",
    ]
    commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=checkout, check=True, capture_output=True, text=True)
    assert f"COMMIT_SHA={commit.stdout.strip()},_REGION=the-region-of-main" in run["log"][-1]
    assert "--gcs-source-staging-dir=the-build_sources-of-main" in run["log"][-1]


def section(heading: str, page: str = GUIDE) -> str:
    """The commands of one section, without those that start something of ours or wait for a person."""
    blocks = re.findall(r"^```sh\n(.*?)^```", re.split(r"\n##+ ", page.partition(f"# {heading}\n")[2])[0], re.M | re.S)
    lines = "".join(blocks).splitlines(keepends=True)
    own = re.compile(r"make setup|python -m|read |sleep|\w+=\S+ python -m")
    return "".join(line for line in lines if not own.match(line))


def test_the_later_sections_work_after_the_steps(checkout: Path, run: Run) -> None:
    given = "REGION=europe-west1 PROBE_KEY=key PROBE_ENTRY=probe:1 CALLER_ENTRY=caller:2\n"
    later = [section(name) for name in ("API keys", "The dashboard of a private API", "Environments")]
    assert all(later)
    done = typed(STEPS + given + "".join(later), checkout, run)
    assert done.returncode == 0, done.stderr
    assert run["secrets"] == {"flights-probe-key": "key", "flights-api-key-hashes": "probe:1\ncaller:2\n"}
    assert (checkout / VALUES).read_text().endswith("\napi_keys_enabled = true\n")
    assert "terraform -chdir=terraform/main workspace select -or-create staging" in run["log"]
    assert [line for line in run["log"] if line.startswith("terraform -chdir=terraform/fleet")][:2] == [
        "terraform -chdir=terraform/fleet init -backend-config=bucket=your-project-terraform-state",
        "terraform -chdir=terraform/fleet apply",
    ]
    assert run["log"][-1].startswith("gcloud beta builds submit --project=flights-jfk --region=the-region-of-jfk ")
    assert "--service-account=projects/flights-jfk/serviceAccounts/jfk-build@mock " in run["log"][-1]
    assert "--gcs-source-staging-dir=the-build_sources-of-jfk " in run["log"][-1]
    assert run["log"][-1].endswith(",_REGION=the-region-of-jfk,_NAME=the-name-of-jfk .")


def test_a_release_is_rolled_back_to_what_the_builds_have_logged(checkout: Path, run: Run) -> None:
    """Revision and image are read, not guessed: the filter finds the line that deploy/steps.sh writes at the end."""
    given = "OLD=flights-api-1 IMAGE=writer@sha256:1\n"
    commands = re.sub(r"=(OLD|IMAGE)\b", r"=$\1", section("Roll back a release"))
    assert typed(STEPS + given + commands, checkout, run).returncode == 0
    assert run["serving"] == "flights-api-1"
    assert set(run["images"].values()) == {"writer@sha256:1"}
    [looked_for] = re.findall(r'textPayload:"(.*?)"', commands)
    [said] = re.findall(r'say "(users are served by .*?)"', (ROOT / "deploy" / "steps.sh").read_text())
    assert said.replace("$revision", "flights-api-00042-abc").startswith(looked_for)
    assert "$(image writer)" in said


def test_a_release_that_adds_a_field_gives_users_the_new_api_first(checkout: Path, run: Run) -> None:
    done = typed(STEPS + section("A release that adds a field"), checkout, run)
    assert done.returncode == 0, done.stderr
    assert run["serving"] == "flights-api-1"
    assert run["tags"] == {}
    assert "/api:" in run["revision_images"]["flights-api-1"]


@pytest.mark.parametrize("heading", ["Restore", "Region"])
def test_what_restores_a_lake_has_all_its_variables(heading: str, checkout: Path, run: Run) -> None:
    runbook, pages_ = (ROOT / "docs" / "runbook.md").read_text(), (ROOT / "docs" / "reliability.md").read_text()
    before = re.findall(r"^```sh\n(.*?)^```", runbook, re.M | re.S)[0].partition("make setup")[0]
    done = typed(STEPS + before + section(heading, pages_), checkout, run)
    assert done.returncode == 0, done.stderr
    assert not [line for line in run["log"] if "gs:///" in line or "=/" in line or line.endswith("=")]


CODE = re.compile(r"^```sh\n(.*?)^```|`([^`]+)`", re.MULTILINE | re.DOTALL)
FOLLOWED = ("deploy.md", "runbook.md", "reliability.md")
RUNBOOKS = "The\n[runbook](runbook.md) begins with the variables"


@pytest.mark.parametrize("name", FOLLOWED)
def test_every_variable_of_a_command_is_given_before_it(name: str) -> None:
    """A reader who does not know it would have to guess; a shell would put in nothing."""
    text, runbook = ((ROOT / "docs" / page).read_text() for page in (name, "runbook.md"))
    given = set(re.findall(r"\b([A-Z_]+)=", runbook.partition("## ")[0])) if RUNBOOKS in text else set()
    for block, span in CODE.findall(text):
        for line in (block or span).splitlines():
            used = set(re.findall(r"\$\{?([A-Z][A-Z_]*)", line))
            given |= set(re.findall(r"(?:(?:^|[ (])(?=\w+=)|read -\w+ )([A-Z][A-Z_]*)", line))
            assert used <= given, f"{name}: {line}"


def to_fill_in(code: str) -> set[str]:
    """What of commands a reader has to replace: words in capitals that are no variable, option, date or filter."""
    others = r"^ *#.*$| # .*$|'[^']*'|\+%\S+|(?:^|[ (])[A-Z_]+=|read .*"
    words = re.findall(r"(?<![\w$.{\"-])[A-Z][A-Z_]*\b", re.sub(others, "", code, flags=re.MULTILINE))
    return set(words) - {"EOF", "HEAD"}


@pytest.mark.parametrize("name", FOLLOWED)
def test_every_word_to_fill_in_is_explained_next_to_its_command(name: str) -> None:
    """GENERATION, EXECUTION, N: the section says what it is, or which command prints it."""
    ours = re.compile(r"gcloud |terraform |python -m |[A-Z_]+=\S+ python ")
    for part in re.split(r"\n(?=##+ )", (ROOT / "docs" / name).read_text()):
        code = [block or span for block, span in CODE.findall(part) if block or ours.match(span)]
        comments = "\n".join(re.findall(r"^ *#.*$| # .*$", "\n".join(code), re.MULTILINE))
        prose = CODE.sub(lambda found: "" if found[1] or ours.match(found[2]) else found[0], part) + comments
        for word in set().union(*map(to_fill_in, code)):
            said = re.search(rf"\b{word}s?\b", prose, re.IGNORECASE)
            assert said, f"docs/{name}, {part.splitlines()[0]}: nothing says what {word} is"


def test_a_system_that_the_fleet_does_not_have_is_not_submitted(checkout: Path, run: Run) -> None:
    assert typed(STEPS + section("Environments"), checkout, run).returncode == 0
    submitted = [line for line in run["log"] if "submit" in line]
    done = typed("bash deploy/submit.sh lax", checkout, run)
    assert done.returncode == 1
    assert "terraform/fleet has no system lax, but: jfk" in done.stderr
    assert [line for line in run["log"] if "submit" in line] == submitted


def test_no_values_are_left_where_terraform_reads_them_forevery_system(checkout: Path, run: Run) -> None:
    """Staging would get what its own file does not name: keys, an ingress, a repository."""
    given = "REGION=europe-west1 PROBE_KEY=key PROBE_ENTRY=probe:1 CALLER_ENTRY=caller:2\n"
    assert typed(STEPS + given + section("API keys") + section("Environments"), checkout, run).returncode == 0
    found = {path.name for pattern in READ_ALWAYS for path in (checkout / "terraform" / "main").glob(pattern)}
    assert found == set()
    applies = [line for line in run["log"] if line.startswith("terraform -chdir=terraform/main apply")]
    assert applies == [f"terraform -chdir=terraform/main apply -var-file=envs/{n}.tfvars" for n in APPLIED]


def test_every_page_gives_terraform_the_values_of_one_system() -> None:
    for page in pages():
        for command in re.findall(r"terraform -chdir=terraform/main (?:apply|plan|destroy)[^`\n]*", page.read_text()):
            assert "-var-file=envs/" in command, f"{page.name}: {command}"


def test_what_plans_pull_requests_reads_the_file_that_the_guide_commits(checkout: Path, run: Run) -> None:
    assert typed(STEPS, checkout, run).returncode == 0
    kept = subprocess.run(["git", "ls-files", "--", VALUES], cwd=checkout, check=True, capture_output=True, text=True)
    assert kept.stdout.strip() == VALUES
    trigger = resources(MAIN)["google_cloudbuild_trigger.plan"]
    assert f"terraform/main/{trigger['substitutions']['_PLAN_FILE']}" == VALUES.replace("flights", "${var.name}")


def test_the_variables_that_are_written_are_those_that_have_no_default(checkout: Path, run: Run) -> None:
    assert typed(STEPS, checkout, run).returncode == 0
    written = re.findall(r"^(\w+) +=", (checkout / VALUES).read_text(), re.MULTILINE)
    assert set(written) == {"name"} | {
        name for name, variable in named(MAIN, "variable").items() if "default" not in variable
    }


@pytest.mark.parametrize("changed", ["cloudbuild.yaml", "a-new-file"])
def test_a_dirty_tree_is_not_submitted(changed: str, checkout: Path, run: Run) -> None:
    assert typed(STEPS.partition("bash deploy/submit.sh")[0], checkout, run).returncode == 0
    (checkout / changed).write_text("not what the commit has\n")
    done = typed("bash deploy/submit.sh", checkout, run)
    assert done.returncode == 1
    assert changed in done.stderr
    assert not [line for line in run["log"] if "submit" in line]


def test_an_old_gcloud_ends_the_guide_at_its_second_step(checkout: Path, run: Run) -> None:
    run.gcloud = "528.0.0"
    run.save()
    done = typed(STEPS.partition("gcloud services")[0], checkout, run)
    assert done.returncode == 1
    assert "gcloud 528.0.0 is too old: 578 or newer is needed" in done.stderr
    assert len(run["log"]) == 1
