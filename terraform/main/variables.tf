# What is the project's own has no default: a wrong one would be created silently.

variable "project_id" {
  description = "Google Cloud project that everything is created in. It exists and has billing."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project_id))
    error_message = "A project id has 6 to 30 lower-case letters, digits and hyphens, and begins with a letter."
  }
}

variable "region" {
  description = "Region of everything, for example europe-west1: reads between regions cost money and time."
  type        = string

  validation {
    condition     = can(regex("^[a-z]+-[a-z]+[0-9]+$", var.region))
    error_message = "A region looks like europe-west1."
  }
}

variable "name" {
  description = "What the names of everything begin with: another one for each system of a project (docs/deploy.md, Environments). It cannot be changed later: everything would be made anew."
  type        = string
  default     = "flights"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,16}[a-z0-9]$", var.name))
    error_message = "3 to 18 lower-case letters, digits and hyphens, a letter first: an account is NAME-compactor with 30 at most, a bucket PROJECT-NAME-build-sources with 63."
  }
  validation {
    condition     = terraform.workspace == "default" || terraform.workspace == var.name
    error_message = "The workspace is another system's. The first system is in `default`: terraform workspace select default. Each other one: terraform workspace select -or-create NAME, with this name."
  }
}

variable "repository" {
  description = "The connected Git repository that pushes start a build of, projects/P/locations/R/connections/C/repositories/N; null for no trigger (builds are then submitted by hand)."
  type        = string

  validation {
    condition     = var.repository == null || can(regex("^projects/[^/]+/locations/[^/]+/connections/[^/]+/repositories/[^/]+$", var.repository))
    error_message = "It takes projects/P/locations/R/connections/C/repositories/N, as `gcloud builds repositories list --connection=C --region=R --format='value(name)'` prints it, or null."
  }
}

variable "page_emails" {
  description = "Who is woken up: addresses for alerts on what hurts users now."
  type        = list(string)

  validation {
    condition     = length(var.page_emails) > 0 && alltrue([for address in var.page_emails : can(regex("^[^@ ]+@[^@ ]+$", address))])
    error_message = "At least one e-mail address: an alert that nobody gets is none."
  }
}

variable "ticket_emails" {
  description = "Who gets what can wait for working hours: usually the address of an issue tracker."
  type        = list(string)

  validation {
    condition     = length(var.ticket_emails) > 0 && alltrue([for address in var.ticket_emails : can(regex("^[^@ ]+@[^@ ]+$", address))])
    error_message = "At least one e-mail address."
  }
}

variable "page_channels" {
  description = "Notification channels made elsewhere (PagerDuty, Opsgenie, a phone) that pages go to as well: an e-mail wakes nobody."
  type        = list(string)
  nullable    = false
  default     = [] # each needs a key of its own, which has no place in Terraform's state

  validation {
    condition     = alltrue([for channel in var.page_channels : can(regex("^projects/[^/]+/notificationChannels/[0-9]+$", channel))])
    error_message = "Each is projects/P/notificationChannels/NUMBER, as `gcloud beta monitoring channels list` prints it."
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

variable "github_checks" {
  description = "Whether the log of a build is shown in the repository's checks: for a repository on GitHub alone, the API refuses it for others."
  type        = bool
  nullable    = false
  default     = true # most are on GitHub; false for GitLab and Bitbucket
}

variable "plan_pull_requests" {
  description = "Whether each pull request that changes Terraform is planned, with the values of terraform/main/envs/NAME.tfvars in it. Needs repository."
  type        = bool
  default     = false # the code of a pull request runs with an identity that reads the project
}

variable "trigger_branch" {
  description = "Branch whose pushes are deployed, as a regular expression."
  type        = string
  nullable    = false
  default     = "^main$"
}

variable "public_api" {
  description = "Whether anybody may call the API without a Google identity: Cloud Run checks none then. False: callers need roles/run.invoker on the service."
  type        = bool
  nullable    = false
  default     = false # open on purpose only
}

variable "ingress" {
  description = "From where the API may be reached (not the dashboard of iap_members, which IAP guards): INGRESS_TRAFFIC_ALL, INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER (a load balancer, and networks of the project) or INGRESS_TRAFFIC_INTERNAL_ONLY (those networks alone)."
  type        = string
  nullable    = false
  default     = "INGRESS_TRAFFIC_ALL" # identities guard it; canary and builds come from outside of any network

  validation {
    condition     = contains(["INGRESS_TRAFFIC_ALL", "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER", "INGRESS_TRAFFIC_INTERNAL_ONLY"], var.ingress)
    error_message = "INGRESS_TRAFFIC_ALL, INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER or INGRESS_TRAFFIC_INTERNAL_ONLY."
  }
  validation {
    condition     = var.ingress == "INGRESS_TRAFFIC_ALL" || var.subnetwork != null
    error_message = "Any other needs subnetwork: from outside of a network the canary would reach nothing, and page. Builds need a private pool (docs/deploy.md, Network, domain and settings)."
  }
}

variable "subnetwork" {
  description = "Subnetwork that the canary asks the API from, projects/P/regions/R/subnetworks/NAME, with Private Google Access; in another project, Cloud Run's agent needs roles/compute.networkUser on it. null: the internet. Needed with an ingress that is not INGRESS_TRAFFIC_ALL."
  type        = string
  default     = null

  validation {
    condition     = var.subnetwork == null || can(regex("^projects/[^/]+/regions/[^/]+/subnetworks/[^/]+$", var.subnetwork))
    error_message = "It takes projects/P/regions/R/subnetworks/NAME, or null."
  }
}

variable "iap_members" {
  description = "Who may open the dashboard in a browser with a Google account: a second service runs behind Identity-Aware Proxy for them. Empty: there is none."
  type        = list(string)
  nullable    = false
  default     = [] # one person needs none: docs/deploy.md, The dashboard of a private API

  validation {
    condition     = alltrue([for member in var.iap_members : can(regex("^(user|group|serviceAccount):[^@ :]+@[^@ :]+$|^domain:[^@ :]+$", member))])
    error_message = "Each is user:ADDRESS, group:ADDRESS, serviceAccount:ADDRESS or domain:NAME; nobody else, allUsers least of all."
  }
}

variable "api_settings" {
  description = "Settings of the API by their names in docs/configuration.md, for example { API_CORS_ORIGINS = \"https://example.com\", API_RATE_PER_S = \"50\" }."
  type        = map(string)
  nullable    = false
  default     = {} # the service's own defaults

  validation {
    condition     = alltrue([for name in keys(var.api_settings) : can(regex("^API_[A-Z0-9_]+$", name))])
    error_message = "Names begin with API_; docs/configuration.md has them all."
  }
  validation {
    condition = length(setintersection(keys(var.api_settings), [
      "API_FILE_CACHE_MB", "API_DUCKDB_MEMORY_MB", "API_MAX_CONCURRENT_QUERIES", "API_LOG_FORMAT", "API_TRACE_PROJECT",
      "API_PROXY_HOPS", "API_TLS_IN_FRONT", "API_KEYS_FILE", "API_KEYS",
    ])) == 0
    error_message = "Terraform sets this one itself: api_memory, api_proxy_hops and api_keys_enabled are variables; keys never belong into the state."
  }
}

variable "api_domain" {
  description = "Domain of your own that leads to the API through a load balancer (docs/deploy.md, Network, domain and settings): identity tokens for it are taken too; null: none."
  type        = string
  default     = null

  validation {
    condition     = var.api_domain == null || can(regex("^[a-z0-9-]+(\\.[a-z0-9-]+)+$", var.api_domain))
    error_message = "It takes a host name, as api.example.com, or null."
  }
}

variable "api_proxy_hops" {
  description = "Proxies in front of the API that add to X-Forwarded-For: Cloud Run's own, and a load balancer's."
  type        = number
  nullable    = false
  default     = 1 # Cloud Run's front end adds the caller's address; a load balancer in front is one more

  validation {
    condition     = var.api_proxy_hops >= 1 && var.api_proxy_hops <= 10 && floor(var.api_proxy_hops) == var.api_proxy_hops
    error_message = "A whole number from 1 to 10."
  }
}

variable "api_keys_enabled" {
  description = "Whether what is under /v1/ needs an API key. Only once flights-api-key-hashes and flights-probe-key have a version (docs/deploy.md, API keys): Cloud Run refuses what would read a secret without one."
  type        = bool
  nullable    = false
  default     = false # at the first apply the secrets are empty
}

variable "writer_instances" {
  description = "Writers, 36 dollars a month each. Plan 20,000 events/s for one (37,000 measured on two shared cores); they share nothing but Pub/Sub and the bucket."
  type        = number
  nullable    = false
  default     = 1 # a crashed one is back in seconds, and Pub/Sub keeps what arrives meanwhile

  validation {
    condition     = var.writer_instances >= 0 && var.writer_instances <= 100 && floor(var.writer_instances) == var.writer_instances
    error_message = "A whole number from 0 (nothing is consumed; Pub/Sub keeps it) to 100."
  }
}

variable "writer_batch_max_age_s" {
  description = "Seconds that a writer collects events before it stores them: most of the freshness, and the number of objects, whose writes cost 5 dollars a month at 5 seconds and a quarter of it at 20."
  type        = number
  nullable    = false
  default     = 5 # visible within 10 s; 17,280 objects a day for each flight date that is written

  validation {
    condition     = var.writer_batch_max_age_s > 0 && var.writer_batch_max_age_s <= 20
    error_message = "Above 0 and at most 20: the freshness objective is 30 s, uploads and listing included."
  }
}

variable "api_min_instances" {
  description = "API instances that are kept warm, 26 dollars a month each while nobody asks. 0: the first question after a pause waits for a start."
  type        = number
  nullable    = false
  default     = 1 # a cold start takes seconds, which the latency objective has no room for under little traffic

  validation {
    condition     = var.api_min_instances >= 0 && var.api_min_instances <= 100 && floor(var.api_min_instances) == var.api_min_instances
    error_message = "A whole number from 0 to 100."
  }
}

variable "api_max_instances" {
  description = "API instances at most: the bound of the bill, 137 dollars a month for each that is busy all the time."
  type        = number
  nullable    = false
  default     = 10 # at 15 ms a question on two cores, over 1,000 questions/s

  validation {
    condition     = var.api_max_instances >= 1 && var.api_max_instances <= 1000 && floor(var.api_max_instances) == var.api_max_instances
    error_message = "A whole number from 1 to 1000."
  }
}

variable "api_memory" {
  description = "MiB of an API instance and what of it the file cache and DuckDB may use (MB). The disk of Cloud Run is memory, so all of it counts; each GiB of a warm instance costs 6.48 dollars a month."
  type = object({
    instance_mib = optional(number, 2048)
    cache_mb     = optional(number, 448) # 16 million flights
    duckdb_mb    = optional(number, 512)
  })
  nullable = false
  default  = {}

  validation {
    # memory_needed_mb in query_service/settings.py: DuckDB spills at most as much again; 528 MB are the process and the
    # other defaults; API_ROLLUP_CACHE_MB is a sixteenth of the container.
    condition     = var.api_memory.cache_mb + 2 * var.api_memory.duckdb_mb + 528 <= var.api_memory.instance_mib * 1.048 * 15 / 16
    error_message = "cache_mb + 2 x duckdb_mb (memory and spill) + 528 MB has to fit into 15/16 of instance_mib."
  }
}

variable "compactor_memory" {
  description = "MiB of the compactor and what of it DuckDB and the scratch folder may use (MB). Each GiB costs 1.04 dollars a month at a run every five minutes."
  type = object({
    instance_mib = optional(number, 4096)
    duckdb_mb    = optional(number, 1024)
    scratch_mb   = optional(number, 2048) # months of tens of millions of flights
  })
  nullable = false
  default  = {}

  validation {
    condition     = var.compactor_memory.duckdb_mb + var.compactor_memory.scratch_mb + 500 <= var.compactor_memory.instance_mib * 1.048
    error_message = "duckdb_mb + scratch_mb + 500 MB for the process has to fit into instance_mib."
  }
}

variable "compactor_trusted_snapshot" {
  description = "Snapshot up to which a person vouches for the lake after a restore or a copy (docs/runbook.md, foreign-snapshot): the compactor does not check lower ones for being one history. 0: it checks all. Back to 0 once that snapshot has expired."
  type        = number
  nullable    = false
  default     = 0 # nobody vouches: each commit has to follow the one before it

  validation {
    condition     = var.compactor_trusted_snapshot >= 0 && var.compactor_trusted_snapshot < 999999999 && floor(var.compactor_trusted_snapshot) == var.compactor_trusted_snapshot
    error_message = "The number of a snapshot, without the zeros of its name, below 999999999; 0 for none."
  }
}

variable "compactor_cpus" {
  description = "vCPUs of the compactor, for runs with much to merge. A run is billed for at least a minute: at one every five minutes, 13 dollars a month with one vCPU and 23 with two."
  type        = number
  nullable    = false
  default     = 1 # a run takes seconds, so a second core would only be paid for

  validation {
    condition     = contains([1, 2, 4], var.compactor_cpus)
    error_message = "1, 2 or 4: what Cloud Run takes."
  }
  validation {
    condition     = var.compactor_memory.instance_mib <= 4096 * var.compactor_cpus
    error_message = "Cloud Run gives a vCPU 4 GiB at most: raise compactor_cpus, or lower compactor_memory.instance_mib."
  }
}

variable "compactor_schedule" {
  description = "When the compactor runs, in cron's form, UTC. Each run is billed for at least a minute: 13 dollars a month at every five minutes, 7 at every ten. At ten, the window of compactor-failing and tables-behind, six runs, is an hour instead of half an hour, and a failing compactor is told after 20 minutes instead of 10."
  type        = string
  nullable    = false
  default     = "*/5 * * * *" # a tail of 60 small files a date costs a question some ms; every minute would cost five times as much

  validation {
    # Windows of alerts.tf are six runs and half an hour at least, but for snapshot-old: of half an hour, always.
    condition     = can(regex("^\\*(/([1-9]|10))? \\* \\* \\* \\*$", var.compactor_schedule))
    error_message = "Every 1 to 10 minutes, as */5 * * * *: with fewer than three runs in half an hour, snapshot-old would fire for no reason."
  }
}

variable "canary_every_min" {
  description = "Minutes between two canaries. Each is a run of a job, billed for at least a minute: 49 dollars a month at 1, 10 at 5, and what the API computes while they wait. At 5, an outage pages after 16 minutes instead of 5."
  type        = number
  nullable    = false
  default     = 1 # the resolution of the freshness objective

  validation {
    condition     = contains([1, 2, 3, 4, 5], var.canary_every_min)
    error_message = "1 to 5 minutes: with fewer canaries, windows of five minutes would often have none."
  }
}

variable "retention" {
  description = "Days that things are kept: messages (replay by seek; a million a day for a week cost 0.66 dollars a month), deleted objects (soft delete; 0.16 dollars for one airport), rejected messages."
  type = object({
    messages_days = optional(number, 7) # a week in which a bad writer can be noticed, at 0.27 dollars a GiB and month
    # The same week for whatever deletes what it should not. A busy lake (100,000 flights a date) lands 0.18 GB a day and
    # writes 6.5 times as much again, all of which is deleted: 9.4 GB in a week, at 0.02 dollars a GiB and month.
    deleted_days  = optional(number, 7)
    rejected_days = optional(number, 90) # a publisher's bug is found, mended, and its messages replayed
  })
  nullable = false
  default  = {}

  validation {
    condition     = var.retention.messages_days >= 1 && var.retention.messages_days <= 31
    error_message = "messages_days is 1 to 31: what Pub/Sub keeps at most."
  }
  validation {
    condition     = var.retention.deleted_days >= 7 && var.retention.deleted_days <= 90
    error_message = "deleted_days is 7 to 90: what Cloud Storage takes."
  }
  validation {
    condition     = var.retention.rejected_days >= 7
    error_message = "rejected_days is at least 7: shorter, and nobody has looked yet."
  }
}

variable "lake_regions" {
  description = "Two regions that the lake is kept in, with replication within 15 minutes: it outlives the loss of one. For one airport, 14 dollars a month more. To be decided before the first apply: a bucket cannot move. Empty: in region alone."
  type        = list(string)
  nullable    = false
  default     = [] # one region: the lake is back when its region is

  validation {
    condition     = length(var.lake_regions) == 0 || (length(distinct(var.lake_regions)) == 2 && alltrue([for region in var.lake_regions : can(regex("^(us|europe|asia)-[a-z]+[0-9]+$", region))]) && length(distinct([for region in var.lake_regions : split("-", region)[0]])) == 1 && length(setintersection(var.lake_regions, ["europe-west2", "europe-west6"])) == 0)
    error_message = "Two regions of one continent (us, europe, asia; of europe those in the EU: neither London nor Zurich), as [\"europe-west1\", \"europe-west4\"], or none. Google refuses some pairs more: https://cloud.google.com/storage/docs/locations#location-dr"
  }
  validation {
    condition     = length(var.lake_regions) == 0 || contains(var.lake_regions, var.region)
    error_message = "One of the two is region: the services read the lake from where they are."
  }
}

variable "message_regions" {
  description = "Regions that Pub/Sub may keep messages in; empty: where they are published, which a policy of the organization may narrow."
  type        = list(string)
  nullable    = false
  default     = [] # the nearest to the publisher, which loses the least with a region

  validation {
    condition     = alltrue([for region in var.message_regions : can(regex("^[a-z]+-[a-z]+[0-9]+$", region))])
    error_message = "Each looks like europe-west1."
  }
}

variable "bigquery" {
  description = "Whether the merged flights can be asked in BigQuery too: a dataset, the Delta table of the lake and a view. A million of its questions cost 72 dollars at least. Turn it on once the lake has a snapshot."
  type        = bool
  nullable    = false
  default     = false # it reads the same files; nobody needs it to run the service
}

variable "apis_wait_s" {
  description = "Seconds that an apply waits after it turned on Google's APIs, before it makes anything: the first time, and when there are new ones."
  type        = number
  default     = 120 # Google says "a few minutes"; step 3 of docs/deploy.md turned them on some minutes before already

  validation {
    condition     = var.apis_wait_s >= 0 && var.apis_wait_s <= 900
    error_message = "0 to 900 seconds."
  }
}

variable "metrics_wait_s" {
  description = "Seconds that an apply waits after it made log-based metrics, before alerts on them are made: the first time, and when there are new ones."
  type        = number
  default     = 600 # the API: "it could take up to 10 minutes to become available"; sooner, an apply may end half done

  validation {
    condition     = var.metrics_wait_s >= 0 && var.metrics_wait_s <= 900
    error_message = "0 to 900 seconds."
  }
}
