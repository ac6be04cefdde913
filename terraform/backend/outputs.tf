output "state_bucket" {
  description = "Name for `terraform -chdir=terraform/main init -backend-config=bucket=...`."
  value       = google_storage_bucket.state.name
}
