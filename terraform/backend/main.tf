# The bucket that holds the state of terraform/main. Its own state is small and local: losing it loses nothing, since
# `terraform import google_storage_bucket.state NAME` brings it back.

resource "google_project_service" "storage" {
  service            = "storage.googleapis.com"
  disable_on_destroy = false
}

resource "google_storage_bucket" "state" {
  name                        = "${var.project_id}-terraform-state"
  location                    = length(var.state_regions) == 0 ? var.region : { us = "US", europe = "EU", asia = "ASIA" }[split("-", var.state_regions[0])[0]]
  rpo                         = length(var.state_regions) == 0 ? null : "ASYNC_TURBO" # within 15 minutes
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = false

  dynamic "custom_placement_config" {
    for_each = length(var.state_regions) == 0 ? [] : [sort(var.state_regions)]
    content {
      data_locations = [for region in custom_placement_config.value : upper(region)]
    }
  }

  versioning {
    enabled = true # a state that was overwritten by mistake can be had back
  }

  lifecycle_rule {
    action {
      type = "Delete"
    }
    condition {
      num_newer_versions = 50 # months of applies; a version is some 100 kB
      with_state         = "ARCHIVED"
    }
  }

  lifecycle {
    prevent_destroy = true
  }

  depends_on = [google_project_service.storage]
}
