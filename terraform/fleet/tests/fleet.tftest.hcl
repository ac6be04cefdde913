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

run "a_system_takes_all_that_it_takes_alone" {
  command = plan
  variables {
    systems = {
      jfk = {
        project_id     = "flights-jfk"
        region         = "us-east4"
        repository     = "projects/flights-jfk/locations/us-east4/connections/github/repositories/flights"
        github_checks  = false
        trigger_branch = "^jfk$"
        page_channels  = ["projects/flights-jfk/notificationChannels/1"]

        public_api        = true
        ingress           = "INGRESS_TRAFFIC_INTERNAL_ONLY"
        subnetwork        = "projects/flights-jfk/regions/us-east4/subnetworks/default"
        iap_members       = ["group:jfk@example.com"]
        api_settings      = { API_RATE_PER_S = "50" }
        api_domain        = "jfk.example.com"
        api_proxy_hops    = 2
        api_keys_enabled  = true
        api_min_instances = 2
        api_max_instances = 20
        api_memory        = { instance_mib = 4096 }

        writer_instances       = 3
        writer_batch_max_age_s = 10
        canary_every_min       = 5

        compactor_schedule         = "*/10 * * * *"
        compactor_cpus             = 2
        compactor_memory           = { instance_mib = 8192 }
        compactor_trusted_snapshot = 4999000

        retention       = { messages_days = 31 }
        lake_regions    = ["us-east4", "us-central1"]
        message_regions = ["us-east4"]
        bigquery        = true
      }
    }
  }

  assert {
    condition     = module.system["jfk"].region == "us-east4"
    error_message = "A system with everything is planned as any other."
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
