# Plans against the real provider's schema with made-up answers: no credentials, no project.
# make test-terraform

mock_provider "google" {
  mock_resource "google_service_account" {
    defaults = {
      id     = "projects/flights-test/serviceAccounts/flights-mock@flights-test.iam.gserviceaccount.com"
      name   = "projects/flights-test/serviceAccounts/flights-mock@flights-test.iam.gserviceaccount.com"
      email  = "flights-mock@flights-test.iam.gserviceaccount.com"
      member = "serviceAccount:flights-mock@flights-test.iam.gserviceaccount.com"
    }
  }
  mock_resource "google_pubsub_topic" {
    defaults = { id = "projects/flights-test/topics/flights" }
  }
  mock_resource "google_pubsub_subscription" {
    defaults = { id = "projects/flights-test/subscriptions/flights-writer" }
  }
  mock_resource "google_storage_bucket" {
    defaults = { url = "gs://flights-test-flights-lake" }
  }
  mock_resource "google_cloud_run_v2_service" {
    defaults = { uri = "https://flights-api-mock.a.run.app" }
  }
  mock_data "google_project" {
    defaults = { number = "123456789" }
  }
  mock_resource "google_cloud_run_v2_job" {
    defaults = { id = "projects/flights-test/locations/europe-west1/jobs/mock" }
  }
  mock_resource "google_monitoring_slo" {
    defaults = { id = "projects/1/services/flights/serviceLevelObjectives/mock" }
  }
}

variables {
  project_id    = "flights-test"
  region        = "europe-west1"
  repository    = "projects/flights-test/locations/europe-west1/connections/github/repositories/flights"
  page_emails   = ["oncall@example.com"]
  ticket_emails = ["tickets@example.com"]
  runbook_url   = "https://example.com/docs/runbook.md"

  apis_wait_s    = 0 # nothing real is made
  metrics_wait_s = 0
}

run "one_apply_makes_everything" {
  command = apply

  assert {
    condition     = google_storage_bucket.lake.force_destroy == false && google_storage_bucket.lake.public_access_prevention == "enforced"
    error_message = "The lake has to be protected."
  }
  assert {
    condition     = google_storage_bucket_iam_member.writer_creates.condition[0].expression == "resource.name.startsWith(\"projects/_/buckets/flights-test-flights-lake/objects/landing/\") || resource.name.startsWith(\"projects/_/buckets/flights-test-flights-lake/objects/rejected/\")"
    error_message = "The writer creates under landing/ and rejected/ alone."
  }
  assert {
    condition     = alltrue([for grant in [google_storage_bucket_iam_member.api_reads, google_storage_bucket_iam_member.compactor["roles/storage.objectViewer"], google_storage_bucket_iam_member.compactor["roles/storage.legacyBucketWriter"]] : startswith(grant.condition[0].expression, "resource.type == \"storage.googleapis.com/Bucket\" || resource.name.startsWith(\"projects/_/buckets/flights-test-flights-lake/objects/landing/\")")])
    error_message = "Who lists may list, and has objects by their names."
  }
  assert {
    condition     = google_cloud_run_v2_service.api.invoker_iam_disabled == false
    error_message = "Nobody asked for a public API."
  }
  assert {
    condition     = google_cloud_run_v2_service.api.template[0].containers[0].resources[0].limits["memory"] == "2048Mi"
    error_message = "The API's memory."
  }
  assert {
    condition     = google_cloud_scheduler_job.job["compactor"].http_target[0].uri == "https://run.googleapis.com/v2/projects/flights-test/locations/europe-west1/jobs/mock:run"
    error_message = "The schedule has to call the job's run method."
  }
  assert {
    condition     = length(google_monitoring_alert_policy.burn) == 9
    error_message = "Three objectives, three alerts each."
  }
  assert {
    condition     = google_pubsub_subscription.writer.expiration_policy[0].ttl == "" && length(google_pubsub_subscription.writer.dead_letter_policy) == 0
    error_message = "The subscription never expires and throws nothing out."
  }
  assert {
    condition     = length(jsondecode(google_monitoring_dashboard.flights.dashboard_json).mosaicLayout.tiles) == 20
    error_message = "Four headings and sixteen charts."
  }
  assert {
    condition     = length(regexall(":(0|false|\"\"|\\[\\]|\\{\\})[,}]", google_monitoring_dashboard.flights.dashboard_json)) == 0
    error_message = "The API leaves zeros out of what it gives back: each plan would add them again."
  }
  assert {
    condition     = google_cloud_run_v2_service.api.template[0].revision == null
    error_message = "Revisions are named by Cloud Run: a name in the template would be another in each plan."
  }
  assert {
    condition     = [for name, job in google_cloud_run_v2_job.job : "${name} ${job.template[0].template[0].max_retries}"] == ["canary 0", "compactor 3"]
    error_message = "As Google recommends; the canary has the next minute."
  }
  assert {
    condition     = google_cloudbuild_trigger.deploy[0].include_build_logs == "INCLUDE_BUILD_LOGS_WITH_STATUS"
    error_message = "Most repositories are on GitHub."
  }
  assert {
    condition     = length(google_monitoring_alert_policy.burn["freshness-fast"].conditions) == 3 && length(google_monitoring_alert_policy.burn["freshness-ticket"].conditions) == 2
    error_message = "A page has a short window, a ticket has none."
  }
  assert {
    condition     = [for tile in jsondecode(google_monitoring_dashboard.flights.dashboard_json).mosaicLayout.tiles : try(tile.widget.xyChart.dataSets[0].timeSeriesQuery.timeSeriesFilter.aggregation.groupByFields, []) if strcontains(tile.widget.title, "runs by result")] == [["resource.label.job_name", "metric.label.result"]]
    error_message = "Runs by result are told apart by result."
  }
  assert {
    condition     = length(google_cloud_run_v2_service.api.template[0].volumes) == 0 && !contains(google_cloud_run_v2_service.api.template[0].containers[0].env[*].name, "API_KEYS_FILE")
    error_message = "The secrets are empty at the first apply: nothing may read them."
  }
  assert {
    condition     = length(google_cloud_run_v2_job.job["canary"].template[0].template[0].containers[0].env) == 3
    error_message = "The canary has no key yet."
  }
  assert {
    condition     = length(google_cloudbuild_trigger.deploy) == 1
    error_message = "A repository was given."
  }
  assert {
    condition     = length(google_bigquery_table.merged) == 0
    error_message = "BigQuery is asked for or is not there."
  }
}

# tools/check_deploy.sh looks for "No changes" in what this prints.
run "the_next_plan_is_empty" {
  command = plan
}

run "public_and_bigquery_when_asked" {
  command = apply

  variables {
    public_api = true
    bigquery   = true
    repository = null
  }

  assert {
    condition     = google_cloud_run_v2_service.api.invoker_iam_disabled == true
    error_message = "It was asked for."
  }
  assert {
    condition     = google_bigquery_table.merged[0].external_data_configuration[0].source_uris[0] == "gs://flights-test-flights-lake/flights" && google_bigquery_table.merged[0].external_data_configuration[0].source_format == "DELTA_LAKE"
    error_message = "The table is the Delta table, not a wildcard."
  }
  assert {
    condition     = length(google_cloudbuild_trigger.deploy) == 0
    error_message = "No repository, no trigger."
  }
}

run "elsewhere_than_on_github_logs_are_in_no_checks" {
  command = apply

  variables {
    github_checks = false
  }

  assert {
    condition     = google_cloudbuild_trigger.deploy[0].include_build_logs == null
    error_message = "The API refuses it for other repositories."
  }
}

run "keys_are_mounted_when_asked" {
  command = apply

  variables {
    api_keys_enabled = true
  }

  assert {
    condition     = one([for e in google_cloud_run_v2_service.api.template[0].containers[0].env : e.value if e.name == "API_KEYS_FILE"]) == "${google_cloud_run_v2_service.api.template[0].containers[0].volume_mounts[0].mount_path}/${google_cloud_run_v2_service.api.template[0].volumes[0].secret[0].items[0].path}"
    error_message = "API_KEYS_FILE has to be the file that is mounted."
  }
  assert {
    condition     = google_cloud_run_v2_service.api.template[0].volumes[0].secret[0].secret == "flights-api-key-hashes" && google_cloud_run_v2_service.api.template[0].volumes[0].name == google_cloud_run_v2_service.api.template[0].containers[0].volume_mounts[0].name
    error_message = "The hashes are what is mounted."
  }
  assert {
    condition     = one([for e in google_cloud_run_v2_job.job["canary"].template[0].template[0].containers[0].env : e.value_source[0].secret_key_ref[0].secret if e.name == "PROBE_API_KEY"]) == "flights-probe-key"
    error_message = "The canary needs the key."
  }
  assert {
    condition     = alltrue([for e in google_cloud_run_v2_job.job["compactor"].template[0].template[0].containers[0].env : e.name != "PROBE_API_KEY"])
    error_message = "Nobody else does."
  }
}

run "a_pull_request_is_planned_when_asked" {
  command = apply

  variables {
    plan_pull_requests = true
  }

  assert {
    condition     = google_cloudbuild_trigger.plan["plan"].substitutions["_WORKSPACE"] == "default" && google_cloudbuild_trigger.plan["plan"].substitutions["_PLAN_FILE"] == "envs/flights.tfvars" && google_cloudbuild_trigger.plan["plan"].repository_event_config[0].pull_request[0].branch == "^main$"
    error_message = "Of the branch that is deployed, with the state of this system."
  }
}

run "another_system_has_other_names" {
  command = plan

  variables {
    name = "flights-eu"
  }

  assert {
    condition     = google_storage_bucket.lake.name == "flights-test-flights-eu-lake" && google_logging_metric.counter["gets_bad"].name == "flights_eu_gets_bad" && google_cloud_run_v2_service.api.name == "flights-eu-api"
    error_message = "Names begin with the system's."
  }
}

run "a_name_that_is_too_long_is_refused" {
  command = plan
  variables {
    name = "flights-of-the-whole-world"
  }
  expect_failures = [var.name]
}

run "a_lake_outlives_a_region_when_asked" {
  command = plan

  variables {
    lake_regions    = ["europe-west4", "europe-west1"]
    message_regions = ["europe-west1", "europe-west4"]
    name            = "flights"
  }

  assert {
    condition     = google_storage_bucket.lake.location == "EU" && google_storage_bucket.lake.rpo == "ASYNC_TURBO" && one(google_storage_bucket.lake.custom_placement_config).data_locations == toset(["EUROPE-WEST1", "EUROPE-WEST4"])
    error_message = "Both regions, with turbo replication."
  }
  assert {
    condition     = length(google_pubsub_topic.flights.message_storage_policy[0].allowed_persistence_regions) == 2
    error_message = "Messages stay in these."
  }
}

run "regions_of_two_continents_are_refused" {
  command = plan
  variables {
    lake_regions = ["europe-west1", "us-east4"]
  }
  expect_failures = [var.lake_regions]
}

run "regions_outside_of_the_eu_are_refused" {
  command = plan
  variables {
    lake_regions = ["europe-west1", "europe-west2"]
  }
  expect_failures = [var.lake_regions]
}

run "a_lake_elsewhere_than_its_services_is_refused" {
  command = plan
  variables {
    lake_regions = ["europe-west3", "europe-west4"]
  }
  expect_failures = [var.lake_regions]
}

run "people_get_a_dashboard_of_their_own" {
  command = apply

  variables {
    iap_members  = ["group:airport@example.com", "domain:example.com"]
    api_settings = { API_CORS_ORIGINS = "https://example.com" }
    api_domain   = "api.example.com"
  }

  assert {
    condition     = google_cloud_run_v2_service.api.custom_audiences[0] == "https://api.example.com"
    error_message = "Tokens for the domain are taken."
  }

  assert {
    condition     = google_cloud_run_v2_service.people["dashboard"].iap_enabled && google_cloud_run_v2_service.api.iap_enabled != true
    error_message = "Who calls the API signs in nowhere."
  }
  assert {
    condition     = google_cloud_run_v2_service_iam_member.iap_asks["dashboard"].member == "serviceAccount:service-123456789@gcp-sa-iap.iam.gserviceaccount.com"
    error_message = "IAP asks as its agent."
  }
  assert {
    condition     = length(google_iap_web_cloud_run_service_iam_member.people_look) == 2
    error_message = "Each member is let in."
  }
  assert {
    condition     = alltrue([for service in [google_cloud_run_v2_service.api, google_cloud_run_v2_service.people["dashboard"]] : one([for e in service.template[0].containers[0].env : e.value if e.name == "API_CORS_ORIGINS"]) == "https://example.com"])
    error_message = "Settings reach both."
  }
}

run "an_internal_api_is_asked_from_its_network" {
  command = apply

  variables {
    ingress     = "INGRESS_TRAFFIC_INTERNAL_ONLY"
    subnetwork  = "projects/flights-test/regions/europe-west1/subnetworks/default"
    iap_members = ["group:airport@example.com"]
  }

  assert {
    condition     = google_cloud_run_v2_service.api.ingress == "INGRESS_TRAFFIC_INTERNAL_ONLY" && google_cloud_run_v2_job.job["canary"].template[0].template[0].vpc_access[0].egress == "ALL_TRAFFIC"
    error_message = "The canary comes from inside."
  }
  assert {
    condition     = google_cloud_run_v2_service.people["dashboard"].ingress == "INGRESS_TRAFFIC_ALL"
    error_message = "Browsers are outside; IAP guards their dashboard."
  }
}

run "an_internal_api_that_the_canary_cannot_reach_is_refused" {
  command = plan
  variables {
    ingress = "INGRESS_TRAFFIC_INTERNAL_ONLY"
  }
  expect_failures = [var.ingress]
}

run "an_ingress_is_refused" {
  command = plan
  variables {
    ingress = "internal"
  }
  expect_failures = [var.ingress]
}

run "everybody_is_no_member" {
  command = plan
  variables {
    iap_members = ["allUsers"]
  }
  expect_failures = [var.iap_members]
}

run "a_setting_of_something_else_is_refused" {
  command = plan
  variables {
    api_settings = { LAKE_URL = "gs://elsewhere" }
  }
  expect_failures = [var.api_settings]
}

run "a_setting_that_terraform_decides_is_refused" {
  command = plan
  variables {
    api_settings = { API_FILE_CACHE_MB = "4000" }
  }
  expect_failures = [var.api_settings]
}

run "a_project_id_is_refused" {
  command = plan
  variables {
    project_id = "Flights"
  }
  expect_failures = [var.project_id]
}

run "a_memory_that_does_not_fit_is_refused" {
  command = plan
  variables {
    api_memory = { instance_mib = 1024 }
  }
  expect_failures = [var.api_memory]
}

run "a_compactor_that_does_not_fit_is_refused" {
  command = plan
  variables {
    compactor_memory = { scratch_mb = 4096 }
  }
  expect_failures = [var.compactor_memory]
}

run "a_compactor_with_more_memory_than_its_cores_take_is_refused" {
  command = plan
  variables {
    compactor_memory = { instance_mib = 8192 }
  }
  expect_failures = [var.compactor_cpus]
}

run "a_persons_word_for_a_restored_snapshot_reaches_the_compactor" {
  command = plan
  variables {
    compactor_trusted_snapshot = 4999000
  }
  assert {
    condition     = one([for env in google_cloud_run_v2_job.job["compactor"].template[0].template[0].containers[0].env : env.value if env.name == "COMPACTOR_TRUSTED_SNAPSHOT"]) == "4999000"
    error_message = "COMPACTOR_TRUSTED_SNAPSHOT is the variable: what is set with gcloud alone, the next apply takes away."
  }
}

run "a_snapshot_that_no_lake_can_have_is_not_trusted" {
  command = plan
  variables {
    compactor_trusted_snapshot = 999999999
  }
  expect_failures = [var.compactor_trusted_snapshot]
}

run "cheaper_schedules_are_taken" {
  command = plan
  variables {
    canary_every_min   = 5
    compactor_schedule = "*/10 * * * *"
    compactor_cpus     = 2
    compactor_memory   = { instance_mib = 8192 }
  }
  assert {
    condition     = { for name, job in google_cloud_scheduler_job.job : name => job.schedule } == { canary = "*/5 * * * *", compactor = "*/10 * * * *" }
    error_message = "Schedules follow their variables."
  }
  assert {
    condition = { for name, policy in google_monitoring_alert_policy.above : name => "${one(policy.conditions[0].condition_threshold[0].aggregations).alignment_period} ${policy.conditions[0].condition_threshold[0].threshold_value}" if contains(["compactor-failing", "tables-behind", "foreign-snapshot", "unreadable-files"], name) } == {
      compactor-failing = "3600s 2"
      tables-behind     = "3600s 2"
      foreign-snapshot  = "1200s 0"
      unreadable-files  = "600s 0.5"
    }
    error_message = "Windows follow the schedules: three of six runs, and never without a line."
  }
  assert {
    condition     = google_cloud_run_v2_job.job["compactor"].template[0].template[0].containers[0].resources[0].limits.cpu == "2"
    error_message = "The compactor has the cores that it is given."
  }
}

run "a_compactor_of_each_minute_is_judged_by_half_of_its_runs" {
  command = plan
  variables {
    compactor_schedule = "* * * * *"
  }
  assert {
    condition     = one(google_monitoring_alert_policy.above["compactor-failing"].conditions[0].condition_threshold[0].aggregations).alignment_period == "1800s" && google_monitoring_alert_policy.above["compactor-failing"].conditions[0].condition_threshold[0].threshold_value == 14
    error_message = "More than 14 of the 30 runs of half an hour."
  }
}

run "compactions_that_are_too_far_apart_for_the_alerts_are_refused" {
  command = plan
  variables {
    compactor_schedule = "*/15 * * * *"
  }
  expect_failures = [var.compactor_schedule]
}

run "compactions_of_a_night_alone_are_refused" {
  command = plan
  variables {
    compactor_schedule = "*/5 0-6 * * *"
  }
  expect_failures = [var.compactor_schedule]
}

run "canaries_that_are_too_far_apart_are_refused" {
  command = plan
  variables {
    canary_every_min = 10
  }
  expect_failures = [var.canary_every_min]
}

run "an_alert_without_receiver_is_refused" {
  command = plan
  variables {
    page_emails = []
  }
  expect_failures = [var.page_emails]
}

run "a_batch_age_beyond_the_objective_is_refused" {
  command = plan
  variables {
    writer_batch_max_age_s = 60
  }
  expect_failures = [var.writer_batch_max_age_s]
}

run "a_repository_is_refused" {
  command = plan
  variables {
    repository = "github.com/me/flights"
  }
  expect_failures = [var.repository]
}
