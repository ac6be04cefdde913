# Many systems, each as terraform/main makes one: an airport, a customer, a region. They share nothing but this state and
# the dashboard. Terraform says once that the module's own backend is ignored, which is right.

module "system" {
  source   = "../main"
  for_each = var.systems

  name              = each.value.name
  project_id        = each.value.project_id
  region            = each.value.region
  repository        = each.value.repository
  writer_instances  = each.value.writer_instances
  api_min_instances = each.value.api_min_instances
  api_settings      = each.value.api_settings
  iap_members       = each.value.iap_members
  lake_regions      = each.value.lake_regions

  github_checks      = each.value.github_checks
  trigger_branch     = each.value.trigger_branch
  public_api         = each.value.public_api
  api_keys_enabled   = each.value.api_keys_enabled
  canary_every_min   = each.value.canary_every_min
  compactor_schedule = each.value.compactor_schedule
  retention          = each.value.retention

  page_emails   = var.page_emails
  ticket_emails = var.ticket_emails
  runbook_url   = var.runbook_url

  apis_wait_s    = var.apis_wait_s
  metrics_wait_s = var.metrics_wait_s
}
