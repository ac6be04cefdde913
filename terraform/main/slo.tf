# Objectives along the user's journey. Each is a ratio of counts, so that 500 ms is 500 ms and no bucket's edge.

locals {
  slo = {
    availability = {
      goal  = 0.9995 # the provider's description says 0.999 at most; it and the API take 0.9999
      total = "gets_total"
      good  = "gets_good"
      bad   = "gets_bad"
      says  = "99.95 % of GETs answered (2xx, 3xx, 4xx but 429)"
    }
    latency = {
      goal  = 0.90
      total = "gets_timed"
      good  = "gets_fast"
      bad   = "gets_slow"
      says  = "90 % of answered GETs within 500 ms"
    }
    freshness = {
      goal  = 0.995 # 201 of a month's 40,320 canaries: three hours, or thirty deploys of seven minutes
      total = "canary"
      good  = "canary_good"
      bad   = "canary_bad"
      says  = "99.5 % of canaries visible exactly once within 30 s"
    }
  }
  slo_days = 28 # whole weeks, so that a weekend more or less changes nothing
}

resource "google_monitoring_custom_service" "flights" {
  project      = var.project_id
  service_id   = var.name
  display_name = "Flights lakehouse ${var.name}"

  depends_on = [terraform_data.apis_on]
}

resource "google_monitoring_slo" "slo" {
  for_each = local.slo

  project             = var.project_id
  service             = google_monitoring_custom_service.flights.service_id
  slo_id              = each.key
  display_name        = "${each.value.says}, ${local.slo_days} days"
  goal                = each.value.goal
  rolling_period_days = local.slo_days

  request_based_sli {
    good_total_ratio {
      good_service_filter  = "metric.type=\"logging.googleapis.com/user/${local.metrics}_${each.value.good}\" resource.type=\"${local.counter[each.value.good].resource}\""
      total_service_filter = "metric.type=\"logging.googleapis.com/user/${local.metrics}_${each.value.total}\" resource.type=\"${local.counter[each.value.total].resource}\""
    }
  }

  depends_on = [terraform_data.metrics_known]
}
