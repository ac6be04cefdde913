output "api_url" {
  description = "Where the API is; with public_api = false it wants an identity token."
  value       = google_cloud_run_v2_service.api.uri
}

output "people_url" {
  description = "Where iap_members open the dashboard in a browser; null without any."
  value       = one([for service in google_cloud_run_v2_service.people : service.uri])
}

output "topic" {
  description = "Where publishers send events."
  value       = google_pubsub_topic.flights.id
}

output "lake_url" {
  description = "LAKE_URL for analysts: `python -m lakehouse sql`, `lakehouse.connect`."
  value       = google_storage_bucket.lake.url
}

output "image_repository" {
  description = "Where images are pushed to."
  value       = "${var.region}-docker.pkg.dev/${var.project_id}/${google_artifact_registry_repository.images.repository_id}"
}

output "build_account" {
  description = "Service account that runs builds; deploy/submit.sh asks for it."
  value       = google_service_account.build.id
}

output "build_sources" {
  description = "Where deploy/submit.sh uploads the sources of a build to."
  value       = "${google_storage_bucket.sources.url}/source"
}

output "name" {
  description = "What all names begin with; deploy/submit.sh asks for it."
  value       = var.name
}

output "region" {
  description = "Where everything is; deploy/submit.sh asks for it."
  value       = var.region
}

output "dashboard_url" {
  description = "The dashboard in the console."
  value       = "https://console.cloud.google.com/monitoring/dashboards/builder/${basename(google_monitoring_dashboard.flights.id)}?project=${var.project_id}"
}
