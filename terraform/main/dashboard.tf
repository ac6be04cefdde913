# One page, top to bottom: what users see, the budgets, the API's golden signals, the pipeline.

locals {
  log_metric = "metric.type=\"logging.googleapis.com/user/${local.metrics}_"
  api        = "resource.type=\"cloud_run_revision\" resource.labels.service_name=\"${var.name}-api\""

  # Rows of charts: title and what to plot (filter, aligner, reducer; a period other than a minute; what to tell apart).
  rows = [
    {
      title = "What users see"
      charts = [for name, slo in local.slo : {
        title = slo.says
        lines = [{ filter = "select_slo_health(\"${google_monitoring_slo.slo[name].id}\")", aligner = "ALIGN_MEAN", reducer = null }]
      }]
    },
    {
      title = "Budget left of 28 days (0 = spent: only mending is deployed)"
      charts = [for name, slo in local.slo : {
        title = "${name}: share of budget left"
        lines = [{ filter = "select_slo_budget_fraction(\"${google_monitoring_slo.slo[name].id}\")", aligner = "ALIGN_NEXT_OLDER", reducer = null }]
      }]
    },
    {
      title = "API: traffic, errors, latency, saturation"
      charts = [
        { title = "GETs and bad ones, a second", lines = [
          { filter = "${local.log_metric}gets_total\"", aligner = "ALIGN_RATE", reducer = "REDUCE_SUM" },
          { filter = "${local.log_metric}gets_bad\"", aligner = "ALIGN_RATE", reducer = "REDUCE_SUM" },
        ] },
        { title = "Latency p50, p95, p99 (waits included), ms", lines = [
          for p in ["50", "95", "99"] : { filter = "metric.type=\"run.googleapis.com/request_latencies\" ${local.api}", aligner = "ALIGN_DELTA", reducer = "REDUCE_PERCENTILE_${p}" }
        ] },
        { title = "Memory and CPU in use, share", lines = [
          for what in ["memory", "cpu"] : { filter = "metric.type=\"run.googleapis.com/container/${what}/utilizations\" ${local.api}", aligner = "ALIGN_DELTA", reducer = "REDUCE_PERCENTILE_99" }
        ] },
      ]
    },
    {
      title = "Pipeline: from the topic to the snapshot"
      charts = [
        { title = "Messages published and acked, a second", lines = [
          { filter = "metric.type=\"pubsub.googleapis.com/topic/send_message_operation_count\" resource.type=\"pubsub_topic\" resource.labels.topic_id=\"${var.name}\"", aligner = "ALIGN_RATE", reducer = "REDUCE_SUM" },
          { filter = "metric.type=\"pubsub.googleapis.com/subscription/ack_message_count\" resource.type=\"pubsub_subscription\" resource.labels.subscription_id=\"${var.name}-writer\"", aligner = "ALIGN_RATE", reducer = "REDUCE_SUM" },
        ] },
        { title = "Oldest message not acked, s", lines = [
          { filter = local.above["unacked-messages"].filter, aligner = "ALIGN_MAX", reducer = "REDUCE_MAX" },
        ] },
        { title = "Canary: published to visible, s", lines = [
          { filter = "${local.log_metric}freshness_seconds\"", aligner = "ALIGN_DELTA", reducer = "REDUCE_MEAN" },
        ] },
        { title = "Tail: landed files not merged yet, as the canary sees them, and after each run of the compactor", lines = [
          { filter = local.above["long-tail"].filter, aligner = "ALIGN_DELTA", reducer = "REDUCE_MEAN" },
          { filter = "${local.log_metric}pending_files\"", aligner = "ALIGN_DELTA", reducer = "REDUCE_MEAN" },
        ] },
        { title = "Rejected files in the lake, unreadable ones, and those that the compactor left alone", lines = [
          for name in ["rejected_files", "unreadable", "not_merged"] : { filter = "${local.log_metric}${name}\"", aligner = "ALIGN_DELTA", reducer = "REDUCE_MEAN" }
        ] },
        { title = "Objects a batch", lines = [
          { filter = local.above["many-objects"].filter, aligner = "ALIGN_DELTA", reducer = "REDUCE_MEAN" },
        ] },
        { title = "Compactor and canary runs by result, an hour", lines = [
          { filter = "metric.type=\"run.googleapis.com/job/completed_execution_count\" resource.type=\"cloud_run_job\"", aligner = "ALIGN_DELTA", reducer = "REDUCE_SUM", period = "3600s", by = ["resource.label.job_name", "metric.label.result"] },
        ] },
      ]
    },
  ]
}

resource "google_monitoring_dashboard" "flights" {
  project = var.project_id
  dashboard_json = jsonencode({
    displayName = "Flights lakehouse ${var.name}"
    # Three charts abreast; a heading takes a row of its own.
    mosaicLayout = {
      columns = 48
      # Without what is 0: the API leaves zeros out of what it gives back, and each plan would add them again.
      tiles = [for tile in flatten([for number, row in local.rows : concat(
        [{
          xPos   = 0
          yPos   = sum(concat([0], [for r in slice(local.rows, 0, number) : 2 + 12 * ceil(length(r.charts) / 3)]))
          width  = 48
          height = 2
          widget = { title = row.title, sectionHeader = { dividerBelow = true } }
        }],
        [for index, chart in row.charts : {
          xPos   = 16 * (index % 3)
          yPos   = 2 + 12 * floor(index / 3) + sum(concat([0], [for r in slice(local.rows, 0, number) : 2 + 12 * ceil(length(r.charts) / 3)]))
          width  = 16
          height = 12
          widget = {
            title = chart.title
            xyChart = {
              dataSets = [for line in chart.lines : {
                plotType = "LINE"
                timeSeriesQuery = {
                  timeSeriesFilter = {
                    filter      = line.filter
                    aggregation = { for key, value in { alignmentPeriod = try(line.period, "60s"), perSeriesAligner = line.aligner, crossSeriesReducer = line.reducer, groupByFields = try(line.by, null) } : key => value if value != null }
                  }
                }
              }]
            }
          }
        }],
      )]) : { for key, value in tile : key => value if value != 0 }]
    }
  })

  depends_on = [terraform_data.metrics_known]
}
