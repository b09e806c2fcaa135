#!/usr/bin/env bash
# Runs on a host of the slice (train.sh): trains with the arguments of tramp_jax.train and ends with its exit code.
# gcloud repeats a command whose connection broke, so a second call joins the training that runs and starts no other.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

touch train.log
first=$(($(wc --lines <train.log) + 1))
exec {lock}>train.lock
if flock --nonblock "$lock"; then
  rm -f train.exit
  printf '%s\n' "$*" >train.arguments
  # 75: stopped by a preemption, so not done. The child inherits the lock and so holds it as long as it lives; a connection that breaks does not end it.
  # shellcheck disable=SC2016 # for the child to expand
  setsid nohup bash -c 'TRAMP_JAX_JOIN=1 TRAMP_JAX_STOPPED_EXIT_CODE=75 .venv/bin/python -m tramp_jax.train "$@"; echo $? >train.exit' train "$@" >>train.log 2>&1 </dev/null &
  echo $! >train.pid
elif [[ $* != "$(<train.arguments)" ]]; then
  echo "error: $(hostname) trains with other arguments, $(<train.arguments): wait for its end or call stop.sh" >&2
  exit 2
fi
exec {lock}>&-
tail --lines="+$first" --follow=name --pid="$(<train.pid)" train.log
exit "$(cat train.exit 2>/dev/null || echo 1)"
