# The Delta table of the lake, asked with BigQuery: merged flights without the tail. It follows by itself.

resource "google_bigquery_dataset" "flights" {
  count = var.bigquery ? 1 : 0

  project    = var.project_id
  dataset_id = local.metrics
  location   = var.region

  depends_on = [terraform_data.apis_on]
}

# BigQuery reads the lake as this identity, so callers of the view need no access to the bucket.
resource "google_bigquery_connection" "lake" {
  count = var.bigquery ? 1 : 0

  project       = var.project_id
  connection_id = "${var.name}-lake"
  location      = var.region
  cloud_resource {}

  depends_on = [terraform_data.apis_on]
}

resource "google_storage_bucket_iam_member" "bigquery_reads" {
  count = var.bigquery ? 1 : 0

  bucket = google_storage_bucket.lake.name
  role   = "roles/storage.objectViewer"
  member = "serviceAccount:${google_bigquery_connection.lake[0].cloud_resource[0].service_account_id}"

  condition {
    title      = "lists, and reads the Delta table"
    expression = "${local.lake_listing} || ${local.lake_objects["bigquery"]}"
  }
}

resource "google_bigquery_table" "merged" {
  count = var.bigquery ? 1 : 0

  project             = var.project_id
  dataset_id          = google_bigquery_dataset.flights[0].dataset_id
  table_id            = "merged"
  deletion_protection = false # it holds nothing

  external_data_configuration {
    autodetect    = true
    source_format = "DELTA_LAKE"
    source_uris   = ["${google_storage_bucket.lake.url}/flights"]
    connection_id = google_bigquery_connection.lake[0].name
  }

  depends_on = [google_storage_bucket_iam_member.bigquery_reads]
}

resource "google_bigquery_table" "flights" {
  count = var.bigquery ? 1 : 0

  project             = var.project_id
  dataset_id          = google_bigquery_dataset.flights[0].dataset_id
  table_id            = "flights"
  deletion_protection = false # it holds nothing

  view {
    query          = "SELECT * FROM `${var.project_id}.${google_bigquery_dataset.flights[0].dataset_id}.${google_bigquery_table.merged[0].table_id}` WHERE status <> 'void' AND carrier <> 'ZZ'"
    use_legacy_sql = false
  }
}
