"""Exports beside the model that they were made from: largest difference of logits and scores, and KL.

Both sides compute in float32 on the same clips, ours from the checkpoint with the LLaMA rounded to the dtype of the export
(so that what is compared is the conversion), PyTorch's from the exported folder, in a process without jax. What the rounding
itself does to the logits is printed as well.

Axes: B batch, S text, V vocabulary.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from ml_collections import ConfigDict

from input_pipeline.errors import UserError
from input_pipeline.mixture import open_data
from input_pipeline.pipeline import batches
from tramp_jax.config import load_config
from tramp_jax.hf.adapter import TENSORS, lora_keys
from tramp_jax.hf.exports import RunExport, open_export
from tramp_jax.hf.language import language_dtypes
from tramp_jax.hf.parts import is_imported
from tramp_jax.hf.tensors import TensorFolder
from tramp_jax.inference import LAST
from tramp_jax.models.llama import positions_of
from tramp_jax.models.tramp_llama import TrampLlama, Tree
from tramp_jax.tasks import report, severity
from tramp_jax.tasks.sources import open_run_data
from tramp_jax.tasks.table import active_tasks
from tramp_jax.training.ownership import flatten, unflatten

Batch = dict[str, np.ndarray]
# What the limit holds for; the rest is told.
LIMITED = ("logits", "score", "KL", "tensors")
_INPUTS = ("trajectory", "trajectory_time", "expression", "frames", "frame_mask", "kinematics", "tokens", "token_mask")


def check_possible(checkpoint: Path) -> None:
    """Tells before an export, not after it, that it could not be verified.

    Raises:
      UserError: torch or transformers absent, or the run's data gone.
    """
    for package in ("torch", "transformers"):
        if importlib.util.find_spec(package) is None:
            raise UserError(f"--verify: {package} is not installed: pip install 'tramp-jax[torch]', or leave --verify away")
    if not is_imported(checkpoint):
        open_data(load_config(checkpoint).data)


def verify(checkpoint: Path, output: Path, *, clips: int, limit: float, which: str = LAST) -> dict[str, dict[str, float]]:
    """Compares every export in `output` with the checkpoint and prints a line each.

    Args:
      checkpoint: what was exported.
      output: the folder of `export_hf`.
      clips: held-out clips of the run's data to compare on.
      limit: largest difference of a logit or score, and largest KL, that passes.
      which: of a run's checkpoints, see `inference.TrainedModel`.

    Returns:
      format -> differences.

    Raises:
      UserError: a difference above the limit, torch absent, or the run's data gone.
    """
    source = open_export(checkpoint, which)
    found: dict[str, dict[str, float]] = {}
    for name in ("llm", "adapter", "full"):
        folder = output / name
        if folder.is_dir():
            with jax.default_matmul_precision("highest"):  # accelerators round float32 products otherwise
                found[name] = _COMPARE[name](source, folder, clips)
            shown = ", ".join(f"{key} {value:.2e}" for key, value in found[name].items())
            print(f"verify {name:<8} {shown}")
    worst = {f"{name}: {key}": value for name, values in found.items() for key, value in values.items() if key in LIMITED}
    failed = {key: value for key, value in worst.items() if not value <= limit}
    if failed:
        named = ", ".join(f"{key} {value:.2e}" for key, value in failed.items())
        raise UserError(
            f"{output}: differs from {checkpoint} by more than --verify_limit={limit}: {named}: do not use this export"
        )
    return found


def _compare_language(source: Any, folder: Path, clips: int) -> dict[str, float]:
    config, leaves = source.language()
    if isinstance(source, RunExport):
        batch = _clips(source.config, source.tokenizer, clips)
        request = {name: batch[name] for name in ("tokens", "token_mask")}
    else:
        request = _random_text(config.vocab_size)
    ours = _language_logits(config, _rounded(leaves, config, folder), request)
    return _differences(ours, _answer(folder, request)["logits"], request["token_mask"])


def _random_text(vocabulary: int) -> Batch:
    """For an imported model, which has no clips."""
    mask = np.arange(64) < np.array([[64], [40], [1]])
    return {"tokens": np.random.default_rng(0).integers(0, vocabulary, mask.shape).astype(np.int32), "token_mask": mask}


def _language_logits(config: ConfigDict, params: Tree, request: Batch) -> np.ndarray:
    from tramp_jax.models.blocks import Block
    from tramp_jax.models.llama import Llama

    config = _in_float32(config)
    llama = Block(lambda rngs: Llama(config, rngs=rngs))

    @jax.jit
    def run(params: Tree, tokens: jax.Array, mask: jax.Array) -> jax.Array:
        model = llama.bind(params)
        return model.logits(model(model.embed(tokens), positions_of(mask), mask))

    return np.asarray(run(params, request["tokens"], request["token_mask"]))


def _compare_full(source: Any, folder: Path, clips: int) -> dict[str, float]:
    batch = _clips(source.config, source.tokenizer, clips)
    request = {name: batch[name] for name in _INPUTS if name in batch}
    leaves = source.language()[1]
    others = {name: tree for name, tree in source.params.items() if name not in ("llm", "lora")}
    ours = _whole(source.config, others | {"llm": _rounded(leaves, source.config.model.llm, folder)}, source.stats, batch)
    exact = _whole(source.config, others | {"llm": _rounded(leaves, source.config.model.llm, None)}, source.stats, batch)
    theirs = _answer(folder, request)
    mask = batch["token_mask"]
    score = max(float(np.abs(ours[name] - theirs[name]).max()) for name in ("severity", "grade_distribution"))
    rounding = _differences(exact["logits"], ours["logits"], mask)
    return {
        **_differences(ours["logits"], theirs["logits"], mask),
        "score": score,
        "logits by rounding": rounding["logits"],
        "KL by rounding": rounding["KL"],
    }


def _whole(config: ConfigDict, params: Tree, stats: Tree, batch: Batch) -> dict[str, np.ndarray]:
    """Logits (B, S, V) and severity outputs, in float32."""
    config = config.model.copy_and_resolve_references()
    config.use_lora = False
    for part in ("llm", "vision", "projection", "motion"):
        config[part] = _in_float32(config[part])
    model = TrampLlama(config)

    @jax.jit
    def run(params: Tree, stats: Tree, batch: dict[str, jax.Array]) -> dict[str, jax.Array]:
        encoded, _ = model.encode(params, stats, batch, train=False, key=None)
        logits = model.report_logits(params, encoded, batch, deterministic=True, key=None)
        return {**model.severity(params, encoded), "logits": logits}

    return jax.device_get(run(params, stats, batch))


def _in_float32(config: ConfigDict) -> ConfigDict:
    config = config.copy_and_resolve_references()
    for field in ("dtype", "param_dtype"):
        if field in config:
            config[field] = "float32"
    return config


def _rounded(leaves: Mapping[str, Any], config: ConfigDict, folder: Path | None) -> Tree:
    """The LLaMA's parameters in float32, each rounded to the dtype that the export has it in."""
    dtypes = {} if folder is None else language_dtypes(folder, config)

    def value(path: str, leaf: Any) -> jax.Array:
        array = np.asarray(leaf)
        return jnp.asarray(array.astype(dtypes[path]) if path in dtypes else array, jnp.float32)

    return unflatten({path: value(path, leaf) for path, leaf in leaves.items()})


def _clips(config: ConfigDict, tokenizer: Any, count: int) -> Batch:
    """A batch of held-out clips with their reports."""
    data, folds = open_run_data(config, active_tasks(config))
    indices = folds["test"][:count]
    needs = report.needs(config.model) | severity.scoring_needs(config.model)
    stream = batches(
        data,
        indices,
        config.data,
        tokenizer,
        task="evaluation",
        batch_size=len(indices),
        seed=config.seed,
        train=False,
        needs=needs,
    )
    return next(stream)


def _compare_adapter(source: Any, folder: Path, clips: int) -> dict[str, float]:
    # No logits of its own: the leaves must come back as they are, bit for bit.
    tensors = TensorFolder(folder / TENSORS)
    ours = flatten(source.params["lora"])
    differences = [
        float(np.abs(make() - np.asarray(ours[path], np.float32)).max())
        for path, make in lora_keys(source.config.model.llm.num_hidden_layers).leaves(tensors)
    ]
    return {"tensors": float(np.max(differences))}  # NaN where one is


_COMPARE = {"llm": _compare_language, "adapter": _compare_adapter, "full": _compare_full}


def _differences(ours: np.ndarray, theirs: np.ndarray, mask: np.ndarray) -> dict[str, float]:
    """Largest difference of a logit and largest KL(ours || theirs) of a token, where the mask is True."""
    p, q = (jax.nn.log_softmax(jnp.asarray(x[mask], jnp.float32)) for x in (ours, theirs))
    kl = jnp.sum(jnp.exp(p) * (p - q), axis=-1)
    return {"logits": float(np.abs(ours[mask] - theirs[mask]).max()), "KL": float(kl.max())}


def _answer(folder: Path, request: Batch) -> Batch:
    with tempfile.TemporaryDirectory() as scratch:
        asked, answered = Path(scratch) / "request.npz", Path(scratch) / "answer.npz"
        np.savez(asked, **request)
        command = [sys.executable, "-m", "tramp_jax.hf.pytorch.answer", str(asked), f"--model={folder}", f"--output={answered}"]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        if result.returncode:
            last = result.stderr.strip().splitlines()[-1:] or ["no message"]
            raise UserError(f"{folder}: PyTorch cannot run it: {last[0].removeprefix('error: ')}")
        with np.load(answered) as file:
            return dict(file)
