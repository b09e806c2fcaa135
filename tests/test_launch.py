"""The launchers: what they would run, what they refuse, and what happens when a slice is taken away.

Nothing here reaches a cloud. gcloud, srun and the like are stand-ins on the PATH that write down how they were called.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import jsonschema
import kubernetes_validate
import pytest
import yaml
from kubeflow_trainer_api.models.jobset_v1alpha2_job_set import JobsetV1alpha2JobSet

ROOT = Path(__file__).parents[1]
LAUNCH = ROOT / "launch"
SCRIPTS = sorted(path.relative_to(ROOT) for path in LAUNCH.rglob("*.sh"))
ENTRIES = [path for path in SCRIPTS if path.name not in ("common.sh", "on_host.sh")]
# Beside the Python of the tests, which may not be on the PATH.
SHELLCHECK = shutil.which("shellcheck", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}") or "shellcheck"
# What bash, YAML, Kubernetes and ssh would each like to change in an argument.
AWKWARD = ['--config.name=it\'s $HOME & "x" \\ $(HOME) ${name}', "--config.data.features=('x', 'y')", "--seed=7"]
TRAIN = ["--config=configs/demo.py", "--workdir=gs://bucket/run"]
POD = ["--name=tramp", "--zone=us-east5-b", "--topology=v6e:4x4", *TRAIN]
ARGUMENTS = {
    "tpu_vm": [*POD, "--output=not/there"],
    "xpk": [*POD, "--cluster=c", "--project=p", "--image=registry/i:1"],
    "gke": ["--name=tramp", "--topology=v6e:4x4", "--image=registry/i:1", *TRAIN],
    "skypilot": ["--name=tramp", "--topology=v6e:4x4", *TRAIN],
    "slurm": ["--name=tramp", "--nodes=2", "--gpus-per-node=8", *TRAIN],
}


def launch(script, *arguments, **environment):
    """Runs launch/SCRIPT; a None in the environment takes a variable away."""
    return subprocess.run(
        [LAUNCH / script, *arguments], capture_output=True, text=True, timeout=60, env={**os.environ, **environment}, cwd=ROOT
    )


def dry(script, *arguments, **environment):
    result = launch(script, *arguments, "--dry-run", **environment)
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    return result.stdout


def commands(text):
    """The lines of a dry run as argument lists."""
    return [shlex.split(line, comments=True) for line in text.splitlines() if not line.startswith("#")]


def train_script(folder):
    return f"{folder}/train.sh"


@pytest.fixture
def stand_in(tmp_path, monkeypatch):
    """(name, lines of bash) -> a tool of that name, first on the PATH."""
    tools = tmp_path / "bin"
    tools.mkdir()
    monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")

    def make(name, body):
        (tools / name).write_text(f"#!/usr/bin/env bash\n{body}\n")
        (tools / name).chmod(0o755)

    return make


@pytest.fixture(scope="module")
def no_tools(tmp_path_factory):
    """A PATH with the coreutils that a dry run may use, and none of the launchers' own tools."""
    folder = tmp_path_factory.mktemp("path")
    for name in ("bash", "env", "dirname", "sed", "cat"):
        (folder / name).symlink_to(shutil.which(name))
    return str(folder)


@pytest.mark.parametrize("script", SCRIPTS, ids=str)
def test_shellcheck_finds_nothing(script):
    result = subprocess.run([SHELLCHECK, "--external-sources", script], capture_output=True, text=True, cwd=ROOT)
    assert result.returncode == 0, result.stdout


# ---- what every script has in common


@pytest.mark.parametrize("script", ENTRIES, ids=str)
def test_a_dry_run_needs_no_tool_of_a_cloud(script, no_tools):
    text = dry(script.relative_to("launch"), *ARGUMENTS[script.parts[1]], PATH=no_tools)
    assert "tramp" in text


@pytest.mark.parametrize("script", ENTRIES, ids=str)
def test_without_its_tool_a_script_says_so_in_one_line(script, no_tools):
    result = launch(script.relative_to("launch"), *ARGUMENTS[script.parts[1]], PATH=no_tools)
    assert result.returncode == 2
    assert re.fullmatch(r"error: (gcloud|xpk|kubectl|sky|sbatch) is not installed: .*\n", result.stderr)


@pytest.mark.parametrize("script", ENTRIES, ids=str)
def test_help_names_the_options(script):
    result = launch(script.relative_to("launch"), "--help")
    assert result.returncode == 0
    assert {"--name=VALUE", "--config=VALUE", "--workdir=VALUE", "--dry-run"} <= set(result.stdout.split())
    assert not re.findall(r"^--[\w-]+=VALUE  ( |$)", result.stdout, re.MULTILINE), "an option that nothing is said of"


@pytest.mark.parametrize("folder", ARGUMENTS)
@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda words: [w for w in words if not w.startswith("--config=")], "--config=VALUE is missing"),
        (lambda words: [w for w in words if not w.startswith("--workdir=")], "--workdir=VALUE is missing"),
        (lambda words: [w for w in words if not w.startswith("--name=")], "--name=VALUE is missing"),
        (lambda words: [*words, "--name="], "--name=VALUE is missing"),
        (lambda words: [*words, "--name=Tramp_1"], "--name=Tramp_1: expected"),
        (lambda words: [*words, "--config=configs/nothing.py"], "no configs/nothing.py"),
        (lambda words: [*words, "--worksdir=x"], "--worksdir: unknown"),
        (lambda words: [*words, "--config", "configs/demo.py"], "--config: expected --NAME=VALUE"),
        (lambda words: [*words, "--config.seed"], "--config.seed: expected --NAME=VALUE"),
    ],
)
def test_wrong_arguments_are_one_line_and_exit_code_2(folder, change, said):
    result = launch(train_script(folder), *change(ARGUMENTS[folder]), "--dry-run")
    assert result.returncode == 2
    assert result.stdout == ""
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1
    assert said in result.stderr


@pytest.mark.parametrize("folder", [folder for folder in ARGUMENTS if folder != "slurm"])
@pytest.mark.parametrize("topology", ["v6e", "v6e:4x5", "v7:4x4", "v5p:4x4", "4x4"])
def test_an_unknown_topology_is_one_line_that_lists_the_known(folder, topology):
    result = launch(train_script(folder), *ARGUMENTS[folder], f"--topology={topology}", "--dry-run")
    assert result.returncode == 2
    assert result.stderr.startswith(f"error: --topology={topology}: unknown; use one of v5e:{{1x1,")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("folder", [folder for folder in ARGUMENTS if folder != "slurm"])
def test_a_workdir_that_each_host_would_have_for_itself_is_refused(folder):
    result = launch(train_script(folder), *ARGUMENTS[folder], "--workdir=runs/demo", "--dry-run")
    assert result.returncode == 2
    assert "--workdir=runs/demo: each of the 4 hosts would have its own" in result.stderr


def trained_with(folder, *arguments):
    """What tramp_jax.train would be given, read back out of the dry run the way the tool would read it."""
    text = dry(train_script(folder), *ARGUMENTS[folder], *arguments)
    if folder == "tpu_vm":
        (command,) = [word for word in commands(text)[0] if word.startswith("--command=")]
        return shlex.split(command.removeprefix("--command="))[2:]
    if folder == "xpk":
        (command,) = [word for word in commands(text)[1] if word.startswith("--command=")]
        return shlex.split(command.removeprefix("--command="))[3:]
    if folder == "gke":
        container = yaml.safe_load(text)["spec"]["replicatedJobs"][0]["template"]["spec"]["template"]["spec"]["containers"][0]
        return [word.replace("$$(", "$(") for word in container["args"]]
    if folder == "skypilot":
        return shlex.split(yaml.safe_load(text)["run"])[3:]
    return commands(text)[-1][5:]


@pytest.mark.parametrize("folder", ARGUMENTS)
def test_config_overrides_reach_the_training_as_they_were_given(folder):
    assert trained_with(folder, *AWKWARD) == [*TRAIN, *AWKWARD]


# ---- names of accelerators


@pytest.mark.parametrize(
    ("topology", "accelerator", "image"),
    [
        ("v5e:1x1", "v5litepod-1", "v2-alpha-tpuv5-lite"),
        ("v5e:4x4", "v5litepod-16", "v2-alpha-tpuv5-lite"),
        ("v5e:16x16", "v5litepod-256", "v2-alpha-tpuv5-lite"),
        ("v5p:2x2x1", "v5p-8", "v2-alpha-tpuv5"),
        ("v5p:4x4x4", "v5p-128", "v2-alpha-tpuv5"),
        ("v6e:4x4", "v6e-16", "v2-alpha-tpuv6e"),
        ("v6e:16x16", "v6e-256", "v2-alpha-tpuv6e"),
    ],
)
def test_gcloud_xpk_and_skypilot_get_googles_name_for_a_topology(topology, accelerator, image):
    request = commands(dry("tpu_vm/create.sh", *POD, f"--topology={topology}"))[0]
    assert f"--accelerator-type={accelerator}" in request
    assert f"--runtime-version={image}" in request
    assert f"--tpu-type={accelerator}" in commands(dry("xpk/train.sh", *ARGUMENTS["xpk"], f"--topology={topology}"))[1]
    resources = yaml.safe_load(dry("skypilot/train.sh", *ARGUMENTS["skypilot"], f"--topology={topology}"))["resources"]
    assert resources["accelerators"] == f"tpu-{accelerator}"
    assert resources["accelerator_args"] == {"runtime_version": image}


@pytest.mark.parametrize(
    ("topology", "hosts"),
    [("v5e:2x4", 1), ("v6e:2x4", 1), ("v6e:4x4", 4), ("v5p:2x2x1", 1), ("v5p:2x2x2", 2), ("v5p:4x4x4", 16)],
)
def test_hosts_are_counted_as_tpu_vms(topology, hosts):
    result = launch("tpu_vm/train.sh", *POD, f"--topology={topology}", "--workdir=runs/demo", "--dry-run")
    assert (result.returncode == 0) == (hosts == 1)
    if hosts > 1:
        assert f"each of the {hosts} hosts" in result.stderr


# ---- Cloud TPU VMs


def test_creating_requests_waits_and_sets_up_every_host():
    request, wait, _, archive, copy, setup = commands(dry("tpu_vm/create.sh", *POD, "--project=p", "--ref=v1"))
    tpus = ["gcloud", "compute", "tpus"]
    assert request[:6] == [*tpus, "queued-resources", "create", "tramp"]
    assert wait[:6] == [*tpus, "queued-resources", "describe", "tramp"]
    assert archive[3:5] == ["archive", "--format=tar.gz"]
    assert archive[-1] == "v1"
    assert copy[:4] == [*tpus, "tpu-vm"]
    assert "--worker=all" in copy
    assert setup[:6] == [*tpus, "tpu-vm", "ssh", "tramp"]
    assert "--worker=all" in setup
    assert {"--zone=us-east5-b", "--project=p"} <= set(request) & set(wait) & set(copy) & set(setup)


@pytest.mark.parametrize(("capacity", "flag"), [("on-demand", None), ("spot", "--spot"), ("reserved", "--reserved")])
def test_capacity_and_further_flags_reach_gcloud(capacity, flag):
    flags = "--create-flags=--network=n --internal-ips"
    request = commands(dry("tpu_vm/create.sh", *POD, f"--capacity={capacity}", flags))[0]
    assert [word for word in request if word in ("--spot", "--reserved")] == ([flag] if flag else [])
    assert {"--network=n", "--internal-ips"} <= set(request)


def test_a_host_is_set_up_with_python_of_its_own_and_the_tpu_extra(tmp_path, stand_in):
    stand_in("python3", 'printf "%s\\n" "$*" >>calls')
    setup = commands(dry("tpu_vm/setup.sh", *POD))[-1]
    (command,) = [word.removeprefix("--command=") for word in setup if word.startswith("--command=")]
    (tmp_path / "tramp-jax").mkdir()
    (tmp_path / "tramp-jax" / "file").write_text("x")
    subprocess.run(["tar", "czf", "tramp-jax.tar.gz", "tramp-jax"], cwd=tmp_path, check=True)
    shutil.rmtree(tmp_path / "tramp-jax")
    subprocess.run(["bash", "-c", command], cwd=tmp_path, check=True)
    assert (tmp_path / "tramp-jax" / "file").exists()
    calls = (tmp_path / "calls").read_text().splitlines()
    assert calls[1].split()[:3] == ["-m", "uv", "venv"]
    assert "--python=3.11" in calls[1]
    assert calls[2].endswith("--python=tramp-jax/.venv/bin/python --editable tramp-jax[tpu]")


def test_the_export_runs_on_the_cpu_of_one_host_and_is_copied_here():
    export, copy = commands(dry("tpu_vm/export.sh", *POD, "--output=out/here"))
    assert "--worker=0" in export
    (command,) = [word for word in export if word.startswith("--command=")]
    assert "JAX_PLATFORMS=cpu .venv/bin/python -m tramp_jax.export_hf --checkpoint=gs://bucket/run --output=export" in command
    assert copy[3:] == ["tpu-vm", "scp", "tramp:tramp-jax/export", "out/here", "--recurse", "--worker=0", "--zone=us-east5-b"]


def test_an_export_that_would_overwrite_is_refused(tmp_path):
    result = launch("tpu_vm/export.sh", *POD, f"--output={tmp_path}", "--dry-run")
    assert result.returncode == 2
    assert result.stderr == f"error: --output={tmp_path}: exists: choose a folder that does not\n"


# Keeps the state of the queued resource in `state`, the next ones in `then`, and writes down what it was asked.
GCLOUD = r"""
cd "$CLOUD"
case "$*" in
  *queued-resources\ describe*)
    cat state 2>/dev/null || exit 1
    [[ ! -s then ]] || { head -1 then >state; sed -i 1d then; }
    exit
    ;;
  *queued-resources\ create*) cp after_create state ;;
  *queued-resources\ delete*) rm -f state ;;
esac
echo "$4" >>calls
if [[ $* == *on_host.sh* ]]; then
  echo "$*" >>trained
  code=$(head -1 codes)
  sed -i 1d codes
  [[ $code != preempted ]] || { echo SUSPENDED >state; exit 255; }
  exit "$code"
fi
"""


@pytest.fixture
def cloud(tmp_path, stand_in, monkeypatch):
    """A folder for the stand-in of gcloud; (state, what training ends with, state after create) prepare it."""
    monkeypatch.setenv("CLOUD", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    stand_in("gcloud", GCLOUD)

    def prepare(*, state=None, then=(), codes=(), after_create="ACTIVE"):
        if state:
            (tmp_path / "state").write_text(state)
        (tmp_path / "then").write_text("".join(f"{name}\n" for name in then))
        (tmp_path / "codes").write_text("".join(f"{code}\n" for code in codes))
        (tmp_path / "after_create").write_text(after_create)
        return tmp_path

    return prepare


def calls(folder):
    return (folder / "calls").read_text().split()


def test_creating_waits_in_the_queue(cloud):
    folder = cloud(then=["", "WAITING_FOR_RESOURCES", "PROVISIONING", "ACTIVE"], after_create="ACCEPTED")
    result = launch("tpu_vm/create.sh", *POD, "--poll=0")
    assert result.returncode == 0, result.stderr
    assert calls(folder)[0] == "create"
    assert calls(folder)[-2:] == ["scp", "ssh"]


def test_a_request_that_cannot_be_had_ends_in_one_line(cloud):
    folder = cloud(after_create="FAILED")
    result = launch("tpu_vm/create.sh", *POD, "--poll=0")
    assert result.returncode == 2
    assert "error: queued resource tramp is FAILED, expected ACTIVE" in result.stderr
    assert calls(folder) == ["create"]


def test_a_preempted_slice_is_made_again_and_trains_on_with_the_same_command(cloud):
    folder = cloud(codes=["preempted", "preempted", "0"])
    result = launch("tpu_vm/resume.sh", *POD, "--capacity=spot", "--poll=0", "--retries=1", *AWKWARD)
    assert result.returncode == 0, result.stderr
    created = ["create", "scp", "ssh", "ssh"]
    assert calls(folder) == [*created, "delete", *created, "delete", *created]
    trained = (folder / "trained").read_text().splitlines()
    assert len(trained) == 3
    assert len(set(trained)) == 1


def test_a_slice_that_runs_is_trained_on_as_it_is(cloud):
    folder = cloud(state="ACTIVE", codes=["0"])
    assert launch("tpu_vm/resume.sh", *POD, "--poll=0").returncode == 0
    assert calls(folder) == ["ssh"]


def test_a_training_that_fails_without_a_preemption_is_tried_a_few_times(cloud):
    folder = cloud(state="ACTIVE", codes=["1"] * 9)
    result = launch("tpu_vm/resume.sh", *POD, "--poll=0", "--retries=3")
    assert result.returncode == 1
    assert result.stderr.splitlines()[-1].startswith("error: tramp: 3 failures in a row")
    assert calls(folder) == ["ssh"] * 3


def test_wrong_arguments_of_a_training_are_not_tried_again(cloud):
    folder = cloud(state="ACTIVE", codes=["2"] * 9)
    assert launch("tpu_vm/resume.sh", *POD, "--poll=0").returncode == 2
    assert calls(folder) == ["ssh"]


def test_requests_that_fail_again_and_again_end(cloud):
    folder = cloud(state="FAILED", after_create="FAILED")
    result = launch("tpu_vm/resume.sh", *POD, "--poll=0", "--retries=2")
    assert result.returncode == 1
    assert calls(folder) == ["delete", "create", "delete", "create"]


def test_resuming_on_a_disk_that_goes_with_the_slice_is_refused():
    result = launch("tpu_vm/resume.sh", *POD, "--topology=v6e:2x4", "--workdir=runs/demo", "--dry-run")
    assert result.returncode == 2
    assert "a slice takes its disks with it" in result.stderr


@pytest.fixture
def host(tmp_path):
    """A host of a slice: the script where setup.sh puts it, and a Python that trains until the file `end` says how."""
    script = tmp_path / "launch" / "tpu_vm" / "on_host.sh"
    script.parent.mkdir(parents=True)
    shutil.copy(LAUNCH / "tpu_vm" / "on_host.sh", script)
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(
        '#!/usr/bin/env bash\nprintf "%s\\n" "$@" >>arguments\necho first step\n'
        "until [[ -s end ]]; do sleep 0.05; done\necho last step\nexit $(<end)\n"
    )
    python.chmod(0o755)
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    yield tmp_path, lambda *arguments: subprocess.Popen(["bash", script, *arguments], **pipes)
    (tmp_path / "end").write_text("0")


def wait_for(path):
    deadline = time.monotonic() + 20
    while not path.exists():
        assert time.monotonic() < deadline, f"{path.name} did not appear"
        time.sleep(0.02)


def test_a_host_shows_the_training_and_ends_with_its_exit_code(host):
    folder, start = host
    (folder / "end").write_text("3")
    process = start("--config=a b", "--seed=1")
    output, _ = process.communicate(timeout=30)
    assert process.returncode == 3
    assert output == "first step\nlast step\n"
    assert (folder / "arguments").read_text().splitlines() == ["-m", "tramp_jax.train", "--config=a b", "--seed=1"]


def test_a_connection_that_breaks_leaves_the_training_and_the_same_line_joins_it(host):
    folder, start = host
    first = start("--seed=1")
    wait_for(folder / "arguments")
    first.stdout.close()  # as sshd does when the connection is gone
    first.wait(timeout=30)
    second, other = start("--seed=1"), start("--seed=2")
    assert other.communicate(timeout=30)[1].startswith("error: ")
    assert other.returncode == 2
    (folder / "end").write_text("0")
    output, _ = second.communicate(timeout=30)
    assert second.returncode == 0
    assert "last step" in output
    assert (folder / "arguments").read_text().count("tramp_jax.train") == 1


def test_stopping_ends_the_training_and_leaves_room_for_another(host):
    folder, start = host
    first = start("--seed=1")
    wait_for(folder / "arguments")
    (command,) = [word for word in commands(dry("tpu_vm/stop.sh", *POD))[0] if word.startswith("--command=")]
    there = command.removeprefix("--command=").replace("tramp-jax/", "")
    subprocess.run(["bash", "-c", there], cwd=folder, check=True)
    first.communicate(timeout=30)
    assert first.returncode == 1
    (folder / "end").write_text("0")
    second = start("--seed=2")
    second.communicate(timeout=30)
    assert second.returncode == 0


# ---- GKE


def strict(schema):
    """The schema with unknown fields forbidden, and with quantities as Kubernetes takes them, a number or a string."""
    if isinstance(schema, list):
        return [strict(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get("title") == "IoK8sApimachineryPkgApiResourceQuantity":
        return {"type": ["number", "string"]}
    closed = {"additionalProperties": False} if "properties" in schema and "additionalProperties" not in schema else {}
    return {key: strict(value) for key, value in schema.items()} | closed


JOBSET = strict(JobsetV1alpha2JobSet.model_json_schema(by_alias=True))


@pytest.mark.parametrize(
    ("topology", "nodes", "chips", "label"),
    [
        ("v5e:4x4", 4, 4, "tpu-v5-lite-podslice"),
        ("v5p:4x4x4", 16, 4, "tpu-v5p-slice"),
        ("v6e:16x16", 64, 4, "tpu-v6e-slice"),
        ("v6e:1x1", 1, 1, "tpu-v6e-slice"),
    ],
)
def test_the_jobset_fits_the_schemas_and_the_slice(topology, nodes, chips, label):
    jobset = yaml.safe_load(dry("gke/train.sh", *ARGUMENTS["gke"], f"--topology={topology}", *AWKWARD))
    jsonschema.validate(jobset, JOBSET)
    job = jobset["spec"]["replicatedJobs"][0]["template"]
    newest = kubernetes_validate.latest_version()
    document = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "tramp"}, **job}
    kubernetes_validate.validate(document, newest, strict=True)
    assert (job["spec"]["parallelism"], job["spec"]["completions"]) == (nodes, nodes)
    pod = job["spec"]["template"]["spec"]
    shape = topology.split(":")[1]
    assert pod["nodeSelector"] == {"cloud.google.com/gke-tpu-accelerator": label, "cloud.google.com/gke-tpu-topology": shape}
    assert pod["containers"][0]["resources"]["limits"] == {"google.com/tpu": str(chips)}


def test_the_schemas_would_find_a_misspelt_field():
    jobset = yaml.safe_load(dry("gke/train.sh", *ARGUMENTS["gke"]))
    policy = jobset["spec"]["failurePolicy"]
    policy["maxRestart"] = policy.pop("maxRestarts")
    with pytest.raises(jsonschema.ValidationError, match="maxRestart"):
        jsonschema.validate(jobset, JOBSET)


def test_kubectl_gets_what_the_dry_run_shows(tmp_path, stand_in):
    stand_in("kubectl", f'echo "$@" >{tmp_path}/call\ncat >{tmp_path}/file')
    assert launch("gke/train.sh", *ARGUMENTS["gke"], "--namespace=team").returncode == 0
    assert (tmp_path / "call").read_text() == "apply --namespace=team --filename=-\n"
    shown = dry("gke/train.sh", *ARGUMENTS["gke"], "--namespace=team")
    assert shown == (tmp_path / "file").read_text() + "# for: kubectl apply --namespace=team --filename=-\n"


# ---- XPK, SkyPilot, Slurm, Docker


def test_usage_reports_of_xpk_and_skypilot_are_off():
    assert commands(dry("xpk/train.sh", *ARGUMENTS["xpk"]))[0] == ["xpk", "config", "set", "send-telemetry", "false"]
    assert "# for: env SKYPILOT_DISABLE_USAGE_COLLECTION=1 sky launch" in dry("skypilot/train.sh", *ARGUMENTS["skypilot"])


@pytest.mark.parametrize(
    ("capacity", "spot", "command"),
    [("on-demand", False, "sky launch --cluster=tramp --yes"), ("spot", True, "sky jobs launch --name=tramp --yes")],
)
def test_skypilot_recovers_spot_slices_as_managed_jobs(tmp_path, stand_in, capacity, spot, command):
    stand_in("sky", f'echo "sky $*" >{tmp_path}/call\ncp "${{@: -1}}" {tmp_path}/file')
    result = launch("skypilot/train.sh", *ARGUMENTS["skypilot"], f"--capacity={capacity}", TMPDIR=str(tmp_path))
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "call").read_text() == f"{command} {tmp_path}/tramp.yaml\n"
    task = yaml.safe_load((tmp_path / "file").read_text())
    assert task["resources"]["use_spot"] is spot
    assert task["resources"]["infra"] == "gcp/*/*"


def test_slurm_starts_one_process_per_gpu_and_lets_each_see_the_nodes_gpus():
    script = dry("slurm/train.sh", *ARGUMENTS["slurm"], "--partition=gpu", "--account=me")
    options = dict(re.findall(r"^#SBATCH --([\w-]+)=(\S+)", script, re.MULTILINE))
    assert options["nodes"] == "2"
    assert options["ntasks-per-node"] == options["gpus-per-node"] == "8"
    # Narrowed to one GPU, a process of number 3 would look for a GPU 3 that it cannot see.
    assert not {"gpus-per-task", "gpu-bind"} & set(options)
    assert script.splitlines()[-1].endswith(" --partition=gpu --account=me")


def test_shellcheck_finds_nothing_in_the_slurm_script():
    script = dry("slurm/train.sh", *ARGUMENTS["slurm"])
    result = subprocess.run([SHELLCHECK, "-"], input=script, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout


def test_the_slurm_script_runs_the_training(tmp_path, stand_in):
    stand_in("sbatch", f"cat >{tmp_path}/job.sbatch")
    stand_in("srun", f'printf "%s\\n" "$@" >{tmp_path}/call')
    assert launch("slurm/train.sh", *ARGUMENTS["slurm"], *AWKWARD).returncode == 0
    subprocess.run(["bash", tmp_path / "job.sbatch"], check=True)
    training = [".venv/bin/python", "-m", "tramp_jax.train", *TRAIN, *AWKWARD]
    assert (tmp_path / "call").read_text().splitlines() == ["--kill-on-bad-exit=1", *training]


def test_the_image_is_pinned_runs_as_a_plain_user_and_copies_what_exists():
    text = (LAUNCH / "docker" / "Dockerfile").read_text()
    steps = [line.split(maxsplit=1) for line in text.splitlines() if line and not line.startswith("#")]
    said = {}
    for name, rest in steps:
        said.setdefault(name, []).append(rest)
    assert [re.fullmatch(r"python:3\.11\.\d+-slim-\w+", base) is not None for base in said["FROM"]] == [True]
    defaults = dict(argument.split("=") for argument in said["ARG"])
    assert said["USER"] == ["${RUN_AS}"]
    assert defaults["RUN_AS"] not in ("root", "0")
    assert f"useradd --create-home {defaults['RUN_AS']}" in said["RUN"]
    for line in said["COPY"]:
        assert all((ROOT / source).exists() for source in line.split()[:-1])
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert {defaults["EXTRA"], "cuda12"} <= set(extras)
    assert json.loads(said["CMD"][0])[:2] == ["python", "-m"]


# ---- the README of the folder


def readme_commands():
    text = (LAUNCH / "README.md").read_text().replace("\\\n", " ")
    pod = re.search(r"pod=\((.*)\)", text)[1]
    lines = [line.strip().replace('"${pod[@]}"', pod) for line in text.splitlines() if line.startswith("    launch/")]
    return [shlex.split(line) for line in lines]


@pytest.mark.parametrize("command", readme_commands(), ids=lambda command: command[0])
def test_every_command_of_the_readme_would_run(command):
    dry(Path(command[0]).relative_to("launch"), *command[1:])


def test_the_readme_names_every_launcher():
    text = (LAUNCH / "README.md").read_text()
    assert all(f"`{folder.name}/`" in text for folder in LAUNCH.iterdir() if folder.is_dir())
    assert all(script.name in text for script in ENTRIES)
