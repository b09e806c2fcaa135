#!/usr/bin/env bash
# Exports the run's newest checkpoint for Hugging Face on the first host and copies it here, to --output.
#
#   launch/tpu_vm/export.sh --name=tramp --zone=us-east5-b --workdir=gs://BUCKET/runs/8b --output=export
set -euo pipefail
# shellcheck source=launch/tpu_vm/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
parse_tpu_vm "workdir output" "$@"
[[ ! -e ${option[output]} ]] || die "--output=${option[output]}: exists: choose a folder that does not"
# On the CPU: a single host of a slice cannot use its TPU chips without the others.
on_hosts 0 "cd tramp-jax && rm -rf export && \
JAX_PLATFORMS=cpu .venv/bin/python -m tramp_jax.export_hf $(quoted "--checkpoint=${option[workdir]}") --output=export"
gcloud_tpus tpu-vm scp "${option[name]}:tramp-jax/export" "${option[output]}" --recurse --worker=0
