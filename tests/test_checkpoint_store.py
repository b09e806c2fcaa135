"""Checkpoints: what was saved comes back or is refused, bit by bit; a bad one is left for the one before; failures are said."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import faults
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from ml_collections import ConfigDict
from unprivileged import python

from input_pipeline.errors import UserError
from tramp_jax.checkpoint.digests import digests_of
from tramp_jax.checkpoint.record import DamagedError
from tramp_jax.checkpoint.store import DAMAGED, FOLDER, CheckpointStore, abstract
from tramp_jax.training.state import TrainState

CONFIG = ConfigDict({"name": "x", "lr": 0.1, "sizes": (1, 2)})
# Of Orbax's own reads that are given up half way.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::RuntimeWarning")
CORRUPTIONS = int(os.environ.get("TRAMP_JAX_CORRUPTIONS", "100"))


def state(step):
    rng = np.random.default_rng(step)
    params = {"motion": {"w": jnp.asarray(rng.normal(size=(64, 32)), jnp.float32), "b": jnp.zeros(32)}}
    params |= {"llm": {"k": jnp.asarray(rng.normal(size=(2, 16, 16)), jnp.bfloat16)}}
    stats = {"motion": {"mean": jnp.asarray(rng.normal(size=8), jnp.float32)}}
    opt = {"severity": optax.adamw(1e-3).init(params["motion"])}
    return TrainState(params, stats, opt, {"severity": step}, step)


def saved(run, *steps, keep=5):
    store = CheckpointStore(run, keep)
    for step in steps:
        store.save(state(step), CONFIG, {"seed": 0})
    store.close()
    return run


def test_the_best_stays_until_another_is_better(tmp_path):
    store = CheckpointStore(tmp_path, 2)
    kept = []
    for step, best in ((1, 1), (2, 1), (3, 1), (4, 1), (5, 5), (6, 5)):
        store.best = best
        store.save(state(step), CONFIG, {"seed": 0})
        store.settle()
        kept.append(store.steps())
    store.close()
    assert kept == [[1], [1, 2], [1, 2, 3], [1, 3, 4], [4, 5], [5, 6]]


def restored(run, **options):
    store = CheckpointStore(run, 5, **options)
    try:
        return store.restore(abstract(state(0).to_tree()))
    finally:
        store.close()


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """A run with checkpoints of steps 1 and 2."""
    return saved(tmp_path_factory.mktemp("run") / "two", 1, 2)


def copied(run, tmp_path):
    return Path(shutil.copytree(run, tmp_path / "copy"))


def array_file(run, step):
    return max(
        (path for path in (run / FOLDER / str(step) / "model").rglob("*") if path.is_file()), key=lambda p: p.stat().st_size
    )


def flip(path, place=None):
    blob = bytearray(path.read_bytes())
    blob[len(blob) // 2 if place is None else place] ^= 4
    path.write_bytes(blob)


def test_all_of_the_state_comes_back(two):
    found = restored(two)
    assert (found.step, found.task_steps) == (2, {"severity": 2})
    assert digests_of(found.to_tree()) == digests_of(state(2).to_tree())
    assert jax.tree.structure(found.opt) == jax.tree.structure(state(2).opt)


def test_a_bad_newest_checkpoint_is_left_for_the_one_before_and_kept(two, tmp_path):
    run, said = copied(two, tmp_path), []
    flip(array_file(run, 2))
    assert restored(run, say=said.append).step == 1
    assert len(said) == 1
    assert f"{run}/{FOLDER}/2: DAMAGED (model/" in said[0]
    assert (run / DAMAGED / "2-1").is_dir()
    saved(run, 2)  # its step can be saved again
    assert restored(run).step == 2


def test_readers_move_nothing(two, tmp_path):
    run = copied(two, tmp_path)
    flip(array_file(run, 2))
    store = CheckpointStore(run, 1, create=False)
    like = abstract({part: state(0).to_tree()[part] for part in ("params", "stats")})
    found = store.restore_model(like)
    store.close()
    assert store.restored == 1  # what results will say
    assert digests_of(found["params"]) == digests_of(state(1).params)
    assert (run / FOLDER / "2").is_dir()


def test_a_run_never_starts_from_zero_beside_checkpoints(two, tmp_path):
    run = copied(two, tmp_path)
    for step in (1, 2):
        flip(array_file(run, step))
    with pytest.raises(UserError, match=r"no checkpoint of \[1, 2\] is intact"):
        restored(run)


def test_a_model_of_another_shape_or_dtype_is_refused(two):
    other = state(0)
    other.params["motion"]["w"] = other.params["motion"]["w"].astype(jnp.bfloat16)
    store = CheckpointStore(two, 5, create=False)
    with pytest.raises(UserError, match=r"params/motion/w: float32\[64,32\] there, bfloat16\[64,32\] asked for"):
        store.restore(abstract(other.to_tree()))
    store.close()


def test_a_checkpoint_of_an_earlier_version_is_told_and_left_where_it_is(two, tmp_path):
    run = copied(two, tmp_path)
    shutil.rmtree(run / FOLDER / "2" / "record")
    with pytest.raises(UserError, match="checkpoints/2: saved by an earlier version"):
        restored(run)
    assert (run / FOLDER / "2").is_dir()


def test_what_is_no_damage_gives_no_checkpoint_up(two, tmp_path):
    run = copied(two, tmp_path)
    store = CheckpointStore(run, 5)
    for error in (MemoryError("no"), ValueError("UNAVAILABLE: the bucket does not answer"), RuntimeError("RESOURCE_EXHAUSTED")):
        found = store._unreadable(2, error)
        assert isinstance(found, UserError)
        assert "cannot be read now" in str(found)
    assert isinstance(store._unreadable(2, ValueError("DATA_LOSS: x")), DamagedError)
    store.close()


def test_files_that_may_not_be_read_are_no_damage(two, tmp_path):
    run = copied(two, tmp_path)
    code = f"""
import sys
from pathlib import Path
sys.path[:0] = [{str(Path(__file__).parent)!r}]
from test_checkpoint_store import restored
from input_pipeline.errors import UserError
try:
    restored(Path({str(run)!r}), create=False)
except UserError as error:
    print(error)
"""
    array_file(run, 2).chmod(0)
    done = python("-c", code, folder=tmp_path)
    assert "cannot be read now" in done.stdout, done.stdout + done.stderr[-2000:]


def test_no_random_corruption_changes_a_value_unseen(two, tmp_path):
    """Flips, cuts, appended bytes, missing and swapped files: the state that was saved, or an older one with a word."""
    rng = np.random.default_rng(0)
    right = {step: digests_of(state(step).to_tree()) for step in (1, 2)}
    counts = {"harmless": 0, "seen": 0}
    for number in range(CORRUPTIONS):
        run = Path(shutil.copytree(two, tmp_path / str(number)))
        files = sorted(path for path in (run / FOLDER / "2").rglob("*") if path.is_file())
        path = files[rng.integers(len(files))]
        kind = ["flip", "flip", "flip", "cut", "append", "remove", "swap"][rng.integers(7)]
        if kind == "flip" and path.stat().st_size:
            flip(path, rng.integers(path.stat().st_size))
        elif kind == "cut":
            os.truncate(path, path.stat().st_size // 2)
        elif kind == "append":
            path.write_bytes(path.read_bytes() + b"\0" * 17)
        elif kind == "remove":
            path.unlink()
        else:
            older = run / FOLDER / "1" / path.relative_to(run / FOLDER / "2")
            shutil.copy(older if older.exists() else files[0], path)
        said = []
        try:
            found = restored(run, say=said.append)
        except UserError:
            found = None
        shutil.rmtree(run)
        if found is not None and not said:
            assert digests_of(found.to_tree()) == right[2], (kind, path)
            counts["harmless"] += 1
        else:
            assert found is None or digests_of(found.to_tree()) == right[1], (kind, path)
            counts["seen"] += 1
    outcome = f"{counts['seen']} left for the one before or refused, {counts['harmless']} without effect, 0 silent"
    faults.note("checkpoint: bits flipped, files cut, appended, removed, swapped", CORRUPTIONS, outcome)
    assert counts["seen"] > CORRUPTIONS // 10


def test_stock_orbax_does_not_see_it(two, tmp_path):
    """Why digests are there: if this fails, the library has begun to check, and the docs must say so."""
    import orbax.checkpoint as ocp

    silent = 0
    for place in range(20):
        run = Path(shutil.copytree(two, tmp_path / str(place)))
        path = array_file(run, 2)
        flip(path, path.stat().st_size * (place + 1) // 22)
        like = abstract({part: state(2).to_tree()[part] for part in ("params", "stats")})
        try:
            found = ocp.StandardCheckpointer().restore(run / FOLDER / "2" / "model", like)
            silent += digests_of(found["params"]) != digests_of(state(2).params)
        except Exception:
            continue
    faults.note("checkpoint: bits flipped, read by Orbax alone", 20, f"{silent} silent")
    assert silent > 0


SAVE = """
import resource, signal, sys
from pathlib import Path
sys.path[:0] = [{tests!r}]
from test_checkpoint_store import CONFIG, state
from input_pipeline.errors import UserError
from tramp_jax.checkpoint.store import CheckpointStore
store = CheckpointStore(Path({run!r}), 5)
store.save(state(1), CONFIG, {{}})
store.settle()
{fault}
try:
    store.save(state(2), CONFIG, {{}})
    store.close()
except UserError as error:
    print("error:", error)
    sys.exit(2)
"""


def save_under(fault, run):
    code = SAVE.format(tests=str(Path(__file__).parent), run=str(run), fault=fault)
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, timeout=120)


@pytest.mark.parametrize(
    "fault",
    [
        # No file may grow beyond 1 kB: what a full disk does, without filling one.
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, (1024, 1024))",
        "import shutil; shutil.rmtree({folder!r}); open({folder!r}, 'w').close()",  # the folder is gone, its name taken
    ],
    ids=["disk full", "folder replaced"],
)
def test_a_save_that_fails_is_said_and_never_reported(fault, tmp_path):
    done = save_under(fault.format(folder=str(tmp_path / "run" / FOLDER)), tmp_path / "run")
    assert done.returncode == 2, done.stderr[-3000:]
    assert "the checkpoint of step 2 could NOT be saved" in done.stdout
    # No traceback of a thread of Orbax's either.
    assert done.stderr == "checkpoint of step 1 saved\n"


def test_a_deleted_folder_is_made_again(tmp_path):
    folder = str(tmp_path / "run" / FOLDER)
    done = save_under(f"import shutil; shutil.rmtree({folder!r})", tmp_path / "run")
    if done.returncode == 0:
        assert restored(tmp_path / "run").step == 2
    else:
        assert "could NOT be saved" in done.stdout


def test_a_read_only_folder_is_one_line(tmp_path):
    run = saved(tmp_path / "run", 1)
    (run / FOLDER).chmod(0o555)
    code = SAVE.replace("store.save(state(1), CONFIG, {{}})\nstore.settle()\n", "")
    done = python("-c", code.format(tests=str(Path(__file__).parent), run=str(run), fault=""), folder=tmp_path)
    assert done.returncode == 2, done.stderr[-3000:]
    assert "could NOT be saved" in done.stdout


def test_a_folder_that_may_not_be_entered_is_not_told_as_missing(simulated, tmp_path):
    """Exit code 2 and why, for who reads and who trains."""
    run = saved(tmp_path / "other" / "run", 1)
    run.parent.chmod(0)
    for command in ("evaluate --checkpoint={run}", "train --config=configs/demo.py --workdir={run} --config.data.path={data}"):
        done = python("-m", *f"tramp_jax.{command.format(run=run, data=simulated)}".split(), folder=tmp_path)
        assert (done.returncode, done.stdout) == (2, ""), done.stderr[-3000:]
        assert len(said := done.stderr.splitlines()) == 1, said
        assert f"{run}" in said[0]
        assert "Permission denied" in said[0]
    run.parent.chmod(0o755)
