#!/usr/bin/env bash
# Gives every host of the slice this repository at one commit and a Python environment of its own (Python 3.11, tpu extra).
# What is not committed does not travel. create.sh calls it; call it again after a change, with --ref=COMMIT.
set -euo pipefail
# shellcheck source=launch/tpu_vm/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
parse_tpu_vm "" "$@"
need git "install git"

# The image's own Python is too old. uv brings one without root, so nothing waits for the image's package updates.
install='tar --extract --gzip --file=tramp-jax.tar.gz
  && python3 -m pip install --user --quiet --upgrade uv
  && python3 -m uv venv --quiet --allow-existing --python=3.11 tramp-jax/.venv
  && python3 -m uv pip install --quiet --python=tramp-jax/.venv/bin/python --editable "tramp-jax[tpu]"'
archive=${TMPDIR:-/tmp}/${option[name]}/tramp-jax.tar.gz

run mkdir -p "$(dirname "$archive")"
run git -C "$root" archive --format=tar.gz --prefix=tramp-jax/ --output="$archive" "${option[ref]}"
gcloud_tpus tpu-vm scp "$archive" "${option[name]}:" --worker=all
on_hosts all "${install//$'\n '/}"
