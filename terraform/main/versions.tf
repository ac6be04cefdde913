terraform {
  required_version = ">= 1.9.0, < 2.0.0"

  # The bucket is an output of terraform/backend: init -backend-config=bucket=NAME
  backend "gcs" {
    prefix = "flights"
  }

  required_providers {
    google = {
      source  = "hashicorp/google"
      version = "~> 7.44.0"
    }
  }
}
