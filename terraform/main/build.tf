resource "google_service_account" "build" {
  project      = var.project_id
  account_id   = "${var.name}-build"
  display_name = "${var.name}: builds, deploys and probes"

  depends_on = [terraform_data.apis_on]
}

# Only what cannot be granted on one resource: writing its log, seeing the builds before it, seeing revisions.
resource "google_project_iam_member" "build" {
  for_each = toset(["roles/cloudbuild.builds.viewer", "roles/logging.logWriter", "roles/run.viewer"])

  project = var.project_id
  role    = each.key
  member  = google_service_account.build.member
}

# It asks the dark revision as itself: identity tokens, not access tokens, of no other account.
resource "google_service_account_iam_member" "build_identity" {
  service_account_id = google_service_account.build.name
  role               = "roles/iam.serviceAccountOpenIdTokenCreator"
  member             = google_service_account.build.member
}

resource "google_cloudbuild_trigger" "deploy" {
  count = var.repository == null ? 0 : 1

  project            = var.project_id
  name               = "${var.name}-deploy"
  description        = "check, test, build, deploy dark, probe, move traffic"
  location           = var.region
  service_account    = google_service_account.build.id
  filename           = "cloudbuild.yaml"
  include_build_logs = var.github_checks ? "INCLUDE_BUILD_LOGS_WITH_STATUS" : null # the API takes it for GitHub alone

  repository_event_config {
    repository = var.repository
    push {
      branch = var.trigger_branch
    }
  }

  substitutions = {
    _NAME   = var.name
    _REGION = var.region
  }

  depends_on = [terraform_data.apis_on]
}

# What `bash deploy/submit.sh` uploads: the checked out commit, for the build that it starts.
resource "google_storage_bucket" "sources" {
  project                     = var.project_id
  name                        = "${var.project_id}-${var.name}-build-sources"
  location                    = var.region
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = false

  lifecycle_rule {
    action {
      type = "Delete"
    }
    condition {
      age = 30 # long enough to look at what a build was made of; the commit itself is in Git
    }
  }

  lifecycle {
    prevent_destroy = true
  }

  depends_on = [terraform_data.apis_on]
}

resource "google_storage_bucket_iam_member" "build_reads_sources" {
  bucket = google_storage_bucket.sources.name
  role   = "roles/storage.objectViewer"
  member = google_service_account.build.member
}
