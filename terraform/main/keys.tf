# API keys. Versions of both secrets are added by hand: a value in Terraform would be in its state.

locals {
  keys_folder = "/secrets/api-keys"
  keys_file   = "hashes"
}

# What the API knows of keys: names and hashes, never keys.
resource "google_secret_manager_secret" "api_key_hashes" {
  project   = var.project_id
  secret_id = "${var.name}-api-key-hashes"

  replication {
    auto {}
  }

  depends_on = [terraform_data.apis_on]
}

resource "google_secret_manager_secret_iam_member" "api_reads" {
  secret_id = google_secret_manager_secret.api_key_hashes.id
  role      = "roles/secretmanager.secretAccessor"
  member    = google_service_account.api.member
}

# The one key that is used from here: by the probe of a build, and by the canary.
resource "google_secret_manager_secret" "probe_key" {
  project   = var.project_id
  secret_id = "${var.name}-probe-key"

  replication {
    auto {}
  }

  depends_on = [terraform_data.apis_on]
}

resource "google_secret_manager_secret_iam_member" "probes_read" {
  for_each = {
    build  = google_service_account.build.member
    canary = google_service_account.canary.member
  }

  secret_id = google_secret_manager_secret.probe_key.id
  role      = "roles/secretmanager.secretAccessor"
  member    = each.value
}
