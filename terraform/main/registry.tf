resource "google_artifact_registry_repository" "images" {
  project       = var.project_id
  repository_id = var.name
  description   = "Images of the API and of the writer, compactor and canary; a tag = a build."
  location      = var.region
  format        = "DOCKER"

  docker_config {
    immutable_tags = true # each build has tags of its own, and deploys by digest
  }

  # Of what no tag holds. A tag that cannot be moved cannot be deleted either, and holds its image: a few MB a build,
  # since base and packages are layers that images share. To clean up by hand: docs/deploy.md, Images.
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

  depends_on = [terraform_data.apis_on]
}

resource "google_artifact_registry_repository_iam_member" "build_pushes" {
  project    = var.project_id
  repository = google_artifact_registry_repository.images.name
  location   = google_artifact_registry_repository.images.location
  role       = "roles/artifactregistry.writer"
  member     = google_service_account.build.member
}
