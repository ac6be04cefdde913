"""cloudbuild.yaml: its form, its scripts, and the whole sequence with stand-ins for gcloud, docker, curl and make."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.repo.deploy.build_run import BUILD, NEW, OLD, STEPS, Run
from tests.repo.deploy.terraform_files import MAIN, ROOT, local, named, resources

# https://cloud.google.com/build/docs/build-config-file-schema, what of it is used here
STEP_FIELDS = {"id", "name", "entrypoint", "args", "waitFor", "allowFailure"}
BUILD_FIELDS = {"steps", "substitutions", "options", "tags", "timeout"}


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(tmp_path)


def test_order_is_test_build_push_dark_pipeline_probe_traffic(run: Run) -> None:
    assert run.build(), run.said
    wanted = ["make test", "docker build", "docker push", "gcloud run deploy", "worker-pools update", "jobs update"]
    wanted += ["docker run", "--to-revisions", "--remove-tags"]
    places = [next(i for i, line in enumerate(run["log"]) if want in line) for want in wanted]
    assert places == sorted(places), run["log"]
    assert run["serving"] == "flights-api-1"
    assert run["images"] == NEW
    assert run["tags"] == {}


@pytest.mark.parametrize(
    "wrong",
    [
        "docker run",  # the probe
        "worker-pools update flights-writer --region=europe-west1 --image=europe",
        "jobs update flights-canary --region=europe-west1 --image=europe",  # the last of the three
        "worker-pools describe",
        "--to-revisions",
    ],
)
def test_everything_is_put_back_and_the_build_fails_when_a_step_does(run: Run, wrong: str) -> None:
    run.failing = [wrong]
    assert not run.build()
    assert run.done[-1] == "finish"
    assert run["serving"] == "flights-api-0"
    assert run["images"] == OLD
    assert run["tags"] == {}


@pytest.mark.parametrize(
    "stuck", ["worker-pools update flights-writer --region=europe-west1 --image=europe", "docker run", "--to-revisions"]
)
def test_everything_is_put_back_when_a_step_does_not_end(run: Run, stuck: str) -> None:
    run.environment = {"CALL_S": "3"}  # more than a stand-in takes
    run.hanging = [stuck]
    assert not run.build()
    assert run["serving"] == "flights-api-0"
    assert run["images"] == OLD


def test_build_ends_later_than_all_its_steps_may_take() -> None:
    script = (ROOT / "deploy" / "steps.sh").read_text()
    number = {name: int(value) for name, value in re.findall(r"^([A-Z_]+)=(?:\$\{[A-Z_]+:-)?(\d+)\}?", script, re.M)}
    changes = len(OLD) + 4  # dark, probe, traffic, tag
    put_back = len(OLD) * number["TRIES"]
    steps_s = number["TURN_TRIES"] * number["TURN_PAUSE_S"] + (changes + put_back) * number["CALL_S"]
    assert steps_s + 1800 <= int(BUILD["timeout"].rstrip("s"))  # of tests, images and pushes


def test_what_cannot_be_put_back_is_named_with_the_command(run: Run) -> None:
    run.failing = ["docker run", "--image=old/writer"]
    assert not run.build()
    assert "BY HAND: gcloud run worker-pools update flights-writer --region=europe-west1 --image=old/writer" in run.said
    assert run["images"] == {**OLD, "flights-writer": NEW["flights-writer"]}
    tried = [line for line in run["log"] if "--image=old/writer" in line]
    assert len(tried) == 3


@pytest.mark.parametrize(
    "wrong", ["make test", "docker build", "docker push", "run deploy", "print-access-token", "generateIdToken"]
)
def test_nothing_that_runs_is_changed_when_it_fails_early(run: Run, wrong: str) -> None:
    run.failing = [wrong]
    assert not run.build()
    assert run["serving"] == "flights-api-0"
    assert run["images"] == OLD
    assert "finish" not in run.done


def test_run_again_after_a_failure_deploys(run: Run) -> None:
    run.failing = ["docker run"]
    assert not run.build()
    run.failing = []
    assert run.build("9d2504e0-0000-11d3-9a0c-0305e82c3301"), run.said
    assert run["images"] == NEW
    assert run["serving"] == "flights-api-2"


def test_probe_gets_the_key_from_its_secret_only_when_the_revision_wants_keys(run: Run) -> None:
    run.secrets = {"flights-probe-key": "flk_of-the-probe"}
    assert run.build(), run.said
    assert run["probed_with"]["PROBE_API_KEY"] == ""
    assert run["probed_with"]["PROBE_TOKEN"] == "a-token"
    run.settings.append("API_KEYS_FILE")
    assert run.build("9d2504e0-0000-11d3-9a0c-0305e82c3301"), run.said
    assert run["probed_with"]["PROBE_API_KEY"] == "flk_of-the-probe"
    assert not [line for line in run["log"] if "flk_" in line or "a-token" in line]  # no secret is an argument
    assert "flk_" not in run.said


def test_identity_is_asked_for_with_no_more_than_the_role_for_it(run: Run) -> None:
    """gcloud's impersonation would want roles/iam.serviceAccountTokenCreator: any access token of the account."""
    assert run.build(), run.said
    url, asked = run["asked_for_identity"]
    account = "flights-build@flights-test.iam.gserviceaccount.com"
    assert url == f"https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/{account}:generateIdToken"
    assert asked == {"audience": "https://flights-api-mock.a.run.app", "includeEmail": True}
    assert not [line for line in run["log"] if "impersonate" in line or "an-access-token" in line]


@pytest.mark.parametrize("secrets", [{}, {"flights-probe-key": ""}], ids=["no version", "empty version"])
def test_nothing_that_runs_is_changed_when_the_key_cannot_be_had(run: Run, secrets: dict[str, str]) -> None:
    run.settings.append("API_KEYS_FILE")
    run.secrets = secrets
    assert not run.build()
    assert run.done[-1] == "token"
    assert run["images"] == OLD
    assert run["serving"] == "flights-api-0"


def test_older_build_goes_first(run: Run) -> None:
    run.older_builds = ["older-build", "older-build"]
    assert run.build(), run.said
    assert run.said.count("waits for older-build") == 2


def test_build_gives_up_its_turn_after_a_bounded_wait(run: Run) -> None:
    run.older_builds = ["older-build"] * 10
    assert not run.build()
    assert run.done[-1] == "turn"
    assert run["images"] == OLD


def test_fields_are_cloud_builds() -> None:
    assert set(BUILD) <= BUILD_FIELDS
    for step in STEPS:
        assert set(step) <= STEP_FIELDS, step["id"]
        assert all(isinstance(argument, str) for argument in step["args"])
    assert BUILD["options"]["logging"] == "CLOUD_LOGGING_ONLY"
    assert re.fullmatch(r"\d+s", BUILD["timeout"])


def test_every_step_waits_for_one_before_it() -> None:
    seen: list[str] = []
    for step in STEPS:
        assert set(step.get("waitFor", [])) <= set(seen), step["id"]
        assert step.get("waitFor") or not seen, f"{step['id']} waits for nothing in particular"
        seen.append(step["id"])
    waited_for = {name for step in STEPS for name in step.get("waitFor", [])}
    assert set(seen) - waited_for == {"finish"}


def test_last_step_runs_whatever_the_steps_before_it_did() -> None:
    """A step that fails ends a build, and with it the putting back: from the first change on, none may."""
    ids = [step["id"] for step in STEPS]
    changing = STEPS[ids.index("pipeline") : ids.index("finish")]
    assert all(step.get("allowFailure") for step in changing)
    assert not any(step.get("allowFailure") for step in STEPS if step not in changing)


def test_files_and_targets_that_steps_name_exist() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for step in STEPS:
        for argument in step["args"]:
            name = argument.removeprefix("--file=")
            assert not name.startswith(("Dockerfile", "deploy/")) or (ROOT / name).is_file(), name
        if step.get("entrypoint") == "make":
            assert re.search(rf"^{step['args'][0]}:", makefile, re.M)


def test_scripts_pass_shellcheck() -> None:
    scripts = [str(path) for folder in ("deploy", "tools") for path in (ROOT / folder).glob("*.sh")]
    tool = Path(sys.executable).parent / "shellcheck"
    done = subprocess.run(
        [tool, "--enable=all", "--exclude=SC2310,SC2311,SC2312,SC2250", *scripts],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_names_are_terraforms() -> None:
    script = (ROOT / "deploy" / "steps.sh").read_text()
    assert resources(MAIN)["google_cloud_run_v2_service.api"]["name"] == "flights-api"
    assert resources(MAIN)["google_cloud_run_v2_worker_pool.writer"]["name"] == "flights-writer"
    assert resources(MAIN)["google_pubsub_topic.flights"]["name"] == "flights"
    assert set(re.findall(r'"(?:worker-pools|jobs) flights-(\w+)"', script)) == {"writer", *local("jobs")}
    account = resources(MAIN)["google_service_account.build"]["account_id"]
    assert f"BUILD_ACCOUNT={account}@$PROJECT_ID.iam.gserviceaccount.com" in BUILD["options"]["env"]
    repository = resources(MAIN)["google_artifact_registry_repository.images"]["repository_id"]
    assert BUILD["substitutions"]["_IMAGES"] == f"${{_REGION}}-docker.pkg.dev/$PROJECT_ID/{repository}"
    secret = resources(MAIN)["google_secret_manager_secret.probe_key"]["secret_id"]
    assert set(re.findall(r"--secret=(\S+)", script)) == {secret}
    trigger = resources(MAIN)["google_cloudbuild_trigger.deploy"]
    assert trigger["filename"] == "cloudbuild.yaml"
    assert set(trigger["substitutions"]) <= set(BUILD["substitutions"])
    assert "image_repository" in named(MAIN, "output")
