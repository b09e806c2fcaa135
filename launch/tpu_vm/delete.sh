#!/usr/bin/env bash
# Deletes the slice and its request, with everything on the hosts' disks.
set -euo pipefail
# shellcheck source=launch/tpu_vm/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
parse_tpu_vm "" "$@"
gcloud_tpus queued-resources delete "${option[name]}" --force --quiet
