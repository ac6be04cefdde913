#!/usr/bin/env bash
# The steps of cloudbuild.yaml that change what runs, in this order:
#   bash deploy/steps.sh push IMAGE | turn | dark | token | pipeline | probe | finish
#
# State between steps is in $STATE. Images are deployed and remembered by digest: a tag may name something else tomorrow. Nothing that users see changes before `finish`, and `finish` runs whatever
# `pipeline` and `probe` did: it moves traffic if the probe passed, and otherwise puts everything back and fails.
set -euo pipefail

: "${REGION:?}" "${PROJECT_ID:?}" "${BUILD_ID:?}" "${BUILD_ACCOUNT:?}" "${IMAGES:?}" "${NAME:?}"
: "${COMMIT:?set COMMIT_SHA when submitting by hand, as deploy/submit.sh does}"
STATE=${STATE:-/workspace/.deploy}
TAG=b-${BUILD_ID:0:8} # of the dark revision: its address begins with it
TURN_TRIES=${TURN_TRIES:-120} # times TURN_PAUSE_S: half an hour, two builds before this one
TURN_PAUSE_S=${TURN_PAUSE_S:-15}
TRIES=3 # of putting something back, and of asking again for a token

CALL_S=${CALL_S:-300} # of one change: a container that does not start is given up by Cloud Run before

say() { printf 'deploy: %s\n' "$*"; }

# Builds of a system deploy one at a time, in the order in which they were made; other systems' builds are not waited for.
turn() {
  local created older try
  created=$(gcloud builds describe "$BUILD_ID" --region="$REGION" --format='value(createTime)')
  for ((try = 1; try <= TURN_TRIES; try++)); do
    older=$(gcloud builds list --ongoing --region="$REGION" --format='value(id)' \
      --filter="tags=flights-deploy AND substitutions._NAME=\"$NAME\" AND createTime<\"$created\"")
    if [[ -z $older ]]; then
      say "no older build is under way"
      return
    fi
    say "waits for ${older//$'\n'/ }"
    sleep "$TURN_PAUSE_S"
  done
  say "older builds did not end; cancel them, or run this one again"
  return 1
}

# A tag of the build's own, so that tags never move; what is deployed from now on is the digest that the registry gave.
push() { # IMAGE
  local digest
  [[ ${1:-} == api || ${1:-} == writer ]] || { say "push takes api or writer, not '${1:-}'" && return 2; }
  mkdir -p "$STATE"
  docker push "$IMAGES/$1:build-$BUILD_ID"
  digest=$(docker image inspect --format='{{index .RepoDigests 0}}' "$IMAGES/$1:build-$BUILD_ID")
  [[ $digest =~ ^$IMAGES/$1@sha256:[0-9a-f]{64}$ ]] || { say "no digest of $1 but '$digest'" && return 1; }
  printf '%s' "$digest" >"$STATE/image-$1"
  say "pushed $digest, of commit $COMMIT"
}

image() { # IMAGE
  cat "$STATE/image-$1"
}

# No --tag here: gcloud names the revision then, in the service's template, and the next plan of Terraform would take
# the name out again, by a revision that nobody has probed.
dark() {
  local revision runs
  revision=$(timeout "$CALL_S" gcloud run deploy "$NAME-api" --region="$REGION" --image="$(image api)" --no-traffic \
    --quiet --format='value(status.latestCreatedRevisionName)')
  runs=$(gcloud run revisions describe "$revision" --region="$REGION" --format='value(spec.containers[0].image)')
  if [[ $runs != "$(image api)" ]]; then
    say "revision '$revision' runs '$runs': something else deployed meanwhile (an apply?); run this build again"
    return 1
  fi
  timeout "$CALL_S" gcloud run services update-traffic "$NAME-api" --region="$REGION" --update-tags="$TAG=$revision" --quiet
  gcloud run services describe "$NAME-api" --region="$REGION" --format=json |
    python3 -c '
import json, sys
service = json.load(sys.stdin)
entry = next(e for e in service["status"]["traffic"] if e.get("tag") == sys.argv[1])
settings = service["spec"]["template"]["spec"]["containers"][0].get("env", [])
access = "keys" if any(s["name"] == "API_KEYS_FILE" for s in settings) else "open"
print(entry["revisionName"], entry["url"], service["status"]["url"], access)
' "$TAG" >"$STATE/dark"
  say "dark revision: $(cat "$STATE/dark")"
}

update() { # KIND NAME IMAGE
  case $1 in
    worker-pools) timeout "$CALL_S" gcloud run worker-pools update "$2" --region="$REGION" --image="$3" --quiet ;;
    jobs) timeout "$CALL_S" gcloud run jobs update "$2" --region="$REGION" --image="$3" --quiet ;;
    *) return 1 ;;
  esac
}

# The image that runs, from where gcloud's output has it, or the v2 API's.
image_of() { # KIND NAME
  case $1 in
    worker-pools)
      gcloud run worker-pools describe "$2" --region="$REGION" \
        --format='value(spec.template.spec.containers[0].image,template.containers[0].image)'
      ;;
    jobs)
      gcloud run jobs describe "$2" --region="$REGION" \
        --format='value(spec.template.spec.template.spec.containers[0].image,template.template.containers[0].image)'
      ;;
    *) return 1 ;;
  esac | tr -d '\t\n'
}

PIPELINE=("worker-pools $NAME-writer" "jobs $NAME-compactor" "jobs $NAME-canary")

pipeline() {
  local kind name image
  for entry in "${PIPELINE[@]}"; do # all are known before the first is changed
    read -r kind name <<<"$entry"
    image=$(image_of "$kind" "$name")
    [[ -n $image ]] || { say "no image of $name was found" && return 1; }
    printf '%s %s %s\n' "$kind" "$name" "$image" >>"$STATE/before"
  done
  for entry in "${PIPELINE[@]}"; do
    read -r kind name <<<"$entry"
    update "$kind" "$name" "$(image writer)"
  done
  touch "$STATE/deployed"
}

probe() {
  local url audience access
  [[ -e $STATE/deployed ]] || { say "the pipeline was not deployed; nothing to probe" && return 1; }
  read -r _ url audience access <"$STATE/dark"
  PROBE_TOKEN=$(cat "$STATE/token")
  PROBE_API_KEY=$(cat "$STATE/key")
  export PROBE_TOKEN PROBE_API_KEY # by name below: no secret is an argument
  timeout "$CALL_S" docker run --rm --network=cloudbuild --read-only --tmpfs=/tmp \
    --env=PROBE_URL="$url" --env=PROBE_TOKEN --env=PROBE_API_KEY --env=GOOGLE_CLOUD_PROJECT="$PROJECT_ID" \
    --env=PUBSUB_TOPIC="projects/$PROJECT_ID/topics/$NAME" \
    "$(image writer)" probe deploy --id "$BUILD_ID"
  say "probed $url of $audience ($access)"
  touch "$STATE/probed"
}

# Asked of the interface itself: gcloud's --impersonate-service-account first makes an access token of the account, and
# so wants a wider role than the one for identity tokens (roles/iam.serviceAccountOpenIdTokenCreator) that it has.
identity_token() { # AUDIENCE
  local access answer
  access=$(gcloud auth print-access-token)
  answer=$(printf 'Authorization: Bearer %s\n' "$access" |
    curl --silent --show-error --fail --max-time 30 --retry "$TRIES" \
      --header @- --header 'Content-Type: application/json' --data "{\"audience\": \"$1\", \"includeEmail\": true}" \
      "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/$BUILD_ACCOUNT:generateIdToken")
  printf '%s' "$answer" | python3 -c 'import json, sys; print(json.load(sys.stdin)["token"])'
}

# The build's own identity, for the service, an hour; and the probe's API key, where the revision wants keys.
# In files that go with the build.
token() {
  local audience access
  read -r _ _ audience access <"$STATE/dark"
  (umask 077 && : >"$STATE/key")
  if [[ $access == keys ]]; then
    gcloud secrets versions access latest --secret="$NAME-probe-key" >"$STATE/key"
    [[ -s $STATE/key ]] || { say "the latest version of $NAME-probe-key is empty" && return 1; }
  fi
  (umask 077 && identity_token "$audience" >"$STATE/token")
}

back() {
  local kind name image try
  [[ -e $STATE/before ]] || return 0
  while read -r kind name image; do
    for ((try = 1; try <= TRIES; try++)); do
      if update "$kind" "$name" "$image" </dev/null; then
        say "$name is back at $image"
        continue 2
      fi
    done
    say "BY HAND: gcloud run $kind update $name --region=$REGION --image=$image"
  done <"$STATE/before"
}

# The dashboard behind Identity-Aware Proxy, where there is one: the image that has just been probed. It is told to serve
# it, because a deploy keeps the traffic where a person's roll back had sent it.
people() {
  local name try
  for name in $(gcloud run services list --region="$REGION" --filter="metadata.name=$NAME-dashboard" --format='value(metadata.name)'); do
    for ((try = 1; try <= TRIES; try++)); do
      if timeout "$CALL_S" gcloud run deploy "$name" --region="$REGION" --image="$(image api)" --quiet &&
        timeout "$CALL_S" gcloud run services update-traffic "$name" --region="$REGION" --to-latest --quiet; then
        say "$name has the new image"
        continue 2
      fi
    done
    say "BY HAND: gcloud run deploy $name --region=$REGION --image=$(image api)" \
      "&& gcloud run services update-traffic $name --region=$REGION --to-latest"
    return 1
  done
}

finish() {
  local revision status=0
  if [[ -e $STATE/probed ]]; then
    read -r revision _ <"$STATE/dark"
    if timeout "$CALL_S" gcloud run services update-traffic "$NAME-api" --region="$REGION" --to-revisions="$revision=100" --quiet; then
      say "users are served by $revision, and the pipeline is $(image writer)" # docs/deploy.md looks for it
    else
      say "traffic did not move"
      status=1
    fi
  else
    say "the probe did not pass: traffic stays where it is"
    status=1
  fi
  if ((status == 0)); then people || status=1; else back; fi
  timeout "$CALL_S" gcloud run services update-traffic "$NAME-api" --region="$REGION" --remove-tags="$TAG" --quiet ||
    say "tag $TAG could not be removed; it does no harm"
  return "$status"
}

case ${1:-} in
  push | turn | dark | token | pipeline | probe | finish) "$@" ;;
  *) echo "deploy/steps.sh takes push, turn, dark, token, pipeline, probe or finish, not '${1:-}'" >&2 && exit 2 ;;
esac
