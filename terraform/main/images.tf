# Images and traffic belong to Cloud Build. Terraform only creates each kind with a public image that fits it, so
# that one apply does, and never looks at the image again (ignore_changes).

locals {
  placeholder = {
    service     = "us-docker.pkg.dev/cloudrun/container/hello"
    job         = "us-docker.pkg.dev/cloudrun/container/job"
    worker_pool = "us-docker.pkg.dev/cloudrun/container/worker-pool"
  }
}
