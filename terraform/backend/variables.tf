variable "project_id" {
  description = "Google Cloud project that everything is created in. It exists and has billing."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project_id))
    error_message = "A project id has 6 to 30 lower-case letters, digits and hyphens, and begins with a letter."
  }
}

variable "state_regions" {
  description = "Two regions that the state is kept in, as lake_regions of terraform/main: without the state nobody applies elsewhere. Empty: in region alone."
  type        = list(string)
  default     = [] # one region: the state is back when its region is

  validation {
    condition     = length(var.state_regions) == 0 || (length(distinct(var.state_regions)) == 2 && alltrue([for region in var.state_regions : can(regex("^(us|europe|asia)-[a-z]+[0-9]+$", region))]) && length(distinct([for region in var.state_regions : split("-", region)[0]])) == 1 && length(setintersection(var.state_regions, ["europe-west2", "europe-west6"])) == 0)
    error_message = "Two regions of one continent (us, europe, asia; of europe those in the EU: neither London nor Zurich), as [\"europe-west1\", \"europe-west4\"], or none. Google refuses some pairs more: https://cloud.google.com/storage/docs/locations#location-dr"
  }
}

variable "region" {
  description = "Region of the state bucket, for example europe-west1."
  type        = string

  validation {
    condition     = can(regex("^[a-z]+-[a-z]+[0-9]+$", var.region))
    error_message = "A region looks like europe-west1."
  }
}
