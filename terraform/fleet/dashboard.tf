# One page for all systems: a line each, so that the one that is different stands out. Its own dashboard says why.

locals {
  projects = toset(distinct([for system in var.systems : system.project_id]))
  names    = distinct([for system in var.systems : system.name])

  # A log-based metric has the system's name in it: a data set for each name, a line for each project that has it.
  charts = [
    { title = "GETs a second", metric = "gets_total", resource = "cloud_run_revision", aligner = "ALIGN_RATE", reducer = "REDUCE_SUM" },
    { title = "Bad GETs a second", metric = "gets_bad", resource = "cloud_run_revision", aligner = "ALIGN_RATE", reducer = "REDUCE_SUM" },
    { title = "GETs slower than 500 ms, a second", metric = "gets_slow", resource = "cloud_run_revision", aligner = "ALIGN_RATE", reducer = "REDUCE_SUM" },
    { title = "Canary: published to visible, s", metric = "freshness_seconds", resource = "cloud_run_job", aligner = "ALIGN_DELTA", reducer = "REDUCE_MEAN" },
    { title = "Canaries that were not good", metric = "canary_bad", resource = "cloud_run_job", aligner = "ALIGN_DELTA", reducer = "REDUCE_SUM" },
    { title = "Tail: landed files not merged yet", metric = "tail_files", resource = "cloud_run_job", aligner = "ALIGN_DELTA", reducer = "REDUCE_MEAN" },
    { title = "Unreadable files", metric = "unreadable", resource = "cloud_run_job", aligner = "ALIGN_DELTA", reducer = "REDUCE_MEAN" },
    { title = "Snapshots made", metric = "commits", resource = "cloud_run_job", aligner = "ALIGN_DELTA", reducer = "REDUCE_SUM" },
    { title = "Writers started", metric = "writer_starts", resource = "cloud_run_worker_pool", aligner = "ALIGN_DELTA", reducer = "REDUCE_SUM" },
  ]
}

# The systems turn on what their projects need; this is for the fleet's own, where there may be no system.
resource "google_project_service" "monitoring" {
  project            = var.project_id
  service            = "monitoring.googleapis.com"
  disable_on_destroy = false # others in the project may use it
}

resource "terraform_data" "monitoring_on" {
  triggers_replace = google_project_service.monitoring.service

  provisioner "local-exec" {
    command = "sleep ${var.apis_wait_s}" # it refuses calls for some moments more, as in terraform/main
  }
}

resource "google_monitoring_monitored_project" "system" {
  for_each = setsubtract(local.projects, [var.project_id]) # its own is in its scope already

  metrics_scope = var.project_id
  name          = each.key

  depends_on = [module.system, terraform_data.monitoring_on] # both projects have the API by then
}

resource "google_monitoring_dashboard" "fleet" {
  project = var.project_id
  dashboard_json = jsonencode({
    displayName = "Flights: ${length(var.systems)} systems"
    gridLayout = {
      columns = "3"
      widgets = [for chart in local.charts : {
        title = chart.title
        xyChart = {
          dataSets = [for name in local.names : {
            plotType       = "LINE"
            legendTemplate = "${name} $${resource.labels.project_id}"
            timeSeriesQuery = {
              timeSeriesFilter = {
                filter = "metric.type=\"logging.googleapis.com/user/${replace(name, "-", "_")}_${chart.metric}\" resource.type=\"${chart.resource}\""
                aggregation = {
                  alignmentPeriod    = "300s"
                  perSeriesAligner   = chart.aligner
                  crossSeriesReducer = chart.reducer
                  groupByFields      = ["resource.label.project_id"]
                }
              }
            }
          }]
        }
      }]
    }
  })

  depends_on = [module.system, terraform_data.monitoring_on, google_monitoring_monitored_project.system]
}
