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
def checkout(tmp_path: Path) -> Path:
    """A clone of what the steps use, all of it committed."""
    folder = tmp_path / "checkout"
    for name in ("deploy", "terraform"):
        shutil.copytree(
            ROOT / name, folder / name, ignore=shutil.ignore_patterns(".terraform", "flights.tfvars", "*.tfstate*")
        )
    for name in ("cloudbuild.yaml", ".gitignore"):
        shutil.copy(ROOT / name, folder)
    identity = ("config user.name me", "config user.email me@example.com")
    for command in ("init", *identity, "add .", "commit -m all"):
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
        "terraform -chdir=terraform/backend output -raw",
        "terraform -chdir=terraform/main init -backend-config=bucket=the-state_bucket-of-backend",
        "terraform -chdir=terraform/main apply -var-file=envs/flights.tfvars",
        'gcloud version --format=value("Google Cloud',
        "gcloud beta builds submit",
    ]
    commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=checkout, check=True, capture_output=True, text=True)
    assert f"COMMIT_SHA={commit.stdout.strip()},_REGION=the-region-of-main" in run["log"][-1]
    assert "--gcs-source-staging-dir=the-build_sources-of-main" in run["log"][-1]


def section(heading: str) -> str:
    """The commands of one section, without those that start something of ours or wait for a person."""
    blocks = re.findall(
        r"^```sh\n(.*?)^```", GUIDE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0], re.M | re.S
    )
    lines = "".join(blocks).splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith(("make setup", "python -m", "read ")))


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
        "terraform -chdir=terraform/fleet init -backend-config=bucket=the-state_bucket-of-backend",
        "terraform -chdir=terraform/fleet apply",
    ]
    assert run["log"][-1].startswith("gcloud beta builds submit --project=flights-jfk --region=the-region-of-jfk ")
    assert "--service-account=projects/flights-jfk/serviceAccounts/jfk-build@mock " in run["log"][-1]
    assert "--gcs-source-staging-dir=the-build_sources-of-jfk " in run["log"][-1]
    assert run["log"][-1].endswith(",_REGION=the-region-of-jfk,_NAME=the-name-of-jfk .")


def test_a_system_that_the_fleet_does_not_have_is_not_submitted(checkout: Path, run: Run) -> None:
    assert typed(STEPS + section("Environments"), checkout, run).returncode == 0
    submitted = [line for line in run["log"] if "submit" in line]
    done = typed("bash deploy/submit.sh lax", checkout, run)
    assert done.returncode == 1
    assert "terraform/fleet has no system lax, but: jfk" in done.stderr
    assert [line for line in run["log"] if "submit" in line] == submitted


def test_no_values_are_left_where_terraform_reads_them_for_every_system(checkout: Path, run: Run) -> None:
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
