resource "google_service_account" "build" {
  account_id   = "flights-build"
  display_name = "Flights: builds, deploys and probes"

  depends_on = [google_project_service.api]
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

  name               = "flights-deploy"
  description        = "check, test, build, deploy dark, probe, move traffic"
  location           = var.region
  service_account    = google_service_account.build.id
  filename           = "cloudbuild.yaml"
  include_build_logs = "INCLUDE_BUILD_LOGS_WITH_STATUS" # flow and runs are read in the repository's checks

  repository_event_config {
    repository = var.repository
    push {
      branch = var.trigger_branch
    }
  }

  substitutions = {
    _REGION = var.region
  }

  depends_on = [google_project_service.api]
}
