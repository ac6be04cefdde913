resource "google_service_account" "writer" {
  project      = var.project_id
  account_id   = "${var.name}-writer"
  display_name = "${var.name}: pulls events and creates objects"

  depends_on = [terraform_data.apis_on]
}

resource "google_cloud_run_v2_worker_pool" "writer" {
  project  = var.project_id
  name     = "${var.name}-writer"
  location = var.region

  scaling {
    scaling_mode          = "MANUAL"
    manual_instance_count = var.writer_instances
  }

  template {
    service_account = google_service_account.writer.email

    containers {
      image = local.placeholder.worker_pool

      # No probe: the placeholder listens to nothing, and a writer whose storage or Pub/Sub is away must not be killed
      # for it. It ends by itself when it cannot go on.
      resources {
        limits = {
          cpu    = "1"
          memory = "2Gi" # WRITER_BUFFER_MAX_MB of 192 full of events takes 1.1 GB
        }
      }

      env {
        name  = "LAKE_URL"
        value = google_storage_bucket.lake.url
      }
      env {
        name  = "PUBSUB_SUBSCRIPTION"
        value = google_pubsub_subscription.writer.id
      }
      env {
        name  = "WRITER_BATCH_MAX_AGE_S"
        value = tostring(var.writer_batch_max_age_s)
      }
      env {
        name  = "WRITER_ACK_DEADLINE_S"
        value = tostring(local.ack_deadline_s)
      }
      env {
        name  = "WRITER_LOG_FORMAT"
        value = "json"
      }
    }
  }

  lifecycle {
    ignore_changes = [
      template[0].containers[0].image,
      template[0].labels,
      template[0].annotations,
      instance_splits,
      labels,
      annotations,
      client,
      client_version,
    ]
  }

  depends_on = [terraform_data.apis_on]
}

resource "google_cloud_run_v2_worker_pool_iam_member" "build_deploys" {
  project  = var.project_id
  name     = google_cloud_run_v2_worker_pool.writer.name
  location = google_cloud_run_v2_worker_pool.writer.location
  role     = "roles/run.developer"
  member   = google_service_account.build.member
}

resource "google_service_account_iam_member" "build_as_writer" {
  service_account_id = google_service_account.writer.name
  role               = "roles/iam.serviceAccountUser"
  member             = google_service_account.build.member
}
