#!/usr/bin/env bash
# Ends the training on every host; the slice stays.
set -euo pipefail
# shellcheck source=launch/tpu_vm/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
parse_tpu_vm "" "$@"
# shellcheck disable=SC2016 # for the hosts to expand
on_hosts all 'kill -- -$(cat tramp-jax/train.pid)'
