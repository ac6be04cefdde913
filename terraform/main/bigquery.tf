# The same files, asked with BigQuery: merged flights without the tail. Probes are left out as everywhere.

resource "google_bigquery_dataset" "flights" {
  count = var.bigquery ? 1 : 0

  dataset_id = "flights"
  location   = var.region

  depends_on = [terraform_data.apis_on]
}

resource "google_bigquery_table" "merged" {
  count = var.bigquery ? 1 : 0

  dataset_id          = google_bigquery_dataset.flights[0].dataset_id
  table_id            = "merged"
  deletion_protection = false # it holds nothing

  external_data_configuration {
    autodetect         = true
    source_format      = "PARQUET"
    file_set_spec_type = "FILE_SET_SPEC_TYPE_NEW_LINE_DELIMITED_MANIFEST"
    source_uris        = ["${google_storage_bucket.lake.url}/flights.manifest"]
  }
}

resource "google_bigquery_table" "flights" {
  count = var.bigquery ? 1 : 0

  dataset_id          = google_bigquery_dataset.flights[0].dataset_id
  table_id            = "flights"
  deletion_protection = false # it holds nothing

  view {
    query          = "SELECT * FROM `${var.project_id}.flights.${google_bigquery_table.merged[0].table_id}` WHERE status <> 'void' AND carrier <> 'ZZ'"
    use_legacy_sql = false
  }
}
