# Whether the values of an environment are taken: tools/check_deploy.sh runs it with each file of this folder.

mock_provider "google" {}

run "the_environment_is_taken" {
  command = plan

  variables {
    name = "flights" # of the workspace that tests run in
  }

  assert {
    condition     = google_storage_bucket.lake.name == "${var.project_id}-flights-lake"
    error_message = "The lake is the environment's."
  }
}
