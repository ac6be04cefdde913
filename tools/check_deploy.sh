#!/usr/bin/env bash
# Checks the delivery with the real tools: make check-deploy; with the argument `terraform` only that part: make test-terraform
#
# Needs terraform (TERRAFORM names another one, for example tofu), the google provider (from the registry, or from the
# mirror that TF_CLI_CONFIG_FILE names), PyPI and gcloud. Exit: 0 all checked and right, 1 something is wrong, 2 not all
# of it could be checked - which is said at the end, loudly.
set -euo pipefail
cd "$(dirname "$0")/.."

part=${1:-all}
[[ $part == all || $part == terraform ]] || { echo "check_deploy.sh takes terraform or nothing, not '$part'" >&2 && exit 64; }
terraform=${TERRAFORM:-terraform}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
missing=()
foreign=()

cp -r terraform/. "$work"
# A test takes down what it made up; the real buckets stay protected.
sed -i.before 's/prevent_destroy = true/prevent_destroy = false/' "$work"/*/*.tf

check_root() { # FOLDER
  local copy=$work/$1
  # The provider that the lock names, by its hashes; or one that somebody built from its source, which has others.
  if ! "$terraform" -chdir="$copy" init -backend=false -input=false -no-color -lockfile=readonly >"$work/init" 2>&1; then
    rm -f "$copy/.terraform.lock.hcl"
    if ! "$terraform" -chdir="$copy" init -backend=false -input=false -no-color >"$work/init-again" 2>&1; then
      cat "$work/init"
      missing+=("terraform/$1 against the provider: it could not be had")
      return
    fi
    foreign+=("terraform/$1: the provider is not the registry's build that .terraform.lock.hcl names, but another one of its version")
  fi
  "$terraform" -chdir="$copy" validate -no-color
  "$terraform" -chdir="$copy" version -no-color | grep -i provider
  [[ -d $copy/tests ]] || return 0
  local verbose=()
  [[ $1 != main ]] || verbose=(-verbose) # it prints the plan that has to be empty
  "$terraform" -chdir="$copy" test -no-color "${verbose[@]}" >"$work/test" 2>&1 || {
    cat "$work/test"
    return 1
  }
  grep -E '^  run |^Success' "$work/test"
  [[ $1 == main ]] || return 0
  grep -A 3 'run "the_next_plan_is_empty"' "$work/test" | grep 'No changes' || {
    echo "the plan after an apply is not empty"
    return 1
  }
  for environment in "$copy"/envs/*.tfvars; do
    echo "${environment##*/}"
    "$terraform" -chdir="$copy" test -no-color -test-directory=envs -var-file="$environment"
  done
}

if command -v "$terraform" >/dev/null; then
  "$terraform" fmt -check -recursive -diff terraform
  check_root backend
  check_root main
  check_root fleet
else
  missing+=("Terraform: no $terraform on this machine; only tests/repo/deploy has looked at it")
fi

if [[ $part == all ]]; then
  for image in api writer; do
    .venv/bin/python -m tests.repo.deploy.dockerfile "$image"
  done
  if command -v gcloud >/dev/null; then
    .venv/bin/python -m pytest -q tests/repo/deploy/test_gcloud.py
  else
    missing+=("gcloud's commands by its own parser: this machine has no gcloud")
  fi
fi

((${#foreign[@]} == 0)) || printf 'note: %s\n' "${foreign[@]}"
if ((${#missing[@]})); then
  printf '\n!!! NOT CHECKED !!!\n'
  printf '  %s\n' "${missing[@]}"
  exit 2
fi
echo "$part: checked with the real tools"
