#!/usr/bin/env bash
# Trains on every host of the slice and shows the hosts' output; ends with the exit code of the training.
#
#   launch/tpu_vm/train.sh --name=tramp --zone=us-east5-b --topology=v6e:4x4 \
#       --config=configs/pfed5_plus_8b.py --workdir=gs://BUCKET/runs/8b [--config.KEY=VALUE ...]
#
# If the connection breaks, training goes on: the same line joins it again, logs.sh shows it, stop.sh ends it.
set -euo pipefail
# shellcheck source=launch/tpu_vm/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
parse_tpu_vm "topology config workdir" "$@"
read_topology
check_workdir "${tpu[hosts]}"

on_hosts all "bash tramp-jax/launch/tpu_vm/on_host.sh $(train_arguments)"
