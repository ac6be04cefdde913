"""cloudbuild.yaml: its form, its scripts, and the whole sequence with stand-ins for gcloud, docker, curl and make."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests._support.long_cases import long_after
from tests.repo.deploy.build_run import BUILD, BUILD_ID, COMMIT, OLD, STEPS, Run, replaced, substitutions
from tests.repo.deploy.terraform_files import MAIN, ROOT, local, named, resources

# https://cloud.google.com/build/docs/build-config-file-schema, what of it is used here
STEP_FIELDS = {"id", "name", "entrypoint", "args", "waitFor", "allowFailure"}
BUILD_FIELDS = {"steps", "images", "substitutions", "options", "tags", "timeout"}


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(tmp_path)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A build that succeeded, to be looked at: a test that changes anything builds its own."""
    run = Run(tmp_path_factory.mktemp("built"))
    assert run.build(), run.said
    return run


def test_order_is_test_build_push_dark_pipeline_probe_traffic(built: Run) -> None:
    wanted = ["make test", "docker build", "docker push", "gcloud run deploy", "worker-pools update", "jobs update"]
    wanted += ["docker run", "--to-revisions", "--remove-tags"]
    places = [next(i for i, line in enumerate(built["log"]) if want in line) for want in wanted]
    assert places == sorted(places), built["log"]
    assert built["serving"] == "flights-api-1"
    assert built["images"] == built.new
    assert built["tags"] == {}


def test_template_has_no_revision_name_after_a_deploy(built: Run) -> None:
    """Terraform would take it out again in its next plan, by a revision that nobody has probed."""
    assert built["template_name"] is None
    assert not [line for line in built["log"] if "run deploy" in line and (" --tag" in line or "suffix" in line)]


def test_what_is_deployed_and_what_is_remembered_are_digests(run: Run) -> None:
    assert run.build(), run.said
    deployed = [line for line in run["log"] if "--image=" in line or "docker run" in line]
    assert len(deployed) == 2 + len(OLD)
    assert all(re.search(r"@sha256:[0-9a-f]{64}\b", line) for line in deployed), deployed
    assert run["revision_images"] == {"flights-api-1": run.pushed("api")}
    run.failing = ["docker run"]
    assert not run.build("9d2504e0-0000-11d3-9a0c-0305e82c3301")
    assert run["images"] == run.new  # of the first build, by digest


def test_no_tag_of_an_image_is_pushed_twice(run: Run) -> None:
    """Tags cannot be moved: a build that is run again, and `images:` at the end of it, push others."""
    assert run.build(), run.said
    assert run.build("9d2504e0-0000-11d3-9a0c-0305e82c3301"), run.said
    pushed = [line for line in run["log"] if line.startswith("docker push")]
    assert len(pushed) == len(set(pushed)) == 4
    again = [replaced(name, substitutions(BUILD_ID)) for name in BUILD["images"]]
    assert not {f"docker push {name}" for name in again} & set(pushed)
    built = " ".join(line for line in run["log"] if line.startswith("docker build"))
    assert all(f"--tag={name} " in built for name in again)  # provenance is of the image that was deployed
    assert resources(MAIN)["google_artifact_registry_repository.images"]["docker_config"][0]["immutable_tags"] is True


def test_images_have_provenance_and_say_which_commit_they_are(built: Run) -> None:
    assert [name.rpartition(":")[0] for name in BUILD["images"]] == ["${_IMAGES}/api", "${_IMAGES}/writer"]
    assert BUILD["options"]["requestedVerifyOption"] == "VERIFIED"
    assert '"containeranalysis.googleapis.com"' in (MAIN / "apis.tf").read_text()  # which keeps it: no build without
    commands = [line for line in built["log"] if line.startswith("docker build")]
    assert all(f"--label=org.opencontainers.image.revision={COMMIT} " in line for line in commands)


def test_nothing_is_tagged_when_something_else_deployed_meanwhile(run: Run) -> None:
    run.deploys_instead = "us-docker.pkg.dev/cloudrun/container/hello"
    assert not run.build()
    assert run.done[-1] == "dark"
    assert (run["tags"], run["serving"], run["images"]) == ({}, "flights-api-0", OLD)


@pytest.mark.parametrize(
    ("version", "deploys"), [("528.0.0", False), ("577.1.0", False), ("578.0.0", True), ("1000.0.0", True)]
)
def test_gcloud_has_to_know_worker_pools_before_anything_is_changed(run: Run, version: str, deploys: bool) -> None:
    run.gcloud = version
    assert run.build() is deploys
    assert deploys or f"gcloud {version} is too old: 578 or newer" in run.said
    assert deploys or not [line for line in run["log"] if line.startswith(("docker", "gcloud run"))]


def test_builder_is_the_gcloud_that_the_check_wants() -> None:
    [wanted] = re.findall(r"^MINIMUM=(\d+)$", (ROOT / "deploy" / "check_gcloud.sh").read_text(), re.M)
    builders = {step["name"].partition("@")[0] for step in STEPS if "google-cloud-cli" in step["name"]}
    assert builders == {f"gcr.io/google.com/cloudsdktool/google-cloud-cli:{wanted}.0.0-slim"}


def test_first_step_is_the_gate_of_every_change_with_a_browser() -> None:
    """`make test` alone would leave out the dashboard's tests: nothing else installs a Chromium."""
    assert (STEPS[0]["id"], STEPS[0]["entrypoint"], STEPS[0]["args"]) == ("test", "bash", [".ci/run"])
    assert "CI=true" in BUILD["options"]["env"]


@pytest.mark.parametrize(
    "wrong",
    long_after(
        2,
        [
            "docker run",  # the probe
            "jobs update flights-canary --region=europe-west1 --image=europe",  # the last of the three
            "worker-pools update flights-writer --region=europe-west1 --image=europe",
            "worker-pools describe",
            "--to-revisions",
        ],
    ),
)
def test_everything_is_put_back_and_the_build_fails_when_a_step_does(run: Run, wrong: str) -> None:
    run.failing = [wrong]
    assert not run.build()
    assert run.done[-1] == "finish"
    assert run["serving"] == "flights-api-0"
    assert run["images"] == OLD
    assert run["tags"] == {}


def test_another_systems_build_touches_nothing_of_this_one(run: Run) -> None:
    run.substitutions = {"_NAME": "staging"}
    run.save(images={name.replace("flights", "staging"): image for name, image in OLD.items()})
    assert run.build(), run.said
    asked = " ".join(run["log"]).replace("flights-api-mock.a.run.app", "")  # every service's address, here
    assert "topics/staging" in asked
    assert "staging-build@" in asked
    assert not re.findall(
        r"flights-(?:api|writer|compactor|canary|build|probe|dashboard)|topics/flights|/flights/", asked
    )
    assert run["serving"] == "staging-api-1"


def test_dashboard_for_people_gets_the_image_that_was_probed(run: Run) -> None:
    run.people = ["flights-dashboard"]
    assert run.build(), run.said
    assert run["images"]["flights-dashboard"] == run.pushed("api")
    assert run["log"].index(
        "gcloud run deploy flights-dashboard --region=europe-west1 --image={} --quiet".format(run.pushed("api"))
    ) > next(number for number, line in enumerate(run["log"]) if "--to-revisions" in line)


@pytest.mark.parametrize("failing", [[], ["--to-latest"]], ids=["all well", "traffic fails"])
def test_dashboard_for_people_serves_the_next_build_after_a_roll_back(run: Run, failing: list[str]) -> None:
    """A deploy keeps the traffic where it was sent: the old image would stay, and no build would say so."""
    run.people = ["flights-dashboard"]
    assert run.build(), run.said
    first = run.pushed("api")
    run.save(pinned=["flights-dashboard"])  # --to-revisions=OLD=100, by hand
    again = "9d2504e0-0000-11d3-9a0c-0305e82c3301"
    run.failing = failing
    assert run.build(again) is not bool(failing), run.said
    assert run["images"]["flights-dashboard"] == (first if failing else run.pushed("api", again))
    by_hand = "&& gcloud run services update-traffic flights-dashboard --region=europe-west1 --to-latest"
    assert (by_hand in run.said) == bool(failing)


def test_dashboard_for_people_stays_and_the_build_fails_when_it_cannot_be_deployed(run: Run) -> None:
    run.people = ["flights-dashboard"]
    run.failing = ["run deploy flights-dashboard"]
    assert not run.build()
    assert run["serving"] == "flights-api-1"  # what was probed serves: nothing is put back
    assert run["images"] == run.new
    assert "BY HAND: gcloud run deploy flights-dashboard --region=europe-west1 --image=" in run.said


def test_dashboard_for_people_is_not_touched_when_the_probe_fails(run: Run) -> None:
    run.people = ["flights-dashboard"]
    run.failing = ["docker run"]
    assert not run.build()
    assert "flights-dashboard" not in run["images"]


@pytest.mark.parametrize(
    "stuck",
    long_after(
        1, ["docker run", "worker-pools update flights-writer --region=europe-west1 --image=europe", "--to-revisions"]
    ),
)
def test_everything_is_put_back_when_a_step_does_not_end(run: Run, stuck: str) -> None:
    run.environment = {"CALL_S": "77"}
    run.hanging = [stuck]
    assert not run.build()
    assert run["serving"] == "flights-api-0"
    assert run["images"] == OLD


def test_build_ends_later_than_all_its_steps_may_take() -> None:
    script = (ROOT / "deploy" / "steps.sh").read_text()
    number = {name: int(value) for name, value in re.findall(r"^([A-Z_]+)=(?:\$\{[A-Z_]+:-)?(\d+)\}?", script, re.M)}
    changes = len(OLD) + 5  # dark, its tag, probe, traffic, the tag again
    put_back = len(OLD) * number["TRIES"]
    people = 2 * number["TRIES"]  # its deploy and its traffic, where nothing is put back
    steps_s = number["TURN_TRIES"] * number["TURN_PAUSE_S"] + (changes + max(put_back, people)) * number["CALL_S"]
    assert steps_s + 1800 <= int(BUILD["timeout"].rstrip("s"))  # of tests, images and pushes


def test_what_cannot_be_put_back_is_named_with_the_command(run: Run) -> None:
    run.failing = ["docker run", "--image=old/writer"]
    assert not run.build()
    image = OLD["flights-writer"]
    assert f"BY HAND: gcloud run worker-pools update flights-writer --region=europe-west1 --image={image}" in run.said
    assert run["images"] == {**OLD, "flights-writer": run.new["flights-writer"]}
    tried = [line for line in run["log"] if "--image=old/writer" in line]
    assert len(tried) == 3


@pytest.mark.parametrize(
    "wrong",
    long_after(
        3,
        [
            *("make test", "run deploy", "generateIdToken"),
            *("docker build", "docker push", "docker image", "--update-tags", "print-access-token"),
        ],
    ),
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
    again = "9d2504e0-0000-11d3-9a0c-0305e82c3301"
    assert run.build(again), run.said
    assert set(run["images"].values()) == {run.pushed("writer", again)}
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


def test_identity_is_asked_for_with_no_more_than_the_role_for_it(built: Run) -> None:
    """gcloud's impersonation would want roles/iam.serviceAccountTokenCreator: any access token of the account."""
    url, asked = built["asked_for_identity"]
    account = "flights-build@flights-test.iam.gserviceaccount.com"
    assert url == f"https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/{account}:generateIdToken"
    assert asked == {"audience": "https://flights-api-mock.a.run.app", "includeEmail": True}
    assert not [line for line in built["log"] if "impersonate" in line or "an-access-token" in line]


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


def test_builds_of_other_systems_are_not_waited_for(run: Run) -> None:
    """Fourteen systems of a project may build at once, and a turn is waited for half an hour at most."""
    run.other_builds = ["build-of-staging"]
    run.substitutions = {"_NAME": "flights"}
    assert run.build(), run.said
    assert "waits for" not in run.said
    [asked] = [line for line in run["log"] if line.startswith("gcloud builds list")]
    assert 'AND substitutions._NAME="flights" AND' in asked
    trigger = resources(MAIN)["google_cloudbuild_trigger.deploy"]
    assert trigger["substitutions"]["_NAME"] == "flights"  # var.name, as deploy/submit.sh gives it
    assert "_NAME=$(output name)" in (ROOT / "deploy" / "submit.sh").read_text()


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
        assert set(step.get("waitFor", [])) - {"-"} <= set(seen), step["id"]
        assert step.get("waitFor") or not seen, f"{step['id']} waits for nothing in particular"
        seen.append(step["id"])
    waited_for = {name for step in STEPS for name in step.get("waitFor", [])}
    assert set(seen) - waited_for == {"finish"}
    assert waited_for - set(seen) == {"-"}


def test_last_step_runs_whatever_the_steps_before_it_did() -> None:
    """A step that fails ends a build, and with it the putting back: from the first change on, none may."""
    ids = [step["id"] for step in STEPS]
    changing = STEPS[ids.index("pipeline") : ids.index("finish")]
    assert all(step.get("allowFailure") for step in changing)
    assert not any(step.get("allowFailure") for step in STEPS if step not in changing)
    assert ids.index("gcloud") < ids.index("build-api")


def test_files_and_targets_that_steps_name_exist() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for step in STEPS:
        for argument in step["args"]:
            name = argument.removeprefix("--file=")
            assert not name.startswith(("Dockerfile", "deploy/", ".ci/")) or (ROOT / name).is_file(), name
    assert re.search(r"^make ", (ROOT / ".ci" / "run").read_text(), re.M)
    assert re.search(r"^test:", makefile, re.M)


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
    script = (ROOT / "deploy" / "steps.sh").read_text().replace("$NAME-probe-key", "flights-probe-key")
    assert resources(MAIN)["google_cloud_run_v2_service.api"]["name"] == "flights-api"
    assert resources(MAIN)["google_cloud_run_v2_worker_pool.writer"]["name"] == "flights-writer"
    assert resources(MAIN)["google_pubsub_topic.flights"]["name"] == "flights"
    assert set(re.findall(r'"(?:worker-pools|jobs) \$NAME-(\w+)"', script)) == {"writer", *local("jobs")}
    account = resources(MAIN)["google_service_account.build"]["account_id"]
    accounts = [text.replace("${_NAME}", "flights") for text in BUILD["options"]["env"]]
    assert f"BUILD_ACCOUNT={account}@$PROJECT_ID.iam.gserviceaccount.com" in accounts
    repository = resources(MAIN)["google_artifact_registry_repository.images"]["repository_id"]
    assert repository == BUILD["substitutions"]["_NAME"] == named(MAIN, "variable")["name"]["default"]
    assert BUILD["substitutions"]["_IMAGES"] == "${_REGION}-docker.pkg.dev/$PROJECT_ID/${_NAME}"
    secret = resources(MAIN)["google_secret_manager_secret.probe_key"]["secret_id"]
    assert set(re.findall(r'--secret="(\S+)"', script)) == {secret}
    trigger = resources(MAIN)["google_cloudbuild_trigger.deploy"]
    assert trigger["filename"] == "cloudbuild.yaml"
    assert set(trigger["substitutions"]) <= set(BUILD["substitutions"])
    assert "image_repository" in named(MAIN, "output")
