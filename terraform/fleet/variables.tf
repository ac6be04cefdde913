variable "project_id" {
  description = "Project of the fleet's dashboard, which sees the metrics of the systems' projects."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project_id))
    error_message = "A project id has 6 to 30 lower-case letters, digits and hyphens, and begins with a letter."
  }
}

variable "systems" {
  description = "The systems by a name of your choice, with what terraform/main takes. A project each keeps grants, quotas and bills apart; in a shared one they need names of their own. Mind the spelling: Terraform ignores a name that is not listed here."
  type = map(object({
    project_id = string
    region     = string
    name       = optional(string, "flights") # as terraform/main; the dashboard needs it
    repository = optional(string)            # without it, builds are submitted by hand

    # What is not given here has terraform/main's default.
    github_checks  = optional(bool)
    trigger_branch = optional(string)
    page_channels  = optional(list(string))

    public_api        = optional(bool)
    ingress           = optional(string)
    subnetwork        = optional(string)
    iap_members       = optional(list(string))
    api_settings      = optional(map(string))
    api_domain        = optional(string)
    api_proxy_hops    = optional(number)
    api_keys_enabled  = optional(bool)
    api_min_instances = optional(number)
    api_max_instances = optional(number)
    api_memory        = optional(object({ instance_mib = optional(number), cache_mb = optional(number), duckdb_mb = optional(number) }))

    writer_instances       = optional(number)
    writer_batch_max_age_s = optional(number)
    canary_every_min       = optional(number)

    compactor_schedule         = optional(string)
    compactor_cpus             = optional(number)
    compactor_memory           = optional(object({ instance_mib = optional(number), duckdb_mb = optional(number), scratch_mb = optional(number) }))
    compactor_trusted_snapshot = optional(number)

    retention       = optional(object({ messages_days = optional(number), deleted_days = optional(number), rejected_days = optional(number) }))
    lake_regions    = optional(list(string))
    message_regions = optional(list(string))
    bigquery        = optional(bool)
  }))

  validation {
    condition     = length(distinct([for system in var.systems : "${system.project_id} ${system.name}"])) == length(var.systems)
    error_message = "Two systems of one project need different names."
  }
  validation {
    # 500 log-based metrics a project, 24 a system; 100 service accounts, 7 a system.
    condition     = alltrue([for project in distinct([for system in var.systems : system.project_id]) : length([for system in var.systems : system if system.project_id == project]) <= 14])
    error_message = "At most 14 systems in one project: Google's quota of 100 service accounts, of which each has 7."
  }
  validation {
    condition     = length(distinct([for system in var.systems : system.project_id])) <= 375
    error_message = "At most 375 projects: what one metrics scope sees."
  }
}

variable "page_emails" {
  description = "Who is woken up: addresses for alerts on what hurts users now."
  type        = list(string)

  validation {
    condition     = length(var.page_emails) > 0
    error_message = "At least one e-mail address: an alert that nobody gets is none."
  }
}

variable "ticket_emails" {
  description = "Who gets what can wait for working hours."
  type        = list(string)

  validation {
    condition     = length(var.ticket_emails) > 0
    error_message = "At least one e-mail address."
  }
}

variable "runbook_url" {
  description = "Where docs/runbook.md is to be read; alerts link to its headings."
  type        = string

  validation {
    condition     = can(regex("^https://[^#]+$", var.runbook_url))
    error_message = "It takes an https:// address without a fragment."
  }
}

variable "apis_wait_s" {
  description = "Seconds that an apply waits after it turned on Google's APIs of a project."
  type        = number
  default     = 120 # as terraform/main

  validation {
    condition     = var.apis_wait_s >= 0 && var.apis_wait_s <= 900
    error_message = "0 to 900 seconds."
  }
}

variable "metrics_wait_s" {
  description = "Seconds that an apply waits after it made log-based metrics, before alerts on them are made."
  type        = number
  default     = 600 # as terraform/main

  validation {
    condition     = var.metrics_wait_s >= 0 && var.metrics_wait_s <= 900
    error_message = "0 to 900 seconds."
  }
}
