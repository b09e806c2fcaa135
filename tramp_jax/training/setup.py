"""From a config and a workdir to a running loop: data, tokenizer, mesh, state (fresh or restored)."""

from __future__ import annotations

import functools
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import jax
import numpy as np
from ml_collections import ConfigDict

from input_pipeline.epochs import shares, usable_clips
from input_pipeline.errors import UserError
from input_pipeline.measured import standardisation
from input_pipeline.mixture import Data, place_of
from input_pipeline.paths import path_of
from input_pipeline.pipeline import batches, instruction
from input_pipeline.records import EXPRESSIONS
from input_pipeline.tokenizer import Tokenizer, has_tokenizer, train_tokenizer
from tramp_jax.checkpoint.identity import check_identity, identity_of
from tramp_jax.checkpoint.store import MODEL_PARTS, CheckpointStore, abstract
from tramp_jax.config import load_config, save_config
from tramp_jax.hf.parts import load_parts, provenance
from tramp_jax.inference import Predictor
from tramp_jax.metrics.severity import by_expression, spearman
from tramp_jax.models.heads import GRADES
from tramp_jax.models.tramp_llama import TrampLlama, Tree
from tramp_jax.sharding.mesh import check_batch, make_mesh
from tramp_jax.sharding.preflight import check_devices, check_processes, check_versions
from tramp_jax.sharding.processes import is_writer, wait_for_all
from tramp_jax.sharding.rules import shardings_of
from tramp_jax.tasks.sources import FACES, check_sources, open_run_data, usable_for
from tramp_jax.tasks.table import Task, active_tasks
from tramp_jax.training.frozen_vision import check_features, check_frozen, check_weights
from tramp_jax.training.loop import Evaluate, MakeBatches, Run, Trainer, train
from tramp_jax.training.ownership import flatten, unflatten
from tramp_jax.training.phases import START, Phases
from tramp_jax.training.proportions import count_of, trained_on
from tramp_jax.training.skipped import SkippedBatches
from tramp_jax.training.spikes import check_spike
from tramp_jax.training.state import Partition, TrainState, fresh_moments, initial_state
from tramp_jax.training.writers import rows_until


def train_run(config: ConfigDict, run: Path, phases: Phases, allow_changed: Sequence[str] = ()) -> bool:
    """Trains `config` in the folder `run`, going on from its newest intact checkpoint if it has one.

    Args:
      config: the experiment.
      run: the workdir.
      phases: where the time goes.
      allow_changed: what may differ from the run's checkpoint, names of `checkpoint.identity.MEANING`.

    Returns:
      Whether the run has reached its end; False where it was asked to stop.

    Raises:
      UserError: whatever is wrong with config, data or folder, in one line.
    """
    tasks = active_tasks(config)
    check_devices()
    check_processes(config.processes)
    check_versions()
    mesh = make_mesh(config.mesh)
    for task in tasks:
        check_batch(mesh, config.batch_size[task.name], f"batch_size.{task.name}", config.accumulation[task.name])
    check_spike(config.spike)
    dataset, folds, notices = _open_data(config, tasks)
    if config.data.vision_features:
        check_frozen(config, tasks)
        check_features(config, dataset, folds["train"])
    tokenizer = _fill_in(config, run, dataset, folds["train"], tasks)
    identity = identity_of(config, dataset, tokenizer)
    store, skipped = CheckpointStore(run, config.checkpoint.keep), SkippedBatches(run)
    if before := store.record():
        for line in check_identity(str(run), before.identity, identity, allow_changed):
            print(line, file=sys.stderr)
    wait_for_all("identity")
    if is_writer():
        save_config(config, run / "config.json")
        print("".join(f"{line}\n" for line in notices), end="", file=sys.stderr)
        _tell_shares(config, tasks, dataset, folds["train"])

    model = TrampLlama(config.model)
    with jax.set_mesh(mesh):
        with phases(START if store.latest() is None else "restore", "the state to go on from"):
            state = starting_state(config, model, tasks, mesh, store)
        if config.data.vision_features:
            check_weights(config, dataset, state.params)
        if state.step >= config.total_steps:
            longer = f"to train on, set --config.total_steps and --config.horizon={config.horizon or config.total_steps}"
            print(f"{run}: already at step {state.step} of {config.total_steps}; {longer}", file=sys.stderr)
            store.close()
            return True
        ended = train(
            Run(
                folder=run,
                trainer=Trainer(config, model, tasks, state, mesh),
                make_batches=_batches_of(config, dataset, folds["train"], tokenizer, skipped),
                evaluate=_validation(Predictor(config, model, tokenizer, mesh), dataset, folds["validation"]),
                restore=lambda: starting_state(config, model, tasks, mesh, store),
                store=store,
                skipped=skipped,
                identity=identity,
                phases=phases,
                count=count_of(dataset, mesh),
            )
        )
    if is_writer() and config.data.sources:
        print("".join(f"{line}\n" for line in trained_on(rows_until(run, config.total_steps))), end="", file=sys.stderr)
    return ended


def _open_data(config: ConfigDict, tasks: Sequence[Task]) -> tuple[Data, dict[str, list[int]], list[str]]:
    """The data, its folds and what to say of it; what the model cannot learn from is told here, not hours later."""
    dataset, folds = open_run_data(config, tasks)
    notices = check_sources(config, tasks, dataset, folds)
    _check_expressions(config, dataset, usable_for(FACES, config, tasks, dataset, range(len(dataset))))
    for task in tasks:
        if "score" in task.needs(config.model):
            _check_scores(config, dataset, usable_clips(dataset, folds["train"], config.data, task.name, frozenset({"score"})))
    return dataset, folds, notices


def _fill_in(config: ConfigDict, run: Path, dataset: Data, train_indices: list[int], tasks: Sequence[Task]) -> Tokenizer:
    """Makes the run's folder and its tokenizer, and sets what the config takes from data, tokenizer and pretrained parts."""
    try:
        run.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"--workdir={run}: cannot be made ({error.strerror}): choose another folder") from error
    if is_writer():
        run_tokenizer(config, run, dataset, train_indices)
    wait_for_all("tokenizer")
    tokenizer = Tokenizer.load(run)
    config.model.llm.vocab_size = max(config.model.llm.vocab_size, tokenizer.vocab_size)
    config.trained_on = dataset.name
    if any("kinematics" in task.needs(config.model) for task in tasks) and not config.data.kinematics_centre:
        measured = usable_for({"kinematics"}, config, tasks, dataset, train_indices)
        found = standardisation(dataset, measured, max_bad=config.data.max_bad_clips)
        config.data.kinematics_centre, config.data.kinematics_scale = found
    if (run / "config.json").is_file():  # a run that goes on started where it started
        config.pretrained = load_config(run).pretrained
    else:
        config.pretrained = ConfigDict(provenance(config))
    wait_for_all("pretrained")
    return tokenizer


def _tell_shares(config: ConfigDict, tasks: Sequence[Task], dataset: Data, train_indices: list[int]) -> None:
    for task in tasks:
        found = shares(dataset, train_indices, config.data, task.needs(config.model), task=task.name)
        whole = sum(drawn for group, (_, drawn) in found.items() if "/" not in group)
        for group, (count, drawn) in found.items():
            what = "source" if group in config.data.sources else config.data.balance_by
            share = f"{drawn} of the {whole} clips of an epoch ({100 * drawn / whole:.1f} %)"
            print(f"{task.name}: {what} {group}: {share}, out of {count}", file=sys.stderr)


def _batches_of(
    config: ConfigDict, dataset: Data, train_indices: list[int], tokenizer: Tokenizer, skipped: SkippedBatches
) -> MakeBatches:
    def make_batches(task: Task, start: int) -> Iterator[dict[str, np.ndarray]]:
        batches_from = functools.partial(
            batches,
            dataset,
            train_indices,
            config.data,
            tokenizer,
            task=task.name,
            batch_size=config.batch_size[task.name],
            seed=config.seed,
            train=True,
            needs=task.needs(config.model),
            process_index=jax.process_index(),
            process_count=jax.process_count(),
        )
        return skipped.without(task.name, start, lambda number: batches_from(start_step=number))

    return make_batches


def _validation(predictor: Predictor, dataset: Data, indices: list[int]) -> Evaluate:
    labels = [dataset.labels[i] for i in indices]
    rated = np.array([label.score is not None for label in labels])

    def evaluate(state: TrainState) -> dict[str, float | None]:
        scores = predictor.score(state.params, state.stats, dataset, indices)["raw"][rated]
        if not np.isfinite(scores).all():  # training has diverged: nothing to rank, and never the best
            return {"spearman": None}
        found, _ = by_expression(
            spearman,
            np.array([label.expression for label in labels])[rated],
            np.array([label.score for label in labels], float)[rated],
            scores,
        )
        return {"spearman": found["mean"]}

    return evaluate


def _check_expressions(config: ConfigDict, dataset: Data, indices: Sequence[int]) -> None:
    """The model's embedding knows PFED5's expressions alone; JAX would read beyond it without a word."""
    others = sorted({dataset.labels[index].expression for index in indices} - set(EXPRESSIONS))
    if config.model.condition_on_expression and others:
        raise UserError(
            f"{place_of(config.data)}: has clips of {', '.join(others)}, the model knows {', '.join(EXPRESSIONS)}: set "
            "--config.model.condition_on_expression=False"
        )


def _check_scores(config: ConfigDict, dataset: Data, indices: Sequence[int]) -> None:
    """A grade off the scale has no likelihood: its loss would be no number."""
    labels = [dataset.labels[index] for index in indices]
    off = [label for label in labels if label.score is not None and not 0 <= label.score <= GRADES - 1]
    if off and config.model.head.kind == "ordinal":
        raise UserError(
            f"{place_of(config.data)}: clip {off[0].clip_id} has the score {off[0].score:g} ({len(off)} such), expected 0 to "
            f"{GRADES - 1}: bring the scores to that scale, or set --config.model.head.kind=regression"
        )


def run_tokenizer(config: ConfigDict, run: Path, dataset: Data, train_indices: list[int]) -> Tokenizer:
    """The run's own copy of its tokenizer: of `tokenizer.path`, else of the pretrained LLaMA, else trained on the reports.

    Raises:
      UserError: the folder named holds no tokenizer, or there are no reports to train one on.
    """
    if not has_tokenizer(run):
        source = config.tokenizer.path or config.init_from.llm
        if source:
            Tokenizer.load(path_of(source)).save(run)
        else:
            texts = [label.report for label in (dataset.labels[i] for i in train_indices) if label.report]
            if not texts:
                raise UserError(
                    f"{place_of(config.data)}: no reports in the training fold: set tokenizer.path to a pretrained tokenizer"
                )
            texts += [instruction(name) for name in EXPRESSIONS]
            Tokenizer(train_tokenizer(texts, config.tokenizer.vocab_size)).save(run)
    return Tokenizer.load(run)


def starting_state(
    config: ConfigDict, model: TrampLlama, tasks: list[Task], mesh: jax.sharding.Mesh, store: CheckpointStore
) -> TrainState:
    """The newest checkpoint's state, or a new one: parameters of `config.init_from` and fresh ones, each made where it lies."""
    shapes = jax.eval_shape(lambda key: initial_state(model, config, tasks, key).to_tree(), jax.random.key(config.seed))
    shardings = shardings_of(shapes, mesh, frozenset(model.blocks))
    if store.latest() is None:
        return _new_state(config, model, tasks, mesh, shapes, shardings)
    like = jax.tree.map(lambda s, where: jax.ShapeDtypeStruct(s.shape, s.dtype, sharding=where), shapes, shardings)
    state = store.restore(abstract(like))
    store.say(f"continuing from step {state.step}")
    return state


def _new_state(
    config: ConfigDict, model: TrampLlama, tasks: list[Task], mesh: jax.sharding.Mesh, shapes: Tree, shardings: Tree
) -> TrainState:
    given = dict(zip(MODEL_PARTS, load_parts(config, shapes, mesh, frozenset(model.blocks)), strict=True))
    found = {part: flatten(given[part]) for part in MODEL_PARTS}
    missing = [path for part in MODEL_PARTS for path in flatten(shapes[part]) if path not in found[part]]
    # A block that is given whole is never drawn: beside the pretrained LLaMA there is no room for a random one.
    drawn = frozenset(path.split("/")[0] for path in missing)
    _tell_what_stays_fresh(config, given["params"], missing)
    where = tuple({name: tree for name, tree in shardings[part].items() if name in drawn} for part in MODEL_PARTS)
    # Runs once, so on CPU it is compiled for speed of compilation: many small random programs in one.
    options = {"xla_backend_optimization_level": 0} if jax.default_backend() == "cpu" else None
    key = jax.random.key(config.seed)
    fresh = jax.jit(lambda key: model.init(key, drawn), out_shardings=where).lower(key).compile(options)(key)
    params, stats = (unflatten(flatten(mine) | found[part]) for part, mine in zip(MODEL_PARTS, fresh, strict=True))
    partition = Partition.of(params, stats, config, tasks)
    owned = {task.name: partition.split(params, task, config.model)[0] for task in tasks}
    moments = jax.jit(lambda owned: fresh_moments(config, tasks, owned), out_shardings=shardings["opt"])(owned)
    return TrainState(params, stats, moments, {task.name: 0 for task in tasks}, 0)


def _tell_what_stays_fresh(config: ConfigDict, given: Tree, missing: list[str]) -> None:
    for part, folder in config.init_from.items():
        if folder:
            print(f"init_from.{part}: {folder}", file=sys.stderr)
    partly = [path for path in missing if path.split("/")[0] in given]
    if partly:
        print(f"init_from leaves fresh: {', '.join(partly)}", file=sys.stderr)
