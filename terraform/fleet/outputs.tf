output "api_urls" {
  description = "The API of each system."
  value       = { for key, system in module.system : key => system.api_url }
}

output "systems" {
  description = "What deploy/submit.sh needs of each system, by its key."
  value = { for key, system in module.system : key => {
    name          = system.name
    region        = system.region
    build_account = system.build_account
    build_sources = system.build_sources
  } }
}

output "dashboard_url" {
  description = "The fleet's dashboard in the console."
  value       = "https://console.cloud.google.com/monitoring/dashboards/builder/${basename(google_monitoring_dashboard.fleet.id)}?project=${var.project_id}"
}
