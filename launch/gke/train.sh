#!/usr/bin/env bash
# Trains on a GKE cluster with JobSet, on a node pool of the topology (jobset.yaml says how to make one).
#
#   launch/gke/train.sh --name=tramp --topology=v6e:4x4 --image=IMAGE \
#       --config=configs/pfed5_plus_8b.py --workdir=gs://BUCKET/runs/8b
#
# Output of the first host: kubectl logs --follow job/NAME-slice-0. Stop: kubectl delete jobset NAME.
set -euo pipefail
here=$(dirname "${BASH_SOURCE[0]}")
# shellcheck source=launch/common.sh
source "$here/../common.sh"
parse_arguments "name topology image config workdir" "namespace=default retries=5" "$@"
need kubectl "install kubectl (https://kubernetes.io/docs/tasks/tools)"
read_topology
check_workdir "${tpu[nodes]}"

# A double-quoted YAML string. Kubernetes would expand $(NAME) in an argument; $$(NAME) is how it spells that text.
# shellcheck disable=SC2016 # text, not an expansion
yaml_string() {
  local text=${1//\\/\\\\} expansion='$('
  text=${text//\"/\\\"}
  text=${text//$'\n'/\\n}
  printf '"%s"' "${text//"$expansion"/"\$$expansion"}"
}

arguments=""
for argument in "--config=${option[config]}" "--workdir=${option[workdir]}" "${overrides[@]}"; do
  arguments+="${arguments:+, }$(yaml_string "$argument")"
done
jobset=$(fill "$here/jobset.yaml" name="${option[name]}" label="${tpu[label]}" shape="${tpu[shape]}" machine="${tpu[machine]}" \
  nodes="${tpu[nodes]}" chips="${tpu[node_chips]}" retries="${option[retries]}" \
  image="$(yaml_string "${option[image]}")" arguments="[$arguments]")

submit "$jobset" kubectl apply --namespace="${option[namespace]}" --filename=-
