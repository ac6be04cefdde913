resource "google_pubsub_topic" "flights" {
  project                    = var.project_id
  name                       = var.name
  message_retention_duration = "${var.retention.messages_days * 86400}s" # replay: seek the subscription to a time

  dynamic "message_storage_policy" {
    for_each = length(var.message_regions) == 0 ? [] : [var.message_regions]
    content {
      allowed_persistence_regions = message_storage_policy.value
    }
  }

  depends_on = [terraform_data.apis_on]
}

# No dead-letter policy on purpose: what cannot be decoded is stored and acked; what cannot be stored comes back, and
# a dead-letter policy would throw good messages out during a storage outage.
resource "google_pubsub_subscription" "writer" {
  project                    = var.project_id
  name                       = "${var.name}-writer"
  topic                      = google_pubsub_topic.flights.id
  ack_deadline_seconds       = local.ack_deadline_s
  message_retention_duration = "${var.retention.messages_days * 86400}s"

  expiration_policy {
    ttl = "" # never
  }

  retry_policy {
    minimum_backoff = "1s" # a writer that was replaced gives its messages back at once
    maximum_backoff = "60s"
  }
}

locals {
  ack_deadline_s = 60 # what the writer's WRITER_ACK_DEADLINE_S is told: twelve batches
}

resource "google_pubsub_subscription_iam_member" "writer_pulls" {
  project      = var.project_id
  subscription = google_pubsub_subscription.writer.name
  role         = "roles/pubsub.subscriber"
  member       = google_service_account.writer.member
}

resource "google_pubsub_topic_iam_member" "probes_publish" {
  for_each = {
    build  = google_service_account.build.member
    canary = google_service_account.canary.member
  }

  project = var.project_id
  topic   = google_pubsub_topic.flights.name
  role    = "roles/pubsub.publisher"
  member  = each.value
}
