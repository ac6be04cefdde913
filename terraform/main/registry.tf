resource "google_artifact_registry_repository" "images" {
  repository_id = "flights"
  description   = "Images of the API and of the writer, compactor and canary; tag = commit."
  location      = var.region
  format        = "DOCKER"

  docker_config {
    immutable_tags = false # a build that is run again pushes its commit's tag again
  }

  cleanup_policies {
    id     = "delete-old"
    action = "DELETE"
    condition {
      older_than = "2592000s" # 30 days
    }
  }

  cleanup_policies {
    id     = "keep-recent" # whatever its age: what runs, and what a roll back needs
    action = "KEEP"
    most_recent_versions {
      keep_count = 20
    }
  }

  depends_on = [google_project_service.api]
}

resource "google_artifact_registry_repository_iam_member" "build_pushes" {
  repository = google_artifact_registry_repository.images.name
  location   = google_artifact_registry_repository.images.location
  role       = "roles/artifactregistry.writer"
  member     = google_service_account.build.member
}
