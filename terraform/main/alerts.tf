# Who is told what, and when. Thresholds are data: tests/repo/deploy replays them against outages, spikes and quiet months.
# Every alert's name is a heading of docs/runbook.md.

locals {
  # Windows follow the schedules: a window of six runs says the same at every compactor_schedule, and one with two lines
  # at least is never empty, however late a line comes. An empty one would begin the wait anew, or end the incident.
  compactor_every_s = 60 * try(tonumber(regex("^\\*/(\\d+) ", var.compactor_schedule)[0]), 1)
  runs_window_s     = max(1800, 6 * local.compactor_every_s)
  runs_most_bad     = ceil(local.runs_window_s / local.compactor_every_s / 2) - 1 # half of the runs is more than this
  compactor_lines_s = max(300, 2 * local.compactor_every_s)
  canary_lines_s    = max(300, 120 * var.canary_every_min)

  # A burn rate of 1 spends the budget in exactly 28 days. An alert needs all of: the rate over the long window
  # (enough is spent), over the short one (it goes on), and min_bad bad events in the long one (under little traffic
  # one failure is a rate of hundreds). No window is longer than a day: alerts cannot look back further
  # (docs/slo.md), so the usual three-day ticket is one of a day at three times the rate. A ticket has no shorter window
  # beside: nobody is woken up again by it, and each condition is paid for.
  burn = {
    availability-fast   = { slo = "availability", severity = "CRITICAL", rate = 14.4, long_s = 3600, short_s = 300, min_bad = 10 }
    availability-slow   = { slo = "availability", severity = "CRITICAL", rate = 6, long_s = 21600, short_s = 1800, min_bad = 20 }
    availability-ticket = { slo = "availability", severity = "WARNING", rate = 3, long_s = 86400, short_s = 86400, min_bad = 20 }
    # 10 % may be slow, so 10 is the highest rate there is: 14.4 could never fire. 8 is four of five requests.
    latency-fast     = { slo = "latency", severity = "CRITICAL", rate = 8, long_s = 3600, short_s = 300, min_bad = 50 }
    latency-slow     = { slo = "latency", severity = "CRITICAL", rate = 4, long_s = 21600, short_s = 1800, min_bad = 100 }
    latency-ticket   = { slo = "latency", severity = "WARNING", rate = 2, long_s = 86400, short_s = 86400, min_bad = 100 }
    freshness-fast   = { slo = "freshness", severity = "CRITICAL", rate = 14.4, long_s = 3600, short_s = 300, min_bad = 4 }
    freshness-slow   = { slo = "freshness", severity = "CRITICAL", rate = 6, long_s = 21600, short_s = 1800, min_bad = 10 }
    freshness-ticket = { slo = "freshness", severity = "WARNING", rate = 3, long_s = 86400, short_s = 86400, min_bad = 20 }
  }

  # Causes: users are not hurt yet, so none of them pages. Numbers in lines are distributions; their mean is exact, a
  # percentile only as exact as its bucket is wide. No data is no trouble here: counters of lines that nobody writes any
  # more have none. That lines stop coming is said by `none` below.
  above = {
    unacked-messages = {
      filter     = "metric.type=\"pubsub.googleapis.com/subscription/oldest_unacked_message_age\" resource.type=\"pubsub_subscription\" resource.labels.subscription_id=\"${var.name}-writer\""
      aligner    = "ALIGN_MAX"
      reducer    = "REDUCE_MAX"
      threshold  = 120 # seconds; twice the ack deadline: whatever came back once has been had
      period_s   = 60
      duration_s = 300
    }
    long-tail = {
      filter     = "metric.type=\"logging.googleapis.com/user/${local.metrics}_tail_files\" resource.type=\"cloud_run_job\""
      aligner    = "ALIGN_DELTA"
      reducer    = "REDUCE_MEAN"
      threshold  = 5000 # landed files: what one merge takes, and where questions over them become slow
      period_s   = local.canary_lines_s
      duration_s = 900
    }
    unreadable-files = {
      filter     = "metric.type=\"logging.googleapis.com/user/${local.metrics}_unreadable\" resource.type=\"cloud_run_job\""
      aligner    = "ALIGN_DELTA"
      reducer    = "REDUCE_MEAN"
      threshold  = 0.5 # one is too many: answers over its dates are refused
      period_s   = local.canary_lines_s
      duration_s = 60
    }
    rejected-messages = {
      filter     = "metric.type=\"logging.googleapis.com/user/${local.metrics}_rejecting\" resource.type=\"cloud_run_worker_pool\""
      aligner    = "ALIGN_DELTA"
      reducer    = "REDUCE_SUM"
      threshold  = 0 # any batch with a line that is no event: somebody's publisher is wrong
      period_s   = 3600
      duration_s = 60
    }
    many-objects = {
      filter     = "metric.type=\"logging.googleapis.com/user/${local.metrics}_batch_objects\" resource.type=\"cloud_run_worker_pool\""
      aligner    = "ALIGN_DELTA"
      reducer    = "REDUCE_MEAN"
      threshold  = 30 # flight dates in one batch; two are usual, and each object costs the same however small it is
      period_s   = 300
      duration_s = 3600
    }
    foreign-snapshot = {
      filter     = "metric.type=\"logging.googleapis.com/user/${local.metrics}_foreign\" resource.type=\"cloud_run_job\""
      aligner    = "ALIGN_DELTA"
      reducer    = "REDUCE_SUM"
      threshold  = 0 # one is too many: nothing is merged, and readers that start refuse to answer
      period_s   = local.compactor_lines_s
      duration_s = 60
    }
    writer-restarting = {
      filter     = "metric.type=\"logging.googleapis.com/user/${local.metrics}_writer_starts\" resource.type=\"cloud_run_worker_pool\""
      aligner    = "ALIGN_DELTA"
      reducer    = "REDUCE_SUM"
      threshold  = 3 * max(var.writer_instances, 1) # a deploy and a move to another machine are two starts of each
      period_s   = 1800
      duration_s = 60
    }
    tables-behind = {
      filter     = "metric.type=\"logging.googleapis.com/user/${local.metrics}_unpublished\" resource.type=\"cloud_run_job\""
      aligner    = "ALIGN_DELTA"
      reducer    = "REDUCE_SUM"
      threshold  = local.runs_most_bad # answers of ours do not come from the outside tables
      period_s   = local.runs_window_s
      duration_s = 60
    }
    compactor-failing = {
      filter     = "metric.type=\"run.googleapis.com/job/completed_execution_count\" resource.type=\"cloud_run_job\" resource.labels.job_name=\"${var.name}-compactor\" metric.labels.result=\"failed\""
      aligner    = "ALIGN_DELTA"
      reducer    = "REDUCE_SUM"
      threshold  = local.runs_most_bad # one lost race or a moment without storage is no news
      period_s   = local.runs_window_s
      duration_s = 60
    }
  }

  # What has to happen now and then, and did not: no data, or zeros (counters of lines may go on as zeros, which an
  # absence condition would take for data).
  none = {
    compactor-silent = {
      filter   = "metric.type=\"run.googleapis.com/job/completed_execution_count\" resource.type=\"cloud_run_job\" resource.labels.job_name=\"${var.name}-compactor\" metric.labels.result=\"succeeded\""
      period_s = 3600 # six runs at least; nothing is merged, nothing is collected
    }
    snapshot-old = {
      filter   = "metric.type=\"logging.googleapis.com/user/${local.metrics}_commits\" resource.type=\"cloud_run_job\""
      period_s = 1800 # three to thirty runs, each of which has canaries to absorb, if nothing else
    }
    canary-silent = {
      filter   = "metric.type=\"logging.googleapis.com/user/${local.metrics}_canary\" resource.type=\"cloud_run_job\""
      period_s = 900 # without canaries nobody knows whether events arrive
    }
  }

  channel = {
    CRITICAL = concat([for channel in google_monitoring_notification_channel.page : channel.id], var.page_channels)
    WARNING  = [for channel in google_monitoring_notification_channel.ticket : channel.id]
  }
}

resource "google_monitoring_notification_channel" "page" {
  for_each = toset(var.page_emails)

  project      = var.project_id
  display_name = "${var.name}: page ${each.key}"
  type         = "email"
  labels       = { email_address = each.key }

  depends_on = [terraform_data.apis_on]
}

resource "google_monitoring_notification_channel" "ticket" {
  for_each = toset(var.ticket_emails)

  project      = var.project_id
  display_name = "${var.name}: ticket ${each.key}"
  type         = "email"
  labels       = { email_address = each.key }

  depends_on = [terraform_data.apis_on]
}

resource "google_monitoring_alert_policy" "burn" {
  for_each = local.burn

  project               = var.project_id
  display_name          = "${var.name}: ${each.key}"
  combiner              = "AND"
  severity              = each.value.severity
  notification_channels = local.channel[each.value.severity]

  dynamic "conditions" {
    for_each = toset([tostring(each.value.long_s), tostring(each.value.short_s)])
    content {
      display_name = "burn rate above ${each.value.rate} over ${conditions.value} s"
      condition_threshold {
        filter          = "select_slo_burn_rate(\"${google_monitoring_slo.slo[each.value.slo].id}\", \"${conditions.value}s\")"
        comparison      = "COMPARISON_GT"
        threshold_value = each.value.rate
        duration        = "0s"
      }
    }
  }

  conditions {
    display_name = "at least ${each.value.min_bad} bad in ${each.value.long_s} s"
    condition_threshold {
      filter          = "metric.type=\"logging.googleapis.com/user/${local.metrics}_${local.slo[each.value.slo].bad}\" resource.type=\"${local.counter[local.slo[each.value.slo].bad].resource}\""
      comparison      = "COMPARISON_GT"
      threshold_value = each.value.min_bad - 1
      duration        = "0s"
      aggregations {
        alignment_period     = "${each.value.long_s}s"
        per_series_aligner   = "ALIGN_DELTA"
        cross_series_reducer = "REDUCE_SUM"
      }
    }
  }

  alert_strategy {
    auto_close = "3600s"
  }

  documentation {
    content   = "Objective: ${local.slo[each.value.slo].says}. What to do: ${var.runbook_url}#${each.key}"
    mime_type = "text/markdown"
  }

  depends_on = [terraform_data.metrics_known]
}

resource "google_monitoring_alert_policy" "above" {
  for_each = local.above

  project               = var.project_id
  display_name          = "${var.name}: ${each.key}"
  combiner              = "OR"
  severity              = "WARNING"
  notification_channels = local.channel["WARNING"]

  conditions {
    display_name = "above ${each.value.threshold}"
    condition_threshold {
      filter          = each.value.filter
      comparison      = "COMPARISON_GT"
      threshold_value = each.value.threshold
      duration        = "${each.value.duration_s}s" # above 0, for the next line
      # Otherwise an incident over a line that is not written again stays open for a week.
      evaluation_missing_data = "EVALUATION_MISSING_DATA_INACTIVE"
      aggregations {
        alignment_period     = "${each.value.period_s}s"
        per_series_aligner   = each.value.aligner
        cross_series_reducer = each.value.reducer
      }
    }
  }

  documentation {
    content   = "What to do: ${var.runbook_url}#${each.key}"
    mime_type = "text/markdown"
  }

  depends_on = [terraform_data.metrics_known]
}

resource "google_monitoring_alert_policy" "none" {
  for_each = local.none

  project               = var.project_id
  display_name          = "${var.name}: ${each.key}"
  combiner              = "OR"
  severity              = "WARNING"
  notification_channels = local.channel["WARNING"]

  conditions {
    display_name = "none in ${each.value.period_s} s"
    condition_threshold {
      filter                  = each.value.filter
      comparison              = "COMPARISON_LT"
      threshold_value         = 1
      duration                = "60s" # the API takes the next line with a duration above 0 only
      evaluation_missing_data = "EVALUATION_MISSING_DATA_ACTIVE"
      aggregations {
        alignment_period     = "${each.value.period_s}s"
        per_series_aligner   = "ALIGN_DELTA"
        cross_series_reducer = "REDUCE_SUM"
      }
    }
  }

  documentation {
    content   = "What to do: ${var.runbook_url}#${each.key}"
    mime_type = "text/markdown"
  }

  depends_on = [terraform_data.metrics_known]
}
