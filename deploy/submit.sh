#!/usr/bin/env bash
# Submits a build by hand, of the commit that is checked out: bash deploy/submit.sh
#
# What is uploaded is the folder, so it has to be that commit: a dirty tree is refused. `gcloud beta`, because a build
# that logs to Cloud Logging alone shows no line of it in `gcloud builds submit`.
set -euo pipefail
cd "$(dirname "$0")/.."

bash deploy/check_gcloud.sh
changed=$(git status --porcelain)
if [[ -n $changed ]]; then
  printf 'this is not what commit %s has; commit, stash or remove first:\n%s\n' "$(git rev-parse --short HEAD)" "$changed" >&2
  exit 1
fi
output() {
  terraform -chdir=terraform/main output -raw "$1"
}
region=$(output region)
gcloud beta builds submit --region="$region" --config=cloudbuild.yaml --service-account="$(output build_account)" \
  --gcs-source-staging-dir="$(output build_sources)" \
  --substitutions="COMMIT_SHA=$(git rev-parse HEAD),_REGION=$region,_NAME=$(output name)" .
