#!/usr/bin/env bash
# Trains on a TPU slice that SkyPilot makes and sets up from this checkout.
#
#   launch/skypilot/train.sh --name=tramp --topology=v6e:4x4 --config=configs/pfed5_plus_8b.py --workdir=gs://BUCKET/runs/8b
#
# --capacity=spot makes a managed job, which SkyPilot starts again after a preemption (stop: sky jobs cancel --name NAME);
# otherwise stop and delete: sky down NAME.
set -euo pipefail
here=$(dirname "${BASH_SOURCE[0]}")
# shellcheck source=launch/common.sh
source "$here/../common.sh"
parse_arguments "name topology config workdir" "zone= capacity=on-demand" "$@"
need sky "install SkyPilot (https://docs.skypilot.co)"
read_topology
check_workdir "${tpu[hosts]}"

case ${option[capacity]} in
  on-demand) spot=false launch=(sky launch --cluster="${option[name]}") ;;
  spot) spot=true launch=(sky jobs launch --name="${option[name]}") ;;
  *) die "--capacity=${option[capacity]}: expected on-demand or spot" ;;
esac
task=$(fill "$here/task.yaml" name="${option[name]}" type="${tpu[type]}" image="${tpu[image]}" spot="$spot" \
  where="gcp/*/${option[zone]:-*}" arguments="$(train_arguments)")

# SkyPilot reads the task from a file, and syncs the folder where it is called.
file=${TMPDIR:-/tmp}/${option[name]}.yaml
if [[ $dry_run == no ]]; then
  printf '%s\n' "$task" >"$file"
  cd "$root"
fi
submit "$task" env SKYPILOT_DISABLE_USAGE_COLLECTION=1 "${launch[@]}" --yes "$file"
