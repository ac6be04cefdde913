# The system that users see: terraform workspace select -or-create production
name       = "production"
project_id = "your-project"
region     = "europe-west1"

repository         = "projects/your-project/locations/europe-west1/connections/CONNECTION/repositories/LINKED"
plan_pull_requests = true
page_emails        = ["oncall@example.com"]
ticket_emails      = ["tickets@example.com"]
runbook_url        = "https://github.com/OWNER/REPOSITORY/blob/main/docs/runbook.md"

# Another region survives the loss of this one (docs/reliability.md, When something is lost).
# lake_regions = ["europe-west1", "europe-west4"]
