resource "google_project_service" "api" {
  for_each = toset([
    "artifactregistry.googleapis.com",
    "bigquery.googleapis.com",
    "bigqueryconnection.googleapis.com",
    "cloudbuild.googleapis.com",
    "cloudscheduler.googleapis.com",
    "containeranalysis.googleapis.com", # keeps the provenance of images
    "iam.googleapis.com",
    "iamcredentials.googleapis.com", # identity tokens for the probe
    "iap.googleapis.com",
    "logging.googleapis.com",
    "monitoring.googleapis.com",
    "pubsub.googleapis.com",
    "run.googleapis.com",
    "secretmanager.googleapis.com",
    "storage.googleapis.com",
  ])

  project            = var.project_id
  service            = each.key
  disable_on_destroy = false # others in the project may use it
}


# An API that was just turned on refuses calls for some moments more ("has not been used in project ... before or it is
# disabled. If you enabled this API recently, wait a few minutes"), so whatever is made waits for this, not for them.
resource "terraform_data" "apis_on" {
  triggers_replace = sort([for api in google_project_service.api : api.service])

  provisioner "local-exec" {
    command = "sleep ${var.apis_wait_s}"
  }
}
