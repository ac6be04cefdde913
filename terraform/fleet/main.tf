# Many systems, each as terraform/main makes one: an airport, a customer, a region. They share nothing but this state and
# the dashboard. Terraform says once that the module's own backend is ignored, which is right.

module "system" {
  source   = "../main"
  for_each = var.systems

  name           = each.value.name
  project_id     = each.value.project_id
  region         = each.value.region
  repository     = each.value.repository
  github_checks  = each.value.github_checks
  trigger_branch = each.value.trigger_branch
  page_channels  = each.value.page_channels

  public_api        = each.value.public_api
  ingress           = each.value.ingress
  subnetwork        = each.value.subnetwork
  iap_members       = each.value.iap_members
  api_settings      = each.value.api_settings
  api_domain        = each.value.api_domain
  api_proxy_hops    = each.value.api_proxy_hops
  api_keys_enabled  = each.value.api_keys_enabled
  api_min_instances = each.value.api_min_instances
  api_max_instances = each.value.api_max_instances
  api_memory        = each.value.api_memory

  writer_instances       = each.value.writer_instances
  writer_batch_max_age_s = each.value.writer_batch_max_age_s
  canary_every_min       = each.value.canary_every_min

  compactor_schedule         = each.value.compactor_schedule
  compactor_cpus             = each.value.compactor_cpus
  compactor_memory           = each.value.compactor_memory
  compactor_trusted_snapshot = each.value.compactor_trusted_snapshot

  retention       = each.value.retention
  lake_regions    = each.value.lake_regions
  message_regions = each.value.message_regions
  bigquery        = each.value.bigquery

  page_emails   = var.page_emails
  ticket_emails = var.ticket_emails
  runbook_url   = var.runbook_url

  apis_wait_s    = var.apis_wait_s
  metrics_wait_s = var.metrics_wait_s
}
