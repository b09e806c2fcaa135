#!/usr/bin/env bash
# Trains to the end whatever happens to the slice: creates it where there is none, and where it was taken away (SUSPENDED)
# or could not be had (FAILED) deletes the request, makes it again and trains on from the newest checkpoint.
#
#   launch/tpu_vm/resume.sh --name=tramp --zone=us-east5-b --topology=v6e:4x4 --capacity=spot \
#       --config=configs/pfed5_plus_8b.py --workdir=gs://BUCKET/runs/8b
#
# Runs on a machine that stays on. It gives up after --retries failures in a row that no preemption explains.
set -euo pipefail
here=$(dirname "${BASH_SOURCE[0]}")
# shellcheck source=launch/tpu_vm/common.sh
source "$here/common.sh"
parse_tpu_vm "topology config workdir" "$@"
read_topology
[[ ${option[workdir]} == gs://* || ${option[workdir]} == /* ]] ||
  die "--workdir=${option[workdir]}: a slice takes its disks with it: use gs://BUCKET/FOLDER or the path of a mount"

if [[ $dry_run == yes ]]; then
  echo "# until training ends with 0:"
  echo "$(gcloud_tpus queued-resources describe "${option[name]}" '--format=value(state.state)') # the state"
  echo "# ACTIVE:" && "$here/train.sh" "$@"
  echo "# SUSPENDED, FAILED:" && "$here/delete.sh" "$@"
  echo "# absent, or in the queue:" && "$here/create.sh" "$@"
  exit
fi

failures=0
while ((failures < option[retries])); do
  code=0
  case $(state) in
    ACTIVE)
      "$here/train.sh" "$@" || code=$?
      ((code)) || exit 0
      sleep "${option[poll]}" # the state follows a preemption with a delay
      if [[ $(state) == ACTIVE ]]; then
        ((code != 2)) || exit 2 # wrong arguments stay wrong
        failures=$((failures + 1))
      else
        failures=0
      fi
      ;;
    SUSPENDED | FAILED) "$here/delete.sh" "$@" ;;
    SUSPENDING | DELETING) sleep "${option[poll]}" ;;
    *)
      "$here/create.sh" "$@" || code=$?
      ((!code)) || failures=$((failures + 1))
      ;;
  esac
done
echo "error: ${option[name]}: $failures failures in a row: read them above and with launch/tpu_vm/logs.sh" >&2
exit 1
