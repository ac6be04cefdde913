#!/usr/bin/env bash
# Submits a build by hand, of the commit that is checked out: bash deploy/submit.sh [SYSTEM]
#
# For the system of terraform/main, in the workspace that is selected; or for one of terraform/fleet, by its key.
#
# What is uploaded is the folder, so it has to be that commit: a dirty tree is refused. The beta command, because
# the other one shows no line of a build that logs to Cloud Logging alone.
set -euo pipefail
cd "$(dirname "$0")/.."

bash deploy/check_gcloud.sh
changed=$(git status --porcelain)
if [[ -n $changed ]]; then
  printf 'this is not what commit %s has; commit, stash or remove first:\n%s\n' "$(git rev-parse --short HEAD)" "$changed" >&2
  exit 1
fi
system=${1:-}
output() { # NAME
  if [[ -z $system ]]; then
    terraform -chdir=terraform/main output -raw "$1"
  else
    terraform -chdir=terraform/fleet output -json systems | python3 -c '
import json, sys
systems = json.load(sys.stdin)
if sys.argv[1] not in systems:
    sys.exit("terraform/fleet has no system %s, but: %s" % (sys.argv[1], ", ".join(sorted(systems))))
print(systems[sys.argv[1]][sys.argv[2]])
' "$system" "$1"
  fi
}
region=$(output region)
account=$(output build_account) # projects/PROJECT/serviceAccounts/ADDRESS
project=${account#projects/}
gcloud beta builds submit --project="${project%%/*}" --region="$region" --config=cloudbuild.yaml --service-account="$account" \
  --gcs-source-staging-dir="$(output build_sources)" \
  --substitutions="COMMIT_SHA=$(git rev-parse HEAD),_REGION=$region,_NAME=$(output name)" .
