# What answers: the API, and, for people with a browser, the same image behind Google's sign-in (people.tf).

locals {
  # What Terraform decides; `api_settings` has the rest.
  api_env = {
    LAKE_URL                   = google_storage_bucket.lake.url
    API_FILE_CACHE_MB          = tostring(var.api_memory.cache_mb)
    API_DUCKDB_MEMORY_MB       = tostring(var.api_memory.duckdb_mb)
    API_MAX_CONCURRENT_QUERIES = "2" # the cores below; the process would count the host's
    API_LOG_FORMAT             = "json"
    API_TRACE_PROJECT          = var.project_id
    API_PROXY_HOPS             = tostring(var.api_proxy_hops)
    API_TLS_IN_FRONT           = "true" # Cloud Run sends plain HTTP on to HTTPS
  }
  api_keys_env = { API_KEYS_FILE = "${local.keys_folder}/${local.keys_file}" }
}

resource "google_service_account" "api" {
  project      = var.project_id
  account_id   = "${var.name}-api"
  display_name = "${var.name}: answers questions; reads the lake"

  depends_on = [terraform_data.apis_on]
}

resource "google_cloud_run_v2_service" "api" {
  project             = var.project_id
  name                = "${var.name}-api"
  location            = var.region
  ingress             = var.ingress
  deletion_protection = true
  # Not a grant to allUsers, which organizations with domain-restricted sharing (new ones have it) refuse.
  invoker_iam_disabled = var.public_api
  custom_audiences     = var.api_domain == null ? null : ["https://${var.api_domain}"]

  # Of the service, not of a revision: a revision's own would be kept warm, and billed, as long as a tag leads to it, and a
  # build that ends early leaves its tag.
  scaling {
    min_instance_count = var.api_min_instances
  }

  template {
    service_account                  = google_service_account.api.email
    timeout                          = "60s" # API_QUERY_TIMEOUT_S, or a wait of 30 s, with room to say so
    max_instance_request_concurrency = 160   # 64 questions queue and 100 wait; the service sheds the rest itself

    scaling {
      max_instance_count = var.api_max_instances
    }

    containers {
      image = local.placeholder.service

      ports {
        container_port = 8080
      }

      resources {
        limits = {
          cpu    = "2"
          memory = "${var.api_memory.instance_mib}Mi"
        }
        cpu_idle          = true # pay for requests: nothing runs between them
        startup_cpu_boost = true
      }

      # Liveness never asks storage: an outage there is no reason to restart. /ready is the probe's to ask.
      startup_probe {
        period_seconds    = 2
        failure_threshold = 30
        http_get {
          path = "/health"
        }
      }
      liveness_probe {
        period_seconds    = 10
        timeout_seconds   = 5
        failure_threshold = 6
        http_get {
          path = "/health"
        }
      }

      dynamic "env" {
        for_each = merge(var.api_settings, local.api_env, var.api_keys_enabled ? local.api_keys_env : {})
        content {
          name  = env.key
          value = env.value
        }
      }
      dynamic "volume_mounts" {
        for_each = var.api_keys_enabled ? ["keys"] : []
        content {
          name       = volume_mounts.value
          mount_path = local.keys_folder
        }
      }
    }

    # Cloud Run refuses a revision whose secret has no version, so nothing of it is there until the keys are.
    dynamic "volumes" {
      for_each = var.api_keys_enabled ? ["keys"] : []
      content {
        name = volumes.value
        secret {
          secret = google_secret_manager_secret.api_key_hashes.secret_id
          items {
            version = "latest" # read when an instance starts
            path    = local.keys_file
          }
        }
      }
    }
  }

  lifecycle {
    ignore_changes = [
      template[0].containers[0].image,
      template[0].labels,
      template[0].annotations,
      traffic, # a changed setting makes a revision without traffic, which the next build probes before it moves
      labels,
      annotations,
      client,
      client_version,
    ]
  }

  depends_on = [terraform_data.apis_on, google_secret_manager_secret_iam_member.api_reads]
}

resource "google_cloud_run_v2_service_iam_member" "probes_ask" {
  for_each = {
    build  = google_service_account.build.member
    canary = google_service_account.canary.member
  }

  project  = var.project_id
  name     = google_cloud_run_v2_service.api.name
  location = google_cloud_run_v2_service.api.location
  role     = "roles/run.invoker"
  member   = each.value
}

resource "google_cloud_run_v2_service_iam_member" "build_deploys" {
  project  = var.project_id
  name     = google_cloud_run_v2_service.api.name
  location = google_cloud_run_v2_service.api.location
  role     = "roles/run.developer"
  member   = google_service_account.build.member
}

resource "google_service_account_iam_member" "build_as_api" {
  service_account_id = google_service_account.api.name
  role               = "roles/iam.serviceAccountUser"
  member             = google_service_account.build.member
}
