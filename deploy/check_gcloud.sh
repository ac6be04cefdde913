#!/usr/bin/env bash
# Whether this gcloud knows all that is asked of it: bash deploy/check_gcloud.sh
#
# Worker pools are the newest of it: gcloud 528 and 550 had them in beta only. The least version is the one that
# cloudbuild.yaml pins and that the commands of deploy/ and docs/ are written for.
set -euo pipefail

MINIMUM=578
found=$(gcloud version --format='value("Google Cloud SDK")')
if ((${found%%.*} < MINIMUM)); then
  echo "gcloud $found is too old: $MINIMUM or newer is needed; try: gcloud components update" >&2
  exit 1
fi
echo "gcloud $found knows what is needed ($MINIMUM or newer)"
