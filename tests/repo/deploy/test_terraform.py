"""What the Terraform files promise, read out of them; the provider's own checks are `make check-deploy`."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hcl2
import pytest
import yaml

from ingest_writer.settings import CompactorSettings, WriterSettings
from lakehouse import object_names
from local_cloud.emulators.up import ACK_DEADLINE_S
from probe import settings as probe_settings
from query_service.settings import Settings as ApiSettings
from query_service.settings import memory_needed_mb
from tests.repo.deploy.terraform_files import BACKEND, FLEET, MAIN, ROOT, blocks, local, named, resources, texts

ROOTS = (BACKEND, FLEET, MAIN)

# Who may do what, and on what alone. A new grant is a decision: it is made here too.
GRANTS = {
    ("google_storage_bucket_iam_member", "roles/storage.objectCreator", "writer"),
    ("google_storage_bucket_iam_member", "roles/storage.objectViewer", "api"),
    ("google_storage_bucket_iam_member", "roles/storage.objectViewer", "build"),
    ("google_storage_bucket_iam_member", "roles/storage.objectViewer", "compactor"),
    ("google_storage_bucket_iam_member", "roles/storage.legacyBucketWriter", "compactor"),
    ("google_storage_bucket_iam_member", "roles/storage.objectViewer", "bigquery"),
    ("google_pubsub_subscription_iam_member", "roles/pubsub.subscriber", "writer"),
    ("google_pubsub_topic_iam_member", "roles/pubsub.publisher", "build"),
    ("google_pubsub_topic_iam_member", "roles/pubsub.publisher", "canary"),
    ("google_cloud_run_v2_service_iam_member", "roles/run.invoker", "build"),
    ("google_cloud_run_v2_service_iam_member", "roles/run.invoker", "canary"),
    ("google_cloud_run_v2_service_iam_member", "roles/run.developer", "build"),
    ("google_cloud_run_v2_service_iam_member", "roles/run.invoker", "gcp-sa-iap"),
    ("google_iap_web_cloud_run_service_iam_member", "roles/iap.httpsResourceAccessor", "var.iap_members"),
    ("google_cloud_run_v2_worker_pool_iam_member", "roles/run.developer", "build"),
    ("google_cloud_run_v2_job_iam_member", "roles/run.developer", "build"),
    ("google_cloud_run_v2_job_iam_member", "roles/run.invoker", "schedule"),
    ("google_service_account_iam_member", "roles/iam.serviceAccountUser", "build"),
    ("google_service_account_iam_member", "roles/iam.serviceAccountOpenIdTokenCreator", "build"),
    ("google_artifact_registry_repository_iam_member", "roles/artifactregistry.writer", "build"),
    ("google_secret_manager_secret_iam_member", "roles/secretmanager.secretAccessor", "api"),
    ("google_secret_manager_secret_iam_member", "roles/secretmanager.secretAccessor", "build"),
    ("google_secret_manager_secret_iam_member", "roles/secretmanager.secretAccessor", "canary"),
    ("google_project_iam_member", "roles/cloudbuild.builds.viewer", "build"),
    ("google_project_iam_member", "roles/logging.logWriter", "build"),
    ("google_project_iam_member", "roles/run.viewer", "build"),
    # Of the plan of a pull request, if there is one. It changes nothing.
    ("google_project_iam_member", "roles/iam.securityReviewer", "plan"),
    ("google_project_iam_member", "roles/logging.logWriter", "plan"),
    ("google_project_iam_member", "roles/storage.bucketViewer", "plan"),
    ("google_project_iam_member", "roles/viewer", "plan"),
    ("google_storage_bucket_iam_member", "roles/storage.objectViewer", "plan"),
}


_SETTING = re.compile(r"\b(?:API|WRITER|COMPACTOR|PROBE)_[A-Z_]+\b")


def grants() -> set[tuple[str, str, str]]:
    found = set()
    for address, body in resources(MAIN).items():
        kind = address.partition(".")[0]
        if "_iam_" not in kind:
            continue
        each = body.get("for_each")
        values = texts(each)
        roles = re.findall(r"roles/[\w.]+", " ".join([body["role"], *([str(each)] if each else [])]))
        members = {next(filter(None, who)) for who in _MEMBER.findall(" ".join([body["member"], *values]))}
        assert members, f"{address}: to whom?"
        found |= {(kind, role, member) for role in roles for member in members}
    return found


_MEMBER = re.compile(
    r"google_service_account\.(\w+)(?:\[[^]]*\])?\.member|google_(bigquery)_connection|@(gcp-sa-\w+)\.|(var\.\w+_members)|(all\w*Users)"
)


def test_grants_are_these_and_no_others() -> None:
    assert grants() == GRANTS


def test_grants_add_a_member_and_never_replace_what_others_granted() -> None:
    kinds = {address.partition(".")[0] for address in resources(MAIN) if "_iam_" in address}
    assert all(kind.endswith("_iam_member") for kind in kinds)


def test_every_grant_on_the_lake_is_bound_to_names_of_objects() -> None:
    conditions = {
        address.partition(".")[2]: (body["condition"][0]["expression"], body["bucket"])
        for address, body in resources(MAIN, "google_storage_bucket_iam_member").items()
        if body["bucket"] not in ("${google_storage_bucket.sources.name}", "${var.project_id}-terraform-state")
    }
    lake = "${google_storage_bucket.lake.name}"
    lists = "${local.lake_listing} || "
    assert {name: expression for name, (expression, _) in conditions.items()} == {
        "writer_creates": '${local.lake_objects["writer"]}',  # it lists nothing
        "api_reads": lists + '${local.lake_objects["api"]}',
        "compactor": lists + '${local.lake_objects["compactor"]}',
        "bigquery_reads": lists + '${local.lake_objects["bigquery"]}',
    }
    assert {bucket for _, bucket in conditions.values()} == {lake}
    assert resources(MAIN)["google_storage_bucket.lake"]["uniform_bucket_level_access"] is True  # conditions need it


def test_what_each_identity_may_touch_is_what_its_code_touches() -> None:
    names = {account: set(prefixes) for account, prefixes in local("lake_prefixes").items()}
    table = {object_names.LANDING, object_names.FLIGHTS, object_names.HIDDEN, object_names.SNAPSHOTS}
    assert names == {
        "writer": {object_names.LANDING, object_names.REJECTED},
        "api": table | {object_names.REJECTED},
        "compactor": table | {object_names.ICEBERG},
        "bigquery": {object_names.FLIGHTS},  # the Delta table and its log
    }
    condition = str(local("lake_objects"))
    assert (
        'resource.name.startsWith(\\"projects/_/buckets/${google_storage_bucket.lake.name}/objects/${prefix}'
        in condition
    )


_ONE_OF_A_KIND = {  # inside of what has a name of its own
    "google_bigquery_table.merged table_id": "merged",
    "google_bigquery_table.flights table_id": "flights",
}
_NAMED_BY = {
    *("name", "account_id", "secret_id", "repository_id", "dataset_id", "table_id", "connection_id", "service_id"),
    "display_name",
}


def _raw(folder: Path) -> Iterator[tuple[str, str, str]]:
    """Each named resource: its address, the argument that names it and the argument's text in the file."""
    for path in folder.glob("*.tf"):
        for kind, label, body in re.findall(r'^resource "(\w+)" "(\w+)" \{\n(.*?)^\}', path.read_text(), re.M | re.S):
            for argument, value in re.findall(r"^  (\w+) += (.+)$", body, re.M):
                if argument in _NAMED_BY and "_iam_" not in kind:
                    yield f"{kind}.{label}", argument, value


def test_every_name_follows_the_systems() -> None:
    """Two systems fit into a project when no name is the same in both."""
    follows = re.compile(r"var\.name\b|local\.metrics|google_\w+\.\w+.*\.\w+_id$")
    fixed = {f"{a} {n}": v.strip('"') for a, n, v in _raw(MAIN) if not follows.search(v)}
    assert fixed.pop("google_monitoring_slo.slo display_name")  # in the service, which has a name
    assert fixed == _ONE_OF_A_KIND
    named = {address for address, _, _ in _raw(MAIN)}
    made = {address for address in resources(MAIN) if "_iam_" not in address and "terraform_data" not in address}
    # A trigger, a table and a bucket have names; these are of the project, or named by what they are in.
    assert made - named == {"google_project_service.api", "google_monitoring_dashboard.flights"}
    assert 'displayName = "Flights lakehouse ${var.name}"' in (MAIN / "dashboard.tf").read_text()


def test_no_filter_and_no_path_names_another_system() -> None:
    for path in MAIN.glob("*.tf"):
        code = re.sub(r"#.*$|description *= .*$|^  error_message.*$", "", path.read_text(), flags=re.M)
        names = re.findall(r"flights-\w+|user/flights|topics/flights|_(?:id|name)=\W*flights", code)
        assert names in ([], ["flights-probe"]), path.name  # what our probes call themselves


def test_every_resource_says_its_project() -> None:
    """One provider for all systems of a fleet, which may be in fifty projects: its own project is none of theirs."""
    without = {a for a, body in resources(MAIN).items() if body.get("project") != "${var.project_id}"}
    kinds = {address.partition(".")[0] for address in without}
    assert kinds == {
        "terraform_data",
        "google_storage_bucket_iam_member",  # of a bucket, whose name is the world's
        "google_service_account_iam_member",  # these two name the project in what they are of
        "google_secret_manager_secret_iam_member",
    }
    assert not blocks(MAIN, "provider")  # a module with one cannot be called for each of many


def test_public_api_is_asked_for_and_nothing_is_granted_to_everyone() -> None:
    """Organizations with domain-restricted sharing refuse a grant to allUsers."""
    assert resources(MAIN)["google_cloud_run_v2_service.api"]["invoker_iam_disabled"] == "${var.public_api}"
    assert named(MAIN, "variable")["public_api"]["default"] is False
    assert not [
        path.name for path in MAIN.glob("*.tf") if "member" in path.read_text() and '"allUsers"' in path.read_text()
    ]


def test_what_may_only_create_can_neither_read_nor_overwrite_nor_delete() -> None:
    """What a stolen writer cannot undo is what is restored from: its role creates, and its names are its own."""
    grants_of_writer = [
        (address, body)
        for address, body in resources(MAIN).items()
        if "_iam_" in address and "storage" in address and "account.writer.member" in str(body["member"])
    ]
    [(address, body)] = grants_of_writer
    assert (address, body["role"]) == ("google_storage_bucket_iam_member.writer_creates", "roles/storage.objectCreator")
    allowed = set(local("lake_prefixes")["writer"])
    assert allowed == {object_names.LANDING, object_names.REJECTED}
    table = (object_names.FLIGHTS, object_names.SNAPSHOTS, *object_names.DERIVED)
    assert not any(name.startswith(prefix) or prefix.startswith(name) for name in table for prefix in allowed)
    lake = resources(MAIN)["google_storage_bucket.lake"]
    assert lake["soft_delete_policy"][0]["retention_duration_seconds"] == "${var.retention.deleted_days * 86400}"


def test_no_tile_of_the_dashboard_has_a_zero() -> None:
    """The API leaves zeros out of what it gives back: each plan would add them. The plan tests look at the tiles."""
    dashboard = (MAIN / "dashboard.tf").read_text(encoding="utf-8")
    assert "tiles = [for tile in flatten([" in dashboard
    assert ": { for key, value in tile : key => value if value != 0 }]" in dashboard


def test_nothing_is_made_before_googles_apis_work() -> None:
    """An API that was just turned on refuses calls: the first apply into an empty project waits."""
    wait = resources(MAIN)["terraform_data.apis_on"]
    assert wait["provisioner"][0]["local-exec"]["command"] == "sleep ${var.apis_wait_s}"
    assert "google_project_service.api" in str(wait["triggers_replace"])
    assert named(MAIN, "variable")["apis_wait_s"]["default"] >= 60
    waits = {"terraform_data.apis_on"}
    others = {a: body for a, body in resources(MAIN).items() if not a.startswith("google_project_service.")}
    while more := {
        address
        for address, body in others.items()
        if address not in waits and any(re.search(rf"\b{re.escape(w)}\b", t) for w in waits for t in _with_locals(body))
    }:
        waits |= more
    assert set(others) - waits == set()


def _with_locals(body: Any) -> list[str]:
    """Every string of a resource, and of the values of `locals` that it names."""
    found = texts(body)
    for name in sorted({n for text in found for n in re.findall(r"\blocal\.(\w+)", text)}):
        found += texts(local(name))
    return found


def test_guide_turns_on_every_api_before_terraform_needs_one() -> None:
    guide = (ROOT / "docs" / "deploy.md").read_text()
    [command] = re.findall(r"^gcloud services enable (.*?)# 3$", guide, re.M | re.S)
    turned_on = set(re.findall(r"[a-z]+\.googleapis\.com", command))
    terraforms_own = {"serviceusage.googleapis.com", "cloudresourcemanager.googleapis.com"}
    assert turned_on == set(re.findall(r"[a-z]+\.googleapis\.com", (MAIN / "apis.tf").read_text())) | terraforms_own


def test_sources_of_a_build_by_hand_have_their_bucket_and_grant_in_terraform() -> None:
    bucket = resources(MAIN)["google_storage_bucket.sources"]
    grant = resources(MAIN)["google_storage_bucket_iam_member.build_reads_sources"]
    assert grant["bucket"] == "${google_storage_bucket.sources.name}"
    assert grant["member"] == "${google_service_account.build.member}"
    assert named(MAIN, "output")["build_sources"]["value"] == "${google_storage_bucket.sources.url}/source"
    assert [rule["condition"][0]["age"] for rule in bucket["lifecycle_rule"]] == [30]
    asked = set(re.findall(r"output (\w+)\)", (ROOT / "deploy" / "submit.sh").read_text()))
    assert asked == {"name", "region", "build_account", "build_sources"} <= set(named(MAIN, "output"))


def test_logs_in_a_repositorys_checks_are_for_github_alone() -> None:
    trigger = resources(MAIN)["google_cloudbuild_trigger.deploy"]
    assert trigger["include_build_logs"] == '${var.github_checks ? "INCLUDE_BUILD_LOGS_WITH_STATUS" : null}'


def test_a_pull_request_is_planned_by_what_only_reads() -> None:
    roles = {role for _, role, account in GRANTS if account == "plan"}
    assert {role for role in roles if not re.search(r"[vV]iewer$|securityReviewer$", role)} == {
        "roles/logging.logWriter"
    }
    trigger = resources(MAIN)["google_cloudbuild_trigger.plan"]
    assert trigger["service_account"] == "${google_service_account.plan[each.key].id}"
    asks = trigger["repository_event_config"][0]["pull_request"][0]
    assert asks["comment_control"] == "COMMENTS_ENABLED_FOR_EXTERNAL_CONTRIBUTORS_ONLY"  # strangers wait
    build = yaml.safe_load((ROOT / trigger["filename"]).read_text())
    assert set(trigger["substitutions"]) == set(build["substitutions"])
    [_, script] = build["steps"][0]["args"]
    assert "apply" not in script
    assert "-lock=false" in script  # a lock is written
    assert build["steps"][0]["name"].partition("@")[0] == "hashicorp/terraform:1.11.4"  # as the checks were made with
    backend = resources(BACKEND)["google_storage_bucket.state"]["name"]
    assert backend == resources(MAIN)["google_storage_bucket_iam_member.plan_reads_state"]["bucket"]
    assert f"bucket={backend}".replace("${var.project_id}", "$PROJECT_ID") in script


def test_jobs_are_tried_as_often_as_google_recommends_but_for_the_canary() -> None:
    """A canary that is tried again would be two events of one minute, and two answers in the objective."""
    job = resources(MAIN)["google_cloud_run_v2_job.job"]
    assert job["template"][0]["template"][0]["max_retries"] == "${each.value.retries}"
    assert {name: job["retries"] for name, job in local("jobs").items()} == {"compactor": 3, "canary": 0}


@pytest.mark.parametrize("folder", [BACKEND, MAIN], ids=["backend", "main"])
def test_every_bucket_is_protected(folder: Path) -> None:
    buckets = resources(folder, "google_storage_bucket")
    assert buckets
    for bucket in buckets.values():
        assert bucket["force_destroy"] is False
        assert bucket["uniform_bucket_level_access"] is True
        assert bucket["public_access_prevention"] == "enforced"
        assert bucket["lifecycle"][0]["prevent_destroy"] is True


_PROTECTED_BY_DEFAULT = (
    "google_cloud_run_v2_service",
    "google_cloud_run_v2_worker_pool",
    "google_cloud_run_v2_job",
    "google_bigquery_table",
)
"""The provider refuses to delete these unless `deletion_protection` is false."""


def test_taking_it_down_names_everything_that_terraform_will_not_delete() -> None:
    protected = {
        address
        for folder in (MAIN, BACKEND)
        for address, body in resources(folder).items()
        if any(rule.get("prevent_destroy") for rule in body.get("lifecycle", []))
        or body.get("deletion_protection", address.partition(".")[0] in _PROTECTED_BY_DEFAULT) is True
    }
    page = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
    section = page.partition("## Taking it down\n")[2].partition("\n## ")[0]
    assert set(re.findall(r"^\| `([a-z0-9_.]+)` \|", section, re.MULTILINE)) == protected


def test_nothing_of_the_lake_is_deleted_by_age_but_rejected_messages() -> None:
    rules = resources(MAIN)["google_storage_bucket.lake"]["lifecycle_rule"]
    deleting = [rule["condition"][0] for rule in rules if rule["action"][0]["type"] == "Delete"]
    assert [condition["matches_prefix"] for condition in deleting] == [["rejected/"]]


def test_subscription_keeps_everything() -> None:
    subscription = resources(MAIN)["google_pubsub_subscription.writer"]
    assert subscription["expiration_policy"][0]["ttl"] == ""
    assert "dead_letter_policy" not in subscription
    assert local("ack_deadline_s") == ACK_DEADLINE_S == WriterSettings.model_fields["ack_deadline_s"].default


@pytest.mark.parametrize("folder", ROOTS, ids=lambda folder: folder.name)
def test_every_variable_has_type_description_and_validation(folder: Path) -> None:
    for name, variable in named(folder, "variable").items():
        assert variable["type"], name
        assert variable["description"].endswith(".") or "." in variable["description"], name
        checked = "validation" in variable or variable["type"] == "bool" or name == "trigger_branch"
        assert checked, f"{name}: nothing says what it takes"


def test_what_is_the_projects_own_has_no_default() -> None:
    required = {name for name, variable in named(MAIN, "variable").items() if "default" not in variable}
    assert required == {"project_id", "region", "repository", "page_emails", "ticket_emails", "runbook_url"}


def test_default_cache_is_the_services() -> None:
    memory = re.sub(" +", " ", named(MAIN, "variable")["api_memory"]["type"])
    assert f"cache_mb = optional(number, {ApiSettings.model_fields['file_cache_mb'].default})" in memory


def test_memory_that_terraform_asks_for_is_what_the_service_computes() -> None:
    """A change of a default, or of what counts twice, has to change the condition too."""
    none = {"rollup_cache_mb": 0}  # its default is a sixteenth of the container, which the condition leaves for it
    settings = ApiSettings(LAKE_URL="memory://", file_cache_mb=1000, duckdb_memory_mb=10_000, **none)  # type: ignore[call-arg, arg-type]
    others_mb = memory_needed_mb(settings) - 1000 - 2 * 10_000
    condition = str(named(MAIN, "variable")["api_memory"]["validation"][0]["condition"])
    assert f"cache_mb + 2 * var.api_memory.duckdb_mb + {others_mb} <=" in condition
    assert "* 15 / 16" in condition


@pytest.mark.parametrize(
    ("kind", "path", "own"),
    [
        ("google_cloud_run_v2_service", "template[0].containers[0].image", {"traffic"}),
        ("google_cloud_run_v2_worker_pool", "template[0].containers[0].image", {"instance_splits"}),
        ("google_cloud_run_v2_job", "template[0].template[0].containers[0].image", set()),
    ],
)
def test_images_and_traffic_are_cloud_builds(kind: str, path: str, own: set[str]) -> None:
    for body in resources(MAIN, kind).values():
        ignored = set(texts(body["lifecycle"][0]["ignore_changes"]))
        assert {f"${{{path}}}", "client", "client_version", *own} <= ignored
        assert [t for t in texts(body) if t.startswith("${local.placeholder.")]
        # A name of a revision that is ignored would be sent again with other settings, and refused.
        assert "${template[0].revision}" not in ignored


def variables_in_terraform() -> set[str]:
    """Every environment variable that a container is given, also on a condition."""
    found = {v for body in resources(MAIN).values() for v in _env_names(body)} | set(local("api_env"))
    conditional = {
        v
        for text in texts([*resources(MAIN).values(), local("jobs"), local("api_keys_env")])
        for v in _SETTING.findall(text)
    }
    return found | {name for job in local("jobs").values() for name in job["env"]} | conditional


def _env_names(value: Any) -> set[str]:
    if isinstance(value, dict):
        own = {item["name"] for item in value.get("env", []) if isinstance(item, dict) and "name" in item}
        return own | {name for item in value.values() for name in _env_names(item)}
    if isinstance(value, list):
        return {name for item in value for name in _env_names(item)}
    return set()


def test_every_setting_in_terraform_is_one_that_the_code_reads() -> None:
    read = {"LAKE_URL", "PUBSUB_SUBSCRIPTION", "PUBSUB_TOPIC", *probe_settings._NAMES}
    for settings in (WriterSettings, CompactorSettings, ApiSettings):
        prefix = settings.model_config["env_prefix"]
        read |= {f"{prefix}{name}".upper() for name in settings.model_fields}
    given = variables_in_terraform()
    assert given <= read
    # ... and the other way round: what has no default, and what depends on the machine, is given.
    assert {"LAKE_URL", "PUBSUB_SUBSCRIPTION", "PUBSUB_TOPIC", "PROBE_URL", "PROBE_AUDIENCE"} <= given
    assert {"API_KEYS_FILE", "PROBE_API_KEY", "API_TRACE_PROJECT", "API_TLS_IN_FRONT", "API_PROXY_HOPS"} <= given
    assert {"API_LOG_FORMAT", "WRITER_LOG_FORMAT", "COMPACTOR_LOG_FORMAT"} <= given
    assert {"API_FILE_CACHE_MB", "API_DUCKDB_MEMORY_MB", "API_MAX_CONCURRENT_QUERIES", "COMPACTOR_MEMORY_MB"} <= given


def test_every_setting_that_a_comment_of_terraform_names_exists() -> None:
    known = {
        f"{settings.model_config['env_prefix']}{name}".upper()
        for settings in (WriterSettings, CompactorSettings, ApiSettings)
        for name in settings.model_fields
    }
    for path in MAIN.glob("*.tf"):
        assert set(_SETTING.findall(path.read_text())) <= known | set(probe_settings._NAMES), path.name


def test_settings_of_the_map_are_none_that_terraform_decides() -> None:
    """A setting would win over the container that it was computed for; keys would be in the state."""
    variable = named(MAIN, "variable")["api_settings"]
    refused = set(_SETTING.findall(str(variable["validation"][1]["condition"])))
    assert refused == {*local("api_env"), *local("api_keys_env"), "API_KEYS"} - {"LAKE_URL"}
    for address in ("api", "people"):
        [env] = [
            block["env"]
            for block in resources(MAIN)[f"google_cloud_run_v2_service.{address}"]["template"][0]["containers"][0][
                "dynamic"
            ]
            if "env" in block
        ]
        assert "merge(var.api_settings, local.api_env" in env["for_each"]  # the later wins


def test_people_sign_in_and_machines_do_not() -> None:
    """Identity-Aware Proxy asks every caller: on the API itself no build, canary or program would get in."""
    assert "iap_enabled" not in resources(MAIN)["google_cloud_run_v2_service.api"]
    people = resources(MAIN)["google_cloud_run_v2_service.people"]
    assert people["iap_enabled"] is True
    assert "invoker_iam_disabled" not in people  # open, were the proxy ever off
    assert people["ingress"] == "INGRESS_TRAFFIC_ALL"  # their browsers are in no network of the project
    assert resources(MAIN)["google_cloud_run_v2_service.api"]["ingress"] == "${var.ingress}"
    assert named(MAIN, "variable")["iap_members"]["default"] == []


def test_keys_are_off_until_they_are_asked_for() -> None:
    assert named(MAIN, "variable")["api_keys_enabled"]["default"] is False
    api = resources(MAIN)["google_cloud_run_v2_service.api"]
    for body, value in ((api, "local.api_keys_env"), (local("jobs"), "PROBE_API_KEY")):
        [text] = [text for text in texts(body) if value in text]
        assert "var.api_keys_enabled ?" in text


def test_no_secret_has_a_value_in_terraform() -> None:
    assert not resources(MAIN, "google_secret_manager_secret_version")


def test_cores_of_a_container_are_what_it_is_told() -> None:
    api = resources(MAIN)["google_cloud_run_v2_service.api"]["template"][0]["containers"][0]
    assert local("api_env")["API_MAX_CONCURRENT_QUERIES"] == api["resources"][0]["limits"]["cpu"]
    compactor = local("jobs")["compactor"]
    assert compactor["env"]["COMPACTOR_THREADS"] == compactor["cpu"]


def test_a_persons_word_for_a_snapshot_is_a_variable_and_nobodys_at_first() -> None:
    """Set with gcloud alone, the next apply would take it away, and the compactor would stop again."""
    assert local("jobs")["compactor"]["env"]["COMPACTOR_TRUSTED_SNAPSHOT"] == (
        "${tostring(var.compactor_trusted_snapshot)}"
    )
    variable = named(MAIN, "variable")["compactor_trusted_snapshot"]
    assert variable["default"] == CompactorSettings.model_fields["trusted_snapshot"].default == 0
    assert f"< {object_names.MAX_SNAPSHOT} " in variable["validation"][0]["condition"]


def test_no_revision_without_traffic_is_kept_warm() -> None:
    api = resources(MAIN)["google_cloud_run_v2_service.api"]
    assert api["scaling"][0]["min_instance_count"] == "${var.api_min_instances}"
    assert "min_instance_count" not in api["template"][0]["scaling"][0]


def test_every_api_of_google_that_is_used_is_enabled() -> None:
    enabled = set(re.findall(r"[a-z]+\.googleapis\.com", (MAIN / "apis.tf").read_text()))
    kinds = {address.partition(".")[0] for address in resources(MAIN)}
    needed = {
        "google_artifact_registry": "artifactregistry",
        "google_bigquery": "bigquery",
        "google_cloud_run": "run",
        "google_cloud_scheduler": "cloudscheduler",
        "google_cloudbuild": "cloudbuild",
        "google_logging": "logging",
        "google_monitoring": "monitoring",
        "google_pubsub": "pubsub",
        "google_secret_manager": "secretmanager",
        "google_service_account": "iam",
        "google_storage": "storage",
    }
    for prefix, api in needed.items():
        assert any(kind.startswith(prefix) for kind in kinds), f"{prefix}: nothing of it is left"
        assert f"{api}.googleapis.com" in enabled


def test_guide_has_at_most_ten_steps_and_explains_each_in_a_line() -> None:
    guide = (ROOT / "docs" / "deploy.md").read_text()
    steps = [int(n) for n in re.findall(r"(?:# |^)(\d+)(?:$|\\\.)", guide, re.M)]
    assert steps == list(range(1, len(steps) + 1))
    assert 1 < len(steps) <= 10
    assert re.findall(r"^\| (\d+) \| .+ \|$", guide, re.M) == [str(step) for step in steps]


def test_guide_turns_keys_on_with_names_that_terraform_knows() -> None:
    guide = (ROOT / "docs" / "deploy.md").read_text()
    secrets = {body["secret_id"] for body in resources(MAIN, "google_secret_manager_secret").values()}
    assert set(re.findall(r"gcloud secrets versions add (\S+)", guide)) == secrets
    assert set(re.findall(r"echo '(\w+) = ", guide)) <= set(named(MAIN, "variable"))


def test_files_are_formatted() -> None:
    """What can be seen without Terraform, always; with it, all of it."""
    for path in (ROOT / "terraform").rglob("*.*"):
        if path.suffix not in (".tf", ".hcl") or ".terraform" in path.parts:
            continue
        text = path.read_text()
        assert "\t" not in text, path
        assert "\r" not in text, path
        assert text.endswith("\n"), path
        assert not re.search(r" $", text, re.M), path
        assert not re.search(r"^(?:  )* \S", text, re.M), f"{path}: indentation is two spaces a level"
    if tool := shutil.which("terraform"):
        done = subprocess.run(
            [tool, "fmt", "-check", "-recursive", "-diff", ROOT / "terraform"],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("folder", ROOTS, ids=lambda folder: folder.name)
def test_provider_is_locked_with_hashes_of_every_platform(folder: Path) -> None:
    [block] = blocks(folder, "terraform")
    wanted = block["required_providers"][0]["google"]["version"]
    assert re.fullmatch(r"~> \d+\.\d+\.0", wanted), "patches alone: a minor version may change plans"
    lock = (folder / ".terraform.lock.hcl").read_text()
    [(source, version, constraints)] = re.findall(
        r'^provider "([^"]+)" \{\n  version     = "([^"]+)"\n  constraints = "([^"]+)"$', lock, re.M
    )
    assert (source, constraints) == ("registry.terraform.io/hashicorp/google", wanted)
    assert version.rpartition(".")[0] == wanted.removeprefix("~> ").rpartition(".")[0]
    assert len(set(re.findall(r'"h1:[A-Za-z0-9+/]{43}="', lock))) == 11  # platforms that the provider is built for
    assert len(set(re.findall(r'"zh:[0-9a-f]{64}"', lock))) == 12  # ... and its manifest


def test_all_roots_take_the_same_versions() -> None:
    assert len({(folder / ".terraform.lock.hcl").read_text() for folder in ROOTS}) == 1
    assert len({str(blocks(folder, "terraform")[0]["required_providers"]) for folder in ROOTS}) == 1


@pytest.mark.parametrize("path", sorted((MAIN / "envs").glob("*.tfvars")), ids=lambda path: path.stem)
def test_an_environment_has_what_terraform_needs_and_nothing_that_it_does_not_know(path: Path) -> None:
    with path.open() as file:
        given = {name: value for name, value in hcl2.load(file).items() if not name.startswith("__")}
    variables = named(MAIN, "variable")
    assert {name for name, variable in variables.items() if "default" not in variable} <= set(given) <= set(variables)
    assert given["name"].strip('"') == path.stem  # the workspace's, which `name` has to be


def test_environments_of_one_project_have_different_names() -> None:
    texts_ = [path.read_text() for path in (MAIN / "envs").glob("*.tfvars")]
    assert len(texts_) >= 2
    assert len({re.findall(r'^name += "(.+)"$', text, re.M)[0] for text in texts_}) == len(texts_)
    assert "terraform.workspace == var.name" in str(named(MAIN, "variable")["name"]["validation"])


def test_two_regions_are_googles_to_refuse_and_the_error_says_where_they_are_listed() -> None:
    for folder, name in ((MAIN, "lake_regions"), (BACKEND, "state_regions")):
        variable = named(folder, "variable")[name]
        check = variable["validation"][0]
        assert '["europe-west2", "europe-west6"]' in check["condition"].replace("'", '"')  # not in the EU
        assert "https://cloud.google.com/storage/docs/locations#location-dr" in check["error_message"]


NOT_OF_A_FLEET = {
    "plan_pull_requests": "it plans terraform/main with a file of terraform/main/envs; a fleet's systems have none",
}
"""Variables of terraform/main that a fleet does not hand on, and why nobody misses them."""


def test_a_fleet_hands_on_every_variable_of_a_system() -> None:
    """In a system of its own an operator sets it; one of a fleet must not have to leave the fleet for it."""
    variables = named(MAIN, "variable")
    assert set(_handed_on()) | set(NOT_OF_A_FLEET) == set(variables)
    assert not set(_handed_on()) & set(NOT_OF_A_FLEET)
    fleets = set(named(FLEET, "variable")) - {"systems", "project_id"}
    for name, value in _handed_on().items():
        assert value == f"${{var.{name}}}" if name in fleets else value == f"${{each.value.{name}}}", name


def test_a_system_of_a_fleet_has_the_defaults_of_one_alone() -> None:
    """What is not given is null, which takes main's default only where it may not be null."""
    types = dict(re.findall(r"^    (\w+) += (.+?)(?: +#.*)?$", _system_type(), re.M))
    assert set(types) == {name for name, value in _handed_on().items() if value.startswith("${each.value.")}
    variables = named(MAIN, "variable")
    assert {name for name, kind in types.items() if not kind.startswith("optional(")} == {"project_id", "region"}
    assert types.pop("name") == f'optional(string, "{variables["name"]["default"]}")'
    for name, kind in types.items():
        if kind.startswith("optional("):
            assert kind.count("(") == 1 or not re.search(r"optional\(\w+, ", kind), f"{name}: a default of its own"
            may_be_null = variables[name].get("nullable") is not False
            assert not may_be_null or variables[name].get("default", "null") in (None, "null", "${null}"), name


def test_an_object_of_a_fleets_system_has_all_fields_of_mains() -> None:
    for name in ("api_memory", "compactor_memory", "retention"):
        mains = re.findall(r"(\w+) += optional\(", _body(MAIN, name))
        [fleets] = re.findall(rf"^    {name} += optional\(object\((.*)\)\)$", _system_type(), re.M)
        assert re.findall(r"(\w+) = optional\(number\)", fleets) == mains, name
        assert mains


def _handed_on() -> dict[str, str]:
    module = blocks(FLEET, "module")[0]["system"]
    return {n: value for n, value in module.items() if n not in ("source", "for_each") and not n.startswith("__")}


def _body(folder: Path, variable: str) -> str:
    text = (folder / "variables.tf").read_text()
    return text.partition(f'variable "{variable}" {{')[2].partition("\n}\n")[0]


def _system_type() -> str:
    return _body(FLEET, "systems").partition("type = map(object({")[2].partition("\n  }))\n")[0]


def test_a_fleets_systems_can_be_built() -> None:
    [value] = [named(FLEET, "output")["systems"]["value"]]
    assert set(re.findall(r"(\w+) *[=:] *\"?\$?\{?system\.\1\b", str(value))) == {
        *("name", "region", "build_account", "build_sources")
    }
    example = hcl2.loads((FLEET / "fleet.tfvars.example").read_text())
    systems = [system for key, system in example["systems"].items() if not key.startswith("__")]
    assert any("repository" in system for system in systems)
    known = set(re.findall(r"^    (\w+) += ", _system_type(), re.M))
    assert {name for system in systems for name in system if not name.startswith("__")} <= known


def test_a_fleet_makes_nothing_before_googles_apis_work_in_its_projects() -> None:
    """The dashboard's own project may have no system, and a system's may be new."""
    made = resources(FLEET)
    assert made["google_project_service.monitoring"]["service"] == "monitoring.googleapis.com"
    wait = made["terraform_data.monitoring_on"]
    assert wait["triggers_replace"] == "${google_project_service.monitoring.service}"
    assert wait["provisioner"][0]["local-exec"]["command"] == "sleep ${var.apis_wait_s}"
    others = {address: body for address, body in made.items() if address.startswith("google_monitoring_")}
    assert len(others) == 2
    for address, body in others.items():
        assert "${terraform_data.monitoring_on}" in body["depends_on"], address
    assert "${module.system}" in others["google_monitoring_monitored_project.system"]["depends_on"]


def test_a_fleets_dashboard_charts_metrics_that_systems_have() -> None:
    charts = re.findall(r'metric = "(\w+)", resource = "(\w+)"', (FLEET / "dashboard.tf").read_text())
    counters, gauges = local("counter"), local("gauge")
    assert charts
    for metric, resource in charts:
        assert metric in {*counters, *gauges}
        if metric in counters:
            assert counters[metric]["resource"] == resource


def test_a_projects_room_for_systems_is_googles() -> None:
    """100 service accounts and 500 log-based metrics."""
    accounts = len(resources(MAIN, "google_service_account"))
    metrics = len(local("counter")) + len(local("gauge"))
    [room] = re.findall(r"== project\]\) <= (\d+)", str(named(FLEET, "variable")["systems"]["validation"]))
    assert int(room) == min(100 // accounts, 500 // metrics)


def test_every_output_is_described_and_used_in_the_guide() -> None:
    guide = (ROOT / "docs" / "deploy.md").read_text()
    for folder in (BACKEND, MAIN):
        for name, output in named(folder, "output").items():
            assert output["description"]
            assert name in guide, f"docs/deploy.md does not say what the output {name} is for"


def test_apply_waits_for_new_metrics_as_long_as_the_api_says() -> None:
    """Its refusal says "If a metric was created recently, it could take up to 10 minutes to become available"."""
    assert named(MAIN, "variable")["metrics_wait_s"]["default"] == 600


def test_check_with_the_provider_says_loudly_when_it_cannot_be_had(tmp_path: Path) -> None:
    environment = {"PATH": os.environ["PATH"], "TERRAFORM": str(tmp_path / "none")}
    done = subprocess.run(
        ["bash", ROOT / "tools" / "check_deploy.sh", "terraform"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2, done.stdout + done.stderr
    assert "NOT CHECKED" in done.stdout
