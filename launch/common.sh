# Shared by the launchers: arguments, Google's names for a topology, templates, dry runs. Sourced, never run.
# shellcheck shell=bash

if ((BASH_VERSINFO[0] < 4 || (BASH_VERSINFO[0] == 4 && BASH_VERSINFO[1] < 4))); then
  echo "error: bash $BASH_VERSION is too old: 4.4 or newer is needed (macOS: brew install bash)" >&2
  exit 2
fi

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
declare -A option=() # --NAME=VALUE, by name
overrides=()         # --config.KEY=VALUE and --seed=N, for tramp_jax.train as they are
dry_run=no

die() {
  printf 'error: %s\n' "$*" >&2
  exit 2
}

# What --help and a missing argument say of an option.
meaning() {
  case $1 in
    account) echo "Slurm account to charge" ;;
    capacity) echo "on-demand, spot or reserved" ;;
    cluster) echo "GKE cluster that XPK made" ;;
    config) echo "the experiment, as for tramp_jax.train: configs/demo.py or configs/demo.py:runlocal" ;;
    cpus-per-gpu) echo "CPU cores of each process" ;;
    create-flags) echo "more flags of gcloud compute tpus queued-resources create, for example '--network=NAME'" ;;
    gpus-per-node) echo "GPUs of a node, and processes: one each" ;;
    image) echo "the image of launch/docker/Dockerfile, as the cluster pulls it" ;;
    name) echo "of the slice or job: lower-case letters, digits and dashes, at most 40" ;;
    namespace) echo "Kubernetes namespace" ;;
    nodes) echo "number of nodes" ;;
    output) echo "folder on this machine for the exported model" ;;
    partition) echo "Slurm partition" ;;
    poll) echo "seconds between looks at the state" ;;
    project) echo "Google Cloud project; default: gcloud's own" ;;
    python) echo "the Python of an environment that every node sees" ;;
    ref) echo "git commit, branch or tag of this repository to install" ;;
    retries) echo "failures or restarts before giving up" ;;
    time) echo "limit of the Slurm job" ;;
    topology) echo "TPU generation and chips, as for tramp_jax.compile: v5e:4x4, v5p:4x4x4 or v6e:16x16" ;;
    worker) echo "number of the host" ;;
    workdir) echo "the run's folder, which every host sees: gs://BUCKET/FOLDER or on a mount; a run in it is continued" ;;
    zone) echo "Google Cloud zone, for example us-east5-b" ;;
  esac
}

# parse_arguments "REQUIRED..." "NAME=DEFAULT..." "$@": fills `option` and `overrides`.
parse_arguments() {
  local required=$1 optional=$2 argument name
  local self=${0#"$root/"}
  shift 2
  for name in $optional; do option[${name%%=*}]=${name#*=}; done
  for argument in "$@"; do
    name=${argument%%=*}
    name=${name#--}
    case $argument in
      --help) help "$required" "$optional" && exit 0 ;;
      --dry-run) dry_run=yes ;;
      --config.?*=* | --seed=*) overrides+=("$argument") ;;
      --?*=*)
        [[ " $required ${!option[*]} " == *" $name "* ]] || die "--$name: unknown; $self --help lists what there is"
        option[$name]=${argument#*=}
        ;;
      *) die "$argument: expected --NAME=VALUE; $self --help lists what there is" ;;
    esac
  done
  for name in $required; do
    [[ -n ${option[$name]:-} ]] || die "--$name=VALUE is missing: $(meaning "$name")"
  done
  check_values
}

# Says what the script's first comment says, then its options.
help() {
  local name
  sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0"
  echo
  for name in $1; do printf -- '--%s=VALUE  %s\n' "$name" "$(meaning "$name")"; done
  for name in $2; do
    printf -- '--%s=VALUE  %s%s\n' "${name%%=*}" "$(meaning "${name%%=*}")" "$([[ $name == *=?* ]] && echo " (${name#*=})")"
  done
  printf -- '--config.KEY=VALUE, --seed=N  as for tramp_jax.train\n--dry-run  prints what it would do\n'
}

check_values() {
  local name file=${option[config]:-}
  file=${file%%:*}
  if [[ -n $file && $file != /* && ! -f $root/$file ]]; then
    die "--config=${option[config]}: no $file in this repository: pass a file such as configs/demo.py"
  fi
  if [[ -n ${option[name]:-} && ! ${option[name]} =~ ^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$ ]]; then
    die "--name=${option[name]}: expected $(meaning name), the first a letter"
  fi
  for name in cpus-per-gpu gpus-per-node nodes poll retries worker; do
    [[ ${option[$name]:-0} =~ ^[0-9]+$ ]] || die "--$name=${option[$name]}: expected a number, $(meaning "$name")"
  done
}

# Google's names, from its public pages on TPU versions, VM images and GKE. The number of an accelerator type counts
# TensorCores, of which a v5p chip has two; slices of more chips than one VM can hold have 4 in each.
#   generation, accelerator type, TensorCores per chip, chips of one VM, VM image, GKE label, GKE machine type, topologies
tpus='
  v5e v5litepod 1 8 v2-alpha-tpuv5-lite tpu-v5-lite-podslice ct5lp-hightpu 1x1 2x2 2x4 4x4 4x8 8x8 8x16 16x16
  v5p v5p       2 4 v2-alpha-tpuv5      tpu-v5p-slice        ct5p-hightpu  2x2x1 2x2x2 2x2x4 2x4x4 4x4x4 4x4x8 4x8x8 8x8x8
  v6e v6e       1 8 v2-alpha-tpuv6e     tpu-v6e-slice        ct6e-standard 1x1 2x2 2x4 4x4 4x8 8x8 8x16 16x16
'
declare -A tpu=()

# shellcheck disable=SC2034 # the launchers read `tpu`
# Fills `tpu` from --topology: shape, type, image, hosts (TPU VMs); label, machine, nodes, node_chips (GKE: 4 chips a node).
read_topology() {
  local given=${option[topology]} known=() generation type cores most image label machine shapes chips node_chips
  local shape=${given#*:}
  while read -r generation type cores most image label machine shapes; do
    [[ -n $generation ]] || continue
    known+=("$generation:{${shapes// /,}}")
    [[ $given == "$generation:$shape" && " $shapes " == *" $shape "* ]] || continue
    chips=$((${shape//x/*}))
    node_chips=$((chips < 4 ? chips : 4))
    tpu=([shape]=$shape [type]=$type-$((chips * cores)) [image]=$image [hosts]=$((chips > most ? chips / 4 : 1))
      [label]=$label [machine]=$machine-${node_chips}t [nodes]=$((chips / node_chips)) [node_chips]=$node_chips)
    return
  done <<<"$tpus"
  die "--topology=$given: unknown; use one of ${known[*]}"
}

# A relative workdir would be another folder on every host, and a run's checkpoint is written by all of them together.
check_workdir() {
  if (($1 > 1)) && [[ ${option[workdir]} != gs://* && ${option[workdir]} != /* ]]; then
    die "--workdir=${option[workdir]}: each of the $1 hosts would have its own: use gs://BUCKET/FOLDER or the path of a mount"
  fi
}

# The words as one would type them in a shell, on one line.
quoted() {
  local word words=()
  for word in "$@"; do
    [[ $word =~ ^[A-Za-z0-9_./:=@%+,-]+$ ]] || word=${word@Q}
    words+=("$word")
  done
  printf '%s' "${words[*]}"
}

# What follows `python -m tramp_jax.train`, quoted for a shell.
train_arguments() { quoted "--config=${option[config]}" "--workdir=${option[workdir]}" "${overrides[@]}"; }

need() {
  [[ $dry_run == yes ]] || command -v "$1" >/dev/null || die "$1 is not installed: $2, or add --dry-run"
}

# Runs a command and shows it, or in a dry run shows it only.
run() {
  if [[ $dry_run == yes ]]; then
    quoted "$@" && echo
  else
    printf '+ %s\n' "$(quoted "$@")" >&2
    "$@"
  fi
}

# fill TEMPLATE NAME=VALUE...: prints the file with each ${NAME} replaced.
# shellcheck disable=SC2016 # "${" is looked for as text
fill() {
  local -A values=()
  local text pair name
  text=$(<"$1")
  for pair in "${@:2}"; do values[${pair%%=*}]=${pair#*=}; done
  while [[ $text == *'${'* ]]; do
    printf '%s' "${text%%'${'*}"
    text=${text#*'${'}
    name=${text%%'}'*}
    printf '%s' "${values[$name]?"$1: nothing given for $name"}"
    text=${text#*'}'}
  done
  printf '%s\n' "$text"
}

# submit TEXT COMMAND...: gives the text to the command, or in a dry run prints both.
submit() {
  if [[ $dry_run == yes ]]; then
    printf '%s\n# for: %s\n' "$1" "$(quoted "${@:2}")"
  else
    run "${@:2}" <<<"$1"
  fi
}
