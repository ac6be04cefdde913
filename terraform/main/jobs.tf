# The compactor and the canary: Cloud Run jobs from the writer's image, each started by a schedule of its own.

locals {
  jobs = {
    compactor = {
      account  = google_service_account.compactor
      schedule = var.compactor_schedule
      args     = ["ingest_writer", "compact"]
      cpu      = tostring(var.compactor_cpus)
      memory   = "${var.compactor_memory.instance_mib}Mi"
      timeout  = "1800s" # several months merged anew; another run beside it is harmless
      retries  = 3       # as Google recommends: a task may end for no fault of its own, and running again is harmless
      env = {
        LAKE_URL                   = google_storage_bucket.lake.url
        COMPACTOR_MEMORY_MB        = tostring(var.compactor_memory.duckdb_mb)
        COMPACTOR_SCRATCH_MB       = tostring(var.compactor_memory.scratch_mb)
        COMPACTOR_MERGE_MAX_ROWS   = tostring(var.compactor_memory.scratch_mb * 1200) # with 200 bytes each, two months at once spill half of it
        COMPACTOR_THREADS          = tostring(var.compactor_cpus)
        COMPACTOR_MONTHS_AT_ONCE   = "2"
        COMPACTOR_TRUSTED_SNAPSHOT = tostring(var.compactor_trusted_snapshot)
        COMPACTOR_LOG_FORMAT       = "json"
      }
      secret     = {}
      subnetwork = null # it calls Google's APIs alone
    }
    canary = {
      account  = google_service_account.canary
      schedule = "*/${var.canary_every_min} * * * *"
      args     = ["probe", "canary"]
      cpu      = "1"
      memory   = "512Mi"
      timeout  = "120s" # 30 s to become visible, and the start
      retries  = 0      # the next run is the retry; another one here would count one canary twice in the objective
      env = {
        PUBSUB_TOPIC   = google_pubsub_topic.flights.id
        PROBE_URL      = google_cloud_run_v2_service.api.uri
        PROBE_AUDIENCE = google_cloud_run_v2_service.api.uri
      }
      secret     = var.api_keys_enabled ? { PROBE_API_KEY = google_secret_manager_secret.probe_key.secret_id } : {}
      subnetwork = var.subnetwork
    }
  }
}

resource "google_service_account" "compactor" {
  project      = var.project_id
  account_id   = "${var.name}-compactor"
  display_name = "${var.name}: merges landed files and deletes what is merged"

  depends_on = [terraform_data.apis_on]
}

resource "google_service_account" "canary" {
  project      = var.project_id
  account_id   = "${var.name}-canary"
  display_name = "${var.name}: publishes ZZ events and looks for them"

  depends_on = [terraform_data.apis_on]
}

resource "google_service_account" "schedule" {
  project      = var.project_id
  account_id   = "${var.name}-schedule"
  display_name = "${var.name}: starts the two jobs"

  depends_on = [terraform_data.apis_on]
}

resource "google_cloud_run_v2_job" "job" {
  for_each = local.jobs

  project             = var.project_id
  name                = "${var.name}-${each.key}"
  location            = var.region
  deletion_protection = false # it holds nothing

  template {
    template {
      service_account = each.value.account.email
      timeout         = each.value.timeout
      max_retries     = each.value.retries

      dynamic "vpc_access" {
        for_each = each.value.subnetwork == null ? [] : [each.value.subnetwork]
        content {
          egress = "ALL_TRAFFIC" # an API that takes internal traffic takes what comes out of a network
          network_interfaces {
            subnetwork = vpc_access.value
          }
        }
      }

      containers {
        image = local.placeholder.job
        args  = each.value.args # the placeholder ignores them

        resources {
          limits = {
            cpu    = each.value.cpu
            memory = each.value.memory
          }
        }

        dynamic "env" {
          for_each = each.value.env
          content {
            name  = env.key
            value = env.value
          }
        }

        dynamic "env" {
          for_each = each.value.secret
          content {
            name = env.key
            value_source {
              secret_key_ref {
                secret  = env.value
                version = "latest" # read when a run starts
              }
            }
          }
        }
      }
    }
  }

  lifecycle {
    ignore_changes = [
      template[0].template[0].containers[0].image,
      template[0].labels,
      template[0].annotations,
      labels,
      annotations,
      client,
      client_version,
    ]
  }

  depends_on = [terraform_data.apis_on, google_secret_manager_secret_iam_member.probes_read]
}

resource "google_cloud_scheduler_job" "job" {
  for_each = local.jobs

  project          = var.project_id
  name             = "${var.name}-${each.key}"
  region           = var.region
  schedule         = each.value.schedule
  time_zone        = "Etc/UTC"
  attempt_deadline = "30s" # to start it, not to run it

  http_target {
    http_method = "POST"
    uri         = "https://run.googleapis.com/v2/${google_cloud_run_v2_job.job[each.key].id}:run"

    oauth_token {
      service_account_email = google_service_account.schedule.email
    }
  }

  depends_on = [terraform_data.apis_on]
}

resource "google_cloud_run_v2_job_iam_member" "schedule_runs" {
  for_each = local.jobs

  project  = var.project_id
  name     = google_cloud_run_v2_job.job[each.key].name
  location = google_cloud_run_v2_job.job[each.key].location
  role     = "roles/run.invoker"
  member   = google_service_account.schedule.member
}

resource "google_cloud_run_v2_job_iam_member" "build_deploys" {
  for_each = local.jobs

  project  = var.project_id
  name     = google_cloud_run_v2_job.job[each.key].name
  location = google_cloud_run_v2_job.job[each.key].location
  role     = "roles/run.developer"
  member   = google_service_account.build.member
}

resource "google_service_account_iam_member" "build_as_job" {
  for_each = local.jobs

  service_account_id = each.value.account.name
  role               = "roles/iam.serviceAccountUser"
  member             = google_service_account.build.member
}
