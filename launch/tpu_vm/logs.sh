#!/usr/bin/env bash
# Follows the training's output on one host (--worker=0).
set -euo pipefail
# shellcheck source=launch/tpu_vm/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
parse_tpu_vm "" "$@"
on_hosts "${option[worker]}" 'tail --lines=100 --follow=name tramp-jax/train.log'
