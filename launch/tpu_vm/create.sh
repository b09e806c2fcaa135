#!/usr/bin/env bash
# Requests a TPU slice as a queued resource, waits until it is there and sets up every host (setup.sh).
#
#   launch/tpu_vm/create.sh --name=tramp --zone=us-east5-b --topology=v6e:4x4
#
# Called again, it goes on where it stopped. --capacity=spot is cheaper and can be taken away (resume.sh).
set -euo pipefail
here=$(dirname "${BASH_SOURCE[0]}")
# shellcheck source=launch/tpu_vm/common.sh
source "$here/common.sh"
parse_tpu_vm "topology" "$@"
read_topology

request=(queued-resources create "${option[name]}" --node-id="${option[name]}"
  --accelerator-type="${tpu[type]}" --runtime-version="${tpu[image]}")
case ${option[capacity]} in
  on-demand) ;;
  spot | reserved) request+=("--${option[capacity]}") ;;
  *) die "--capacity=${option[capacity]}: expected on-demand, spot or reserved" ;;
esac
read -ra more <<<"${option[create-flags]}"
request+=("${more[@]}")

if [[ $dry_run == yes ]]; then
  gcloud_tpus "${request[@]}"
  echo "$(gcloud_tpus queued-resources describe "${option[name]}" '--format=value(state.state)') # until ACTIVE"
else
  [[ $(state) != ABSENT ]] || gcloud_tpus "${request[@]}"
  until [[ $(state) == ACTIVE ]]; do
    case $(state) in
      ABSENT | DELETING | FAILED | SUSPENDING | SUSPENDED)
        die "queued resource ${option[name]} is $(state), expected ACTIVE: gcloud compute tpus queued-resources describe says" \
          "why; then delete.sh and create.sh again"
        ;;
    esac
    echo "${option[name]}: $(state)" >&2
    sleep "${option[poll]}"
  done
fi
"$here/setup.sh" "$@"
