# The lake. Objects are never changed, so there are no versions; soft delete is for what should not have been deleted.

resource "google_storage_bucket" "lake" {
  project                     = var.project_id
  name                        = "${var.project_id}-${var.name}-lake"
  location                    = length(var.lake_regions) == 0 ? var.region : { us = "US", europe = "EU", asia = "ASIA" }[split("-", var.lake_regions[0])[0]]
  rpo                         = length(var.lake_regions) == 0 ? null : "ASYNC_TURBO" # within 15 minutes
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = false

  dynamic "custom_placement_config" {
    for_each = length(var.lake_regions) == 0 ? [] : [sort(var.lake_regions)]
    content {
      data_locations = [for region in custom_placement_config.value : upper(region)]
    }
  }

  soft_delete_policy {
    retention_duration_seconds = var.retention.deleted_days * 86400
  }

  lifecycle_rule {
    action {
      type = "AbortIncompleteMultipartUpload"
    }
    condition {
      age = 1
    }
  }

  lifecycle_rule {
    action {
      type = "Delete"
    }
    condition {
      age            = var.retention.rejected_days
      matches_prefix = ["rejected/"] # nothing else in the lake may ever be deleted by age
    }
  }

  lifecycle {
    prevent_destroy = true
  }

  depends_on = [terraform_data.apis_on]
}

# What each identity may touch, by how the names of objects begin. Listing is asked of the bucket, not of an object, so
# an identity that lists needs the bucket itself too; that shows names, never bytes. Who is not here (canary, build) gets nothing.
locals {
  lake_prefixes = {
    writer    = ["landing/", "rejected/"]
    api       = ["landing/", "rejected/", "flights/", "hidden/", "snapshots/"]
    bigquery  = ["flights/"]
    compactor = ["landing/", "flights/", "hidden/", "snapshots/", "iceberg/"] # the Delta log is below flights/
  }
  lake_objects = {
    for account, prefixes in local.lake_prefixes : account => join(" || ", [
      for prefix in prefixes : "resource.name.startsWith(\"projects/_/buckets/${google_storage_bucket.lake.name}/objects/${prefix}\")"
    ])
  }
  lake_listing = "resource.type == \"storage.googleapis.com/Bucket\""
}

# The writer creates objects of these two folders and can do nothing else: it cannot even read what it wrote, and above
# all it cannot commit a snapshot, by which the compactor decides what to delete.
resource "google_storage_bucket_iam_member" "writer_creates" {
  bucket = google_storage_bucket.lake.name
  role   = "roles/storage.objectCreator"
  member = google_service_account.writer.member

  condition {
    title      = "landing and rejected"
    expression = local.lake_objects["writer"]
  }
}

resource "google_storage_bucket_iam_member" "api_reads" {
  bucket = google_storage_bucket.lake.name
  role   = "roles/storage.objectViewer"
  member = google_service_account.api.member

  condition {
    title      = "lists, and reads what answers come from"
    expression = "${local.lake_listing} || ${local.lake_objects["api"]}"
  }
}

# Read, and create and delete: the predefined roles that hold these and neither change metadata nor grant anything.
resource "google_storage_bucket_iam_member" "compactor" {
  for_each = toset(["roles/storage.objectViewer", "roles/storage.legacyBucketWriter"])

  bucket = google_storage_bucket.lake.name
  role   = each.key
  member = google_service_account.compactor.member

  condition {
    title      = "lists, and all but rejected messages"
    expression = "${local.lake_listing} || ${local.lake_objects["compactor"]}"
  }
}
