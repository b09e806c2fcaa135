"""What a run was trained on: counted on the devices, the same over several processes, and the same after a kill."""

import collections
import json
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from mixture_factory import make_folder, mixed
from test_sharding_processes import environment, free_port

from input_pipeline.errors import UserError
from input_pipeline.mixture import open_data
from input_pipeline.simulate.build import Plan, simulate
from tests.tiny import tiny_config
from tramp_jax.evaluator import evaluate
from tramp_jax.sharding.mesh import make_mesh
from tramp_jax.tasks.sources import open_run_data
from tramp_jax.tasks.table import active_tasks
from tramp_jax.trainer import run_training
from tramp_jax.training.proportions import CLIPS_OF, count_nothing, count_of, trained_on

# Arguments: two folders. Each process puts its half of a batch onto its devices.
SCRIPT = """
import sys
from pathlib import Path
from tramp_jax.sharding.processes import join_processes
join_processes()
import jax
import numpy as np
from mixture_factory import mixed
from input_pipeline.mixture import open_data
from tramp_jax.sharding.mesh import batch_sharding, make_mesh
from tramp_jax.training.proportions import count_of
from tramp_jax.config import default_config
assert jax.device_count() == 8
mesh = make_mesh(default_config().mesh)
data, _ = open_data(mixed(*map(Path, sys.argv[1:])))
clips = np.array([[0, 9, 10, 11, 29, 3, 10, 28], [29, 29, 29, 29, 29, 29, 29, 9]], np.int32)[jax.process_index()]
with jax.set_mesh(mesh):
    found = count_of(data, mesh)(jax.make_array_from_process_local_data(batch_sharding(mesh), clips))
print({name: int(count) for name, count in found.items()})
"""


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Folders "one" and "two" of 10 and 20 clips."""
    root = tmp_path_factory.mktemp("folders")
    return make_folder(root / "one", 10), make_folder(root / "two", 20)


def test_clips_of_each_source_are_counted_from_the_first_to_the_last(folders):
    data, _ = open_data(mixed(*folders))
    mesh = make_mesh(tiny_config().mesh)
    found = count_of(data, mesh)(np.array([0, 9, 10, 29, 29], np.int32))
    assert {name: int(count) for name, count in found.items()} == {"clips_of/one": 2, "clips_of/two": 3}
    single, _ = open_data(mixed(path=str(folders[0])))
    assert count_of(single, mesh) is count_nothing


def test_two_processes_count_the_whole_batch(folders):
    joined = {"JAX_COORDINATOR_ADDRESS": f"127.0.0.1:{free_port()}", "JAX_NUM_PROCESSES": "2"}
    command = [sys.executable, "-c", SCRIPT, *map(str, folders)]
    both = [
        subprocess.Popen(command, env=environment(4, JAX_PROCESS_ID=str(i), **joined), stdout=subprocess.PIPE, text=True)
        for i in range(2)
    ]
    outputs = [process.communicate(timeout=200)[0].splitlines()[-1] for process in both]
    assert outputs == ["{'clips_of/one': 4, 'clips_of/two': 12}"] * 2


def test_steps_that_changed_nothing_are_not_counted():
    rows = [
        {"step": 1, "task": "report", "clips_of/a": 3.0, "clips_of/b": 1.0},
        {"step": 2, "task": "report", "clips_of/a": 0.0, "clips_of/b": 4.0, "skipped": 1},
        {"step": 3, "task": "report", "clips_of/a": 3.0, "clips_of/b": 1.0},
        {"step": 3, "task": "validation", "spearman": 0.5},
    ]
    assert list(trained_on(rows)) == ["report: trained on 6 clips of a, 75.0 %", "report: trained on 2 clips of b, 25.0 %"]
    assert list(trained_on(rows[3:])) == []


@pytest.fixture(scope="module")
def finished(simulated, tmp_path_factory):
    """(config, folder) of 6 steps on the sources of configs/mixture.py, both simulated, with a checkpoint at 3."""
    root = tmp_path_factory.mktemp("mixture")
    simulate(Plan(str(root / "mine"), subjects=8, takes=1, seed=1, frames=4, frame_size=32), workers=1)
    config = tiny_config(total_steps=6, checkpoint__every=3)
    config.schedule.weights.severity = 1
    config.data.sources = runpy.run_path("configs/mixture.py")["get_config"]().data.sources
    config.data.sources.mine.path, config.data.sources.demo.path = str(root / "mine"), str(simulated)
    config.data.sources.demo.cap = 9
    run_training(config, root / "run")
    return config, root / "run"


def lines(run):
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


def counted(rows):
    total = collections.Counter()
    for row in rows:
        total.update(
            {(row["task"], key.removeprefix(CLIPS_OF)): value for key, value in row.items() if key.startswith(CLIPS_OF)}
        )
    return total


def test_the_example_trains_each_task_on_its_sources(finished):
    _, run = finished
    rows = [line for line in lines(run) if line["task"] != "validation"]
    assert len(rows) == 6
    assert all(row["clips_of/mine"] + row["clips_of/demo"] == 4 for row in rows)
    found = counted(rows)
    assert (found["severity", "mine"], found["severity", "demo"]) == (12, 0)
    assert found["report", "demo"] > 0
    assert json.loads((run / "config.json").read_text())["trained_on"] == "simulated"


def test_a_run_that_lost_its_last_steps_repeats_them_to_the_bit_and_sums_up_all_of_them(finished, tmp_path, capsys):
    config, run = finished
    again = Path(shutil.copytree(run, tmp_path / "again"))
    shutil.rmtree(again / "checkpoints" / "6")
    with (again / "metrics.jsonl").open("a") as file:
        file.write('{"step": 6, "task": "sev')  # killed while it wrote
    run_training(config, again)
    assert lines(again) == lines(run)
    said = capsys.readouterr().err
    epoch = f"report: source demo: 9 of the {30 + 9} clips of an epoch (23.1 %), out of 45"
    assert epoch in said
    assert "severity: source mine: 30 of the 30 clips of an epoch (100.0 %), out of 30" in said
    count = int(counted(lines(run))["report", "demo"])
    assert f"report: trained on {count} clips of demo, {100 * count / 12:.1f} %" in said


@pytest.mark.parametrize(
    ("source", "key", "value", "words"),
    [
        ("mine", "weight", 3.0, r"transforms: .*\(sources\.mine\.weight 2\.0 -> 3\.0\)"),
        ("demo", "cap", 8, r"transforms: .*\(sources\.demo\.cap 9 -> 8\)"),
        ("demo", "tasks", (), r"transforms: .*sources\.demo\.tasks \['report'\] -> \[\]"),
    ],
)
def test_another_mixture_is_another_run(finished, tmp_path, source, key, value, words):
    config, run = finished
    again = Path(shutil.copytree(run, tmp_path / "again"))
    config = config.copy_and_resolve_references()
    config.data.sources[source][key] = value
    with pytest.raises(UserError, match=words):
        run_training(config, again)


def test_all_test_folds_are_evaluated_together_under_the_names_of_their_sources(finished, tmp_path):
    config, run = finished
    again = Path(shutil.copytree(run, tmp_path / "again"))
    results = evaluate(again, None, "test", with_reports=False)
    data, folds = open_run_data(config, active_tasks(config))
    assert (results["data"], results["simulated"]) == ("simulated", True)
    assert results["counts"]["clips"] == len(folds["test"])
    rows = [json.loads(line) for line in (again / "eval" / "samples.jsonl").read_text().splitlines()]
    assert [row["clip_id"] for row in rows] == [data.labels[index].clip_id for index in folds["test"]]
    assert {row["clip_id"].split("/")[0] for row in rows} == {"demo", "mine"}
    assert {row["clip_id"].split("/")[0] for row in rows if row["score"] is not None} == {"mine"}
    other = evaluate(again, config.data.sources.mine.path, "test", with_reports=False)
    assert other["counts"]["clips"] == sum(row["score"] is not None for row in rows)
    assert (again / "eval-mine" / "results.json").is_file()
