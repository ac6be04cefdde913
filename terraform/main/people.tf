# The dashboard for people: the API's image behind Identity-Aware Proxy, which asks for a Google account. A service of its
# own, because IAP would ask builds, canary and every other caller of the API for it too.

locals {
  people = length(var.iap_members) > 0 ? toset(["dashboard"]) : toset([])
}

resource "google_cloud_run_v2_service" "people" {
  for_each = local.people

  project             = var.project_id
  name                = "${var.name}-${each.key}"
  location            = var.region
  ingress             = "INGRESS_TRAFFIC_ALL" # a browser comes from the internet: IAP guards it, whatever var.ingress says
  iap_enabled         = true
  deletion_protection = false # it holds nothing, and answers nobody but people

  template {
    service_account                  = google_service_account.api.email
    timeout                          = "60s"
    max_instance_request_concurrency = 160 # as the API's

    scaling {
      max_instance_count = 2 # people; none of them is kept warm
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
        cpu_idle          = true
        startup_cpu_boost = true
      }

      startup_probe {
        period_seconds    = 2
        failure_threshold = 30
        http_get {
          path = "/health"
        }
      }

      # No keys: who is here has signed in, and a browser has none.
      dynamic "env" {
        for_each = merge(var.api_settings, local.api_env)
        content {
          name  = env.key
          value = env.value
        }
      }
    }
  }

  lifecycle {
    ignore_changes = [
      template[0].containers[0].image,
      template[0].labels,
      template[0].annotations,
      traffic,
      labels,
      annotations,
      client,
      client_version,
    ]
  }

  depends_on = [terraform_data.apis_on]
}

resource "google_iap_web_cloud_run_service_iam_member" "people_look" {
  for_each = toset(var.iap_members)

  project                = var.project_id
  location               = var.region
  cloud_run_service_name = google_cloud_run_v2_service.people["dashboard"].name
  role                   = "roles/iap.httpsResourceAccessor"
  member                 = each.key
}

# IAP asks Cloud Run as its own agent, which `gcloud beta services identity create --service=iap.googleapis.com`
# makes (docs/deploy.md, The dashboard of a private API).
data "google_project" "of_iap" {
  for_each = local.people

  project_id = var.project_id

  depends_on = [terraform_data.apis_on]
}

resource "google_cloud_run_v2_service_iam_member" "iap_asks" {
  for_each = local.people

  project  = var.project_id
  name     = google_cloud_run_v2_service.people[each.key].name
  location = google_cloud_run_v2_service.people[each.key].location
  role     = "roles/run.invoker"
  member   = "serviceAccount:service-${data.google_project.of_iap[each.key].number}@gcp-sa-iap.iam.gserviceaccount.com"
}

resource "google_cloud_run_v2_service_iam_member" "build_deploys_people" {
  for_each = local.people

  project  = var.project_id
  name     = google_cloud_run_v2_service.people[each.key].name
  location = google_cloud_run_v2_service.people[each.key].location
  role     = "roles/run.developer"
  member   = google_service_account.build.member
}
