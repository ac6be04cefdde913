# `terraform plan` on each pull request, as a check of it. A person reads it, merges, and applies (docs/deploy.md, Environments).
#
# What a pull request changes runs here as this identity: it reads the project, the state and with them the lake's objects,
# and changes nothing. Cloud Build gives it its identity, so there is no key, and no federation to set up. Pull requests of
# strangers wait for a comment of somebody of the repository.

locals {
  plan = var.repository != null && var.plan_pull_requests ? toset(["plan"]) : toset([])
}

resource "google_service_account" "plan" {
  for_each = local.plan

  project      = var.project_id
  account_id   = "${var.name}-plan"
  display_name = "${var.name}: plans pull requests; reads"

  depends_on = [terraform_data.apis_on]
}

# All that a refresh reads: resources, who may what on them, buckets; and its own log. None of them writes anything else.
resource "google_project_iam_member" "plan_reads" {
  for_each = length(local.plan) == 0 ? toset([]) : toset(["roles/iam.securityReviewer", "roles/logging.logWriter", "roles/storage.bucketViewer", "roles/viewer"])

  project = var.project_id
  role    = each.key
  member  = google_service_account.plan["plan"].member
}

resource "google_storage_bucket_iam_member" "plan_reads_state" {
  for_each = local.plan

  bucket = "${var.project_id}-terraform-state" # of terraform/backend
  role   = "roles/storage.objectViewer"
  member = google_service_account.plan[each.key].member
}

resource "google_cloudbuild_trigger" "plan" {
  for_each = local.plan

  project            = var.project_id
  name               = "${var.name}-plan"
  description        = "terraform plan of a pull request"
  location           = var.region
  service_account    = google_service_account.plan[each.key].id
  filename           = "deploy/plan.yaml"
  included_files     = ["terraform/**", "deploy/plan.yaml"]
  include_build_logs = var.github_checks ? "INCLUDE_BUILD_LOGS_WITH_STATUS" : null

  repository_event_config {
    repository = var.repository
    pull_request {
      branch          = var.trigger_branch
      comment_control = "COMMENTS_ENABLED_FOR_EXTERNAL_CONTRIBUTORS_ONLY"
    }
  }

  substitutions = {
    _PLAN_FILE = "envs/${var.name}.tfvars"
    _WORKSPACE = terraform.workspace
  }

  depends_on = [terraform_data.apis_on]
}
