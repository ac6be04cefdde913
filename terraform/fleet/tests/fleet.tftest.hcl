# Several systems against the real provider's schema with made-up answers: make test-terraform

mock_provider "google" {
  mock_resource "google_service_account" {
    defaults = {
      id     = "projects/flights-test/serviceAccounts/flights-mock@flights-test.iam.gserviceaccount.com"
      name   = "projects/flights-test/serviceAccounts/flights-mock@flights-test.iam.gserviceaccount.com"
      email  = "flights-mock@flights-test.iam.gserviceaccount.com"
      member = "serviceAccount:flights-mock@flights-test.iam.gserviceaccount.com"
    }
  }
}

variables {
  project_id    = "flights-fleet"
  page_emails   = ["oncall@example.com"]
  ticket_emails = ["tickets@example.com"]
  runbook_url   = "https://example.com/docs/runbook.md"

  apis_wait_s    = 0 # nothing real is made
  metrics_wait_s = 0

  systems = {
    jfk = { project_id = "flights-jfk", region = "us-east4" }
    mad = { project_id = "flights-iberia", region = "europe-southwest1", name = "mad" }
    bcn = { project_id = "flights-iberia", region = "europe-southwest1", name = "bcn" }
  }
}

run "each_system_is_its_own_and_one_dashboard_has_all" {
  command = plan

  assert {
    condition     = length(module.system) == 3
    error_message = "A module call each."
  }
  assert {
    condition     = keys(google_monitoring_monitored_project.system) == ["flights-iberia", "flights-jfk"]
    error_message = "The dashboard's project sees the projects of all."
  }
  assert {
    condition     = alltrue([for widget in jsondecode(google_monitoring_dashboard.fleet.dashboard_json).gridLayout.widgets : length(widget.xyChart.dataSets) == 3])
    error_message = "Each chart has a data set for each name."
  }
  assert {
    condition     = strcontains(google_monitoring_dashboard.fleet.dashboard_json, "user/mad_freshness_seconds") && strcontains(google_monitoring_dashboard.fleet.dashboard_json, "user/flights_freshness_seconds")
    error_message = "Metrics are named by the system."
  }
}

run "two_of_one_name_in_a_project_are_refused" {
  command = plan
  variables {
    systems = {
      mad = { project_id = "flights-iberia", region = "europe-southwest1" }
      bcn = { project_id = "flights-iberia", region = "europe-southwest1" }
    }
  }
  expect_failures = [var.systems]
}

run "more_than_a_project_has_room_for_are_refused" {
  command = plan
  variables {
    systems = { for number in range(15) : "system-${number}" => { project_id = "flights-iberia", region = "europe-southwest1", name = "system-${number}" } }
  }
  expect_failures = [var.systems]
}
