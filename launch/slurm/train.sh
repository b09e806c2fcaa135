#!/usr/bin/env bash
# Trains on the GPU nodes of a Slurm cluster, from this checkout on a file system that all nodes share.
#
#   launch/slurm/train.sh --name=tramp --nodes=2 --gpus-per-node=8 --config=configs/pfed5_plus_8b.py --workdir=runs/8b
#
# Before: python3.11 -m venv .venv && .venv/bin/python -m pip install -e '.[cuda12]'. Stop: scancel --name=NAME.
set -euo pipefail
here=$(dirname "${BASH_SOURCE[0]}")
# shellcheck source=launch/common.sh
source "$here/../common.sh"
parse_arguments "name nodes gpus-per-node config workdir" \
  "cpus-per-gpu=8 time=24:00:00 partition= account= python=.venv/bin/python" "$@"
need sbatch "call this on a login node of the cluster"

job=$(fill "$here/train.sbatch" name="${option[name]}" nodes="${option[nodes]}" gpus="${option[gpus-per-node]}" \
  cpus="${option[cpus-per-gpu]}" time="${option[time]}" \
  command="$(quoted "${option[python]}" -m tramp_jax.train) $(train_arguments)")

submit "$job" sbatch --chdir="$root" ${option[partition]:+--partition="${option[partition]}"} \
  ${option[account]:+--account="${option[account]}"}
