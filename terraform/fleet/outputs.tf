output "api_urls" {
  description = "The API of each system."
  value       = { for key, system in module.system : key => system.api_url }
}

output "dashboard_url" {
  description = "The fleet's dashboard in the console."
  value       = "https://console.cloud.google.com/monitoring/dashboards/builder/${basename(google_monitoring_dashboard.fleet.id)}?project=${var.project_id}"
}
