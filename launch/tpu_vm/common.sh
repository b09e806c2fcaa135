# Shared by the scripts of this folder. All take the same line, so that one set of arguments creates, trains and deletes.
# shellcheck shell=bash
# shellcheck source=launch/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/../common.sh"

# parse_tpu_vm "REQUIRED..." "$@": --name and --zone are always required.
parse_tpu_vm() {
  local required="name zone $1" optional="" word
  local all="topology= config= workdir= ref=HEAD project= capacity=on-demand create-flags= output= worker=0 retries=5 poll=30"
  shift
  for word in $all; do
    [[ " $required " == *" ${word%%=*} "* ]] || optional+=" $word"
  done
  parse_arguments "$required" "$optional" "$@"
  need gcloud "install the Google Cloud CLI (https://cloud.google.com/sdk)"
}

# gcloud_tpus ARGUMENT...: gcloud compute tpus, in the zone and project asked for.
gcloud_tpus() { run gcloud compute tpus "$@" --zone="${option[zone]}" ${option[project]:+--project="${option[project]}"}; }

# on_hosts WORKERS COMMAND: runs the shell command on hosts of the slice ("all", or a number).
on_hosts() { gcloud_tpus tpu-vm ssh "${option[name]}" --worker="$1" --command="$2"; }

# Prints the state of the queued resource, ABSENT if there is none.
state() {
  gcloud compute tpus queued-resources describe "${option[name]}" --format='value(state.state)' --zone="${option[zone]}" \
    ${option[project]:+--project="${option[project]}"} 2>/dev/null || echo ABSENT
}
