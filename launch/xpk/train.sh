#!/usr/bin/env bash
# Trains on a GKE cluster that XPK made.
#
#   launch/xpk/train.sh --name=tramp --cluster=CLUSTER --project=PROJECT --zone=us-east5-b --topology=v5p:4x4x4 \
#       --image=IMAGE --config=configs/pfed5_plus_8b.py --workdir=gs://BUCKET/runs/8b
#
# XPK's pods run as the user of the image: build it with --build-arg=RUN_AS=root. Stop: xpk workload delete.
set -euo pipefail
# shellcheck source=launch/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/../common.sh"
parse_arguments "name cluster project zone topology image config workdir" "retries=5" "$@"
need xpk "install XPK (https://github.com/AI-Hypercomputer/xpk)"
read_topology
check_workdir "${tpu[nodes]}"

run xpk config set send-telemetry false
run xpk workload create --workload="${option[name]}" --cluster="${option[cluster]}" --project="${option[project]}" \
  --zone="${option[zone]}" --tpu-type="${tpu[type]}" --num-slices=1 --docker-image="${option[image]}" \
  --max-restarts="${option[retries]}" --command="python -m tramp_jax.train $(train_arguments)"
