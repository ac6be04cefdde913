# Where a branch is tried first, in the same project: terraform workspace select -or-create staging
name       = "staging"
project_id = "your-project"
region     = "europe-west1"

repository     = "projects/your-project/locations/europe-west1/connections/CONNECTION/repositories/LINKED"
trigger_branch = "^staging$"
page_emails    = ["tickets@example.com"] # nobody is woken up for it
ticket_emails  = ["tickets@example.com"]
runbook_url    = "https://github.com/OWNER/REPOSITORY/blob/main/docs/runbook.md"

api_min_instances = 0 # the first answer takes seconds
retention         = { messages_days = 1 }
