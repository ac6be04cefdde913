# Log-based metrics. The request log is written by Cloud Run itself, in front of the container, so it holds what a
# dead container answered too; the canary's line says what a user of the whole pipeline saw. docs/slo.md argues for it.

locals {
  metrics = replace(var.name, "-", "_") # what the names of all begin with

  # GETs of users: of /v1, not to a dark revision (its address begins with tag---), not ours.
  users_gets = <<-EOT
    resource.type="cloud_run_revision"
    resource.labels.service_name="${var.name}-api"
    logName="projects/${var.project_id}/logs/run.googleapis.com%2Frequests"
    httpRequest.requestMethod="GET"
    httpRequest.requestUrl=~"/v1/"
    NOT httpRequest.requestUrl=~"^https://[a-z0-9-]+---"
    NOT httpRequest.userAgent=~"^flights-probe"
  EOT

  answered = "httpRequest.status<500 AND httpRequest.status!=429"           # 2xx, 3xx, 4xx but for 429
  promptly = "NOT httpRequest.requestUrl=~\"[?&](min_event_time|wait_s)=\"" # who asks to wait is not slow
  canary   = <<-EOT
    resource.type="cloud_run_job"
    resource.labels.job_name="${var.name}-canary"
    jsonPayload.canary.good:*
  EOT

  # The writer's line for each batch.
  batch = <<-EOT
    resource.type="cloud_run_worker_pool"
    resource.labels.worker_pool_name="${var.name}-writer"
    jsonPayload.objects:*
  EOT

  # The writer's line when it has started; a writer that crashes is started again and writes it again.
  writer_start = <<-EOT
    resource.type="cloud_run_worker_pool"
    resource.labels.worker_pool_name="${var.name}-writer"
    jsonPayload.starts:*
  EOT

  # The compactor's line for each run that went through.
  compaction = <<-EOT
    resource.type="cloud_run_job"
    resource.labels.job_name="${var.name}-compactor"
    jsonPayload.absorbed_files:*
  EOT

  # The compactor's line when it stops at a snapshot that no compactor made.
  foreign_snapshot = <<-EOT
    resource.type="cloud_run_job"
    resource.labels.job_name="${var.name}-compactor"
    jsonPayload.foreign_snapshot:*
  EOT

  # The compactor's line when a run did not bring the Delta or the Iceberg table up to date.
  unpublished = <<-EOT
    resource.type="cloud_run_job"
    resource.labels.job_name="${var.name}-compactor"
    jsonPayload.unpublished:*
  EOT

  counter = {
    gets_total    = { resource = "cloud_run_revision", filter = local.users_gets }
    gets_good     = { resource = "cloud_run_revision", filter = "${local.users_gets}${local.answered}" }
    gets_bad      = { resource = "cloud_run_revision", filter = "${local.users_gets}NOT (${local.answered})" }
    gets_timed    = { resource = "cloud_run_revision", filter = "${local.users_gets}${local.answered}\n${local.promptly}" }
    gets_fast     = { resource = "cloud_run_revision", filter = "${local.users_gets}${local.answered}\n${local.promptly}\nhttpRequest.latency<\"0.5s\"" }
    gets_slow     = { resource = "cloud_run_revision", filter = "${local.users_gets}${local.answered}\n${local.promptly}\nhttpRequest.latency>=\"0.5s\"" }
    rejecting     = { resource = "cloud_run_worker_pool", filter = "${local.batch}jsonPayload.rejected>0" } # batches
    writer_starts = { resource = "cloud_run_worker_pool", filter = local.writer_start }
    commits       = { resource = "cloud_run_job", filter = "${local.compaction}jsonPayload.absorbed_files>0" } # snapshots made
    foreign       = { resource = "cloud_run_job", filter = local.foreign_snapshot }
    unpublished   = { resource = "cloud_run_job", filter = local.unpublished }
    canary        = { resource = "cloud_run_job", filter = local.canary }
    canary_good   = { resource = "cloud_run_job", filter = "${local.canary}jsonPayload.canary.good=true" }
    canary_bad    = { resource = "cloud_run_job", filter = "${local.canary}jsonPayload.canary.good=false" }
  }

  # What the canary saw of the lake, one line a minute, so a minute's mean is the value; of each batch and each run.
  gauge = {
    freshness_seconds = { lines = local.canary, field = "canary.seconds", unit = "s" }
    tail_files        = { lines = local.canary, field = "canary.tail_files", unit = "1" }
    tail_rows         = { lines = local.canary, field = "canary.tail_rows", unit = "1" }
    snapshot          = { lines = local.canary, field = "canary.snapshot", unit = "1" }
    rejected_files    = { lines = local.canary, field = "canary.rejected_files", unit = "1" }
    unreadable        = { lines = local.canary, field = "canary.unreadable", unit = "1" }
    batch_objects     = { lines = local.batch, field = "objects", unit = "1" }
    batch_rows        = { lines = local.batch, field = "rows", unit = "1" }
    not_merged        = { lines = local.compaction, field = "unreadable", unit = "1" } # objects left alone
    pending_files     = { lines = local.compaction, field = "pending_files", unit = "1" }
  }
}

resource "google_logging_metric" "counter" {
  for_each = local.counter

  project = var.project_id
  name    = "${local.metrics}_${each.key}"
  filter  = each.value.filter

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "INT64"
    unit        = "1"
  }

  depends_on = [terraform_data.apis_on]
}

resource "google_logging_metric" "gauge" {
  for_each = local.gauge

  project         = var.project_id
  name            = "${local.metrics}_${each.key}"
  filter          = "${each.value.lines}jsonPayload.${each.value.field}:*"
  value_extractor = "EXTRACT(jsonPayload.${each.value.field})"

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "DISTRIBUTION"
    unit        = each.value.unit
  }

  bucket_options {
    exponential_buckets {
      num_finite_buckets = 60
      growth_factor      = 1.5
      scale              = 0.1
    }
  }

  depends_on = [terraform_data.apis_on]
}

# Alerts and objectives on a metric that Cloud Monitoring has not heard of yet are refused: wait, once.
resource "terraform_data" "metrics_known" {
  triggers_replace = [sort(keys(google_logging_metric.counter)), sort(keys(google_logging_metric.gauge))]

  provisioner "local-exec" {
    command = "sleep ${var.metrics_wait_s}"
  }
}
