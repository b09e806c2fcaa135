"""A trained model at work: scores and reports for clips of a data set or for one clip at hand.

Batches are cut over the mesh and filled up to one shape, so that one program is compiled for scores and one for reports.

Axes: B batch, S text, N prefix, P prompt.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import time
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import jax
import numpy as np
from ml_collections import ConfigDict

from input_pipeline.errors import UserError
from input_pipeline.pipeline import ClipSource, batches, instruction
from input_pipeline.records import EXPRESSIONS
from input_pipeline.tokenizer import Tokenizer
from input_pipeline.vision_features import stored_in_place
from tramp_jax.generation.decode import generate
from tramp_jax.models.heads import masked_mean
from tramp_jax.models.tramp_llama import TrampLlama, Tree
from tramp_jax.sharding.mesh import batch_sharding, make_mesh
from tramp_jax.sharding.processes import cut, on_host
from tramp_jax.sharding.rules import shardings_of
from tramp_jax.tasks import report, severity
from tramp_jax.training.ownership import flatten

if TYPE_CHECKING:
    from tramp_jax.checkpoint.store import CheckpointStore

Batch = dict[str, np.ndarray]
LAST, BEST = "last", "best"


@dataclasses.dataclass
class Throughput:
    """What reports took: `seconds` of generation, from the batch on the host to its tokens, and of compiling before."""

    reports: int = 0
    tokens: int = 0
    seconds: float = 0.0
    compile_seconds: float = 0.0

    def __str__(self) -> str:
        seconds = max(self.seconds, 1e-9)
        rate = f"{self.reports / seconds:.2f} reports/s, {self.tokens / seconds:.0f} tokens/s"
        return f"{self.reports} reports, {rate}; compiled in {self.compile_seconds:.1f} s"


_PROMPT_STEP = 32  # tokens: how finely longer prompts are told apart, each width being a program of its own


class Predictor:
    """Jitted scoring and generation for one config; parameters are arguments, so the training loop can use it as well.

    Args:
      mesh: of the parameters; None where they lie on one device.

    Attributes:
      throughput: of all reports so far.
      programs: that generate, by the shape of their batch.
    """

    def __init__(self, config: ConfigDict, model: TrampLlama, tokenizer: Tokenizer, mesh: jax.sharding.Mesh | None = None):
        self._mesh = mesh
        self.throughput = Throughput()
        self.programs: dict[tuple[int, ...], jax.stages.Compiled] = {}
        self.config, self.model, self.tokenizer = config, model, tokenizer
        self._prompt_length = max(len(tokenizer.prompt(instruction(name))) for name in EXPRESSIONS)
        self._score = jax.jit(self._score_batch)
        self._pool = jax.jit(self._pool_batch)
        self._generate = jax.jit(self._generate_batch)

    def score(self, params: Tree, stats: Tree, data: ClipSource, indices: Sequence[int]) -> Batch:
        """Severity of clips, in the order of `indices`.

        Returns:
          "severity" (N,), "raw" (N,) unclipped, "grade_distribution" (N, 5), "interval" (N, 2).
        """
        parts: list[Batch] = []
        for batch in self._batches(data, indices, severity.scoring_needs(self.config.model), self.config.batch_size.severity):
            parts.append(self.score_batch(params, stats, batch))
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    def pool(self, params: Tree, stats: Tree, data: ClipSource, indices: Sequence[int]) -> np.ndarray:
        """What the regression projection reads of clips, in the order of `indices`: the mean of t_f, (N, D) float32."""
        needed = {name: params[name] for name in severity.reads(self.config.model)}
        parts = []
        for batch in self._batches(data, indices, severity.scoring_needs(self.config.model), self.config.batch_size.severity):
            with self._on_mesh():
                pooled = on_host(self._pool(needed, stats, self._placed(batch)))
            kept = batch["weight"] > 0
            parts.append(pooled[: len(kept)][kept])
        return np.concatenate(parts)

    def write(self, params: Tree, stats: Tree, data: ClipSource, indices: Sequence[int]) -> list[str]:
        """Generated reports of clips, greedy, in the order of `indices`."""
        texts: list[str] = []
        for batch in self._batches(data, indices, report.needs(self.config.model), self.config.generation.batch_size):
            texts += self.write_batch(params, stats, batch)
        return texts

    def score_batch(self, params: Tree, stats: Tree, batch: Batch) -> Batch:
        """As `score`, for one batch; padding rows (weight 0) are left out."""
        needed = {name: params[name] for name in severity.reads(self.config.model)}
        with self._on_mesh():
            found = on_host(self._score(needed, stats, self._placed(batch)))
        kept = batch["weight"] > 0
        return {name: values[: len(kept)][kept] for name, values in found.items()}

    def write_batch(self, params: Tree, stats: Tree, batch: Batch) -> list[str]:
        """As `write`, for one batch."""
        needed = {name: params[name] for name in report.reads(self.config.model)}
        with self._on_mesh():
            placed = self._placed(self._prompted(batch))
            program = self._program(needed, stats, placed)
            start = time.perf_counter()
            rows = on_host(program(needed, stats, placed))
        kept = [row for row, weight in zip(rows, batch["weight"], strict=False) if weight > 0]
        self.throughput.seconds += time.perf_counter() - start
        self.throughput.reports += len(kept)
        self.throughput.tokens += sum(int(np.sum(row != self.tokenizer.pad_id)) for row in kept)
        return [self.tokenizer.decode(row) for row in kept]

    def _prompted(self, batch: Batch) -> Batch:
        """The batch with its prompts alone of the text; questions of data sets may be longer than our instruction."""
        longest = int(batch["prompt_length"].max())
        width = self._prompt_length if longest <= self._prompt_length else -(-longest // _PROMPT_STEP) * _PROMPT_STEP
        return batch | {"tokens": batch["tokens"][:, :width]}

    def _on_mesh(self) -> contextlib.AbstractContextManager:
        return contextlib.nullcontext() if self._mesh is None else jax.set_mesh(self._mesh)

    def _placed(self, batch: Batch) -> Tree:
        """The batch cut over the mesh, its last clip repeated until every group of devices has as many."""
        if self._mesh is None:
            return batch
        groups = self._mesh.shape["replica"] * self._mesh.shape["fsdp"]
        more = -len(batch["weight"]) % groups
        return cut({name: np.concatenate([x, *[x[-1:]] * more]) for name, x in batch.items()}, batch_sharding(self._mesh))

    def _program(self, params: Tree, stats: Tree, batch: Tree) -> jax.stages.Compiled:
        """Compiled apart, so that what it takes is not taken for generation."""
        shape = batch["tokens"].shape
        if shape not in self.programs:
            start = time.perf_counter()
            self.programs[shape] = self._generate.lower(params, stats, batch).compile()
            self.throughput.compile_seconds += time.perf_counter() - start
        return self.programs[shape]

    def _batches(self, data: ClipSource, indices: Sequence[int], needs: frozenset[str], batch_size: int) -> Iterator[Batch]:
        return batches(
            data,
            list(indices),
            self.config.data,
            self.tokenizer,
            task="evaluation",
            batch_size=min(batch_size, len(indices)),
            seed=self.config.seed,
            train=False,
            start_step=0,
            needs=stored_in_place(needs, data, self.config.data),
        )

    def _score_batch(self, params: Tree, stats: Tree, batch: dict[str, jax.Array]) -> dict[str, jax.Array]:
        encoded, _ = self.model.encode(params, stats, batch, train=False, key=None)
        return self.model.severity(params, encoded)

    def _pool_batch(self, params: Tree, stats: Tree, batch: dict[str, jax.Array]) -> jax.Array:
        encoded, _ = self.model.encode(params, stats, batch, train=False, key=None)
        return masked_mean(encoded.fused, encoded.frame_mask)

    def _generate_batch(self, params: Tree, stats: Tree, batch: dict[str, jax.Array]) -> jax.Array:
        encoded, _ = self.model.encode(params, stats, batch, train=False, key=None)
        prefix, prefix_mask = self.model.prefix(params, encoded)
        prompt = batch["tokens"]
        mask = np.arange(prompt.shape[1]) < batch["prompt_length"][:, None]
        blocks = self.model.blocks
        return generate(
            blocks["llm"].bind(params["llm"]),
            blocks["lora"].bind(params["lora"]) if self.config.model.use_lora else None,
            prefix,
            prompt,
            mask,
            prefix_mask=prefix_mask,
            max_new_tokens=self.config.generation.max_new_tokens,
            eos_id=self.tokenizer.eos_ids,
            pad_id=self.tokenizer.pad_id,
        )


class TrainedModel:
    """A checkpoint of a run on this machine's devices, parameters and batches cut over them as in training.

    Args:
      run: the run's folder.
      which: "last", the newest, or "best", the best on the validation fold of those that are kept (`checkpoint.best`).
      devices: to use, None for all.

    Attributes:
      predictor, params, stats: for `Predictor`'s methods.
      step: of the checkpoint.

    Raises:
      UserError: no run, no intact checkpoint, or for "best" none that was validated.
    """

    def __init__(self, run: Path, which: str = LAST, devices: Sequence[jax.Device] | None = None):
        from tramp_jax.checkpoint.store import CheckpointStore
        from tramp_jax.config import load_config

        self.run = run
        self.config = load_config(run)
        store = CheckpointStore(run, self.config.checkpoint.keep, create=False)
        model = TrampLlama(self.config.model)
        mesh = _mesh_of(self.config, devices)
        self.predictor = Predictor(self.config, model, Tokenizer.load(run), mesh)
        params, stats = jax.eval_shape(model.init, jax.random.key(0))
        found = {"params": params, "stats": stats}
        like = jax.tree.map(
            lambda x, where: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=where),
            found,
            shardings_of(found, mesh, frozenset(model.blocks)),
        )
        tree = store.restore_model(like) if which == LAST else store.restore_model_of(_best_step(run, self.config, store), like)
        self.params, self.stats, self.step = tree["params"], tree["stats"], store.restored
        store.close()

    def score(self, data: ClipSource, indices: Sequence[int]) -> Batch:
        """See `Predictor.score`."""
        return self.predictor.score(self.params, self.stats, data, indices)

    def pool(self, data: ClipSource, indices: Sequence[int]) -> np.ndarray:
        """See `Predictor.pool`."""
        return self.predictor.pool(self.params, self.stats, data, indices)

    def write(self, data: ClipSource, indices: Sequence[int]) -> list[str]:
        """See `Predictor.write`."""
        return self.predictor.write(self.params, self.stats, data, indices)

    @property
    def trained_on(self) -> str:
        """Name of the data set that the model was trained on; "simulated" for the simulator's."""
        return self.config.trained_on

    @cached_property
    def sha256(self) -> str:
        """Digest of every parameter and statistic, in the order of their paths."""
        digest = hashlib.sha256()
        for path, array in sorted(flatten({"params": self.params, "stats": self.stats}).items()):
            digest.update(path.encode() + str((array.shape, array.dtype)).encode())
            digest.update(np.ascontiguousarray(jax.device_get(array)).tobytes())
        return digest.hexdigest()


def _mesh_of(config: ConfigDict, devices: Sequence[jax.Device] | None) -> jax.sharding.Mesh:
    """The run's own mesh where it fits the devices at hand, else all of them along fsdp."""
    try:
        return make_mesh(config.mesh, devices)
    except UserError:
        return make_mesh(ConfigDict({"replica": 1, "fsdp": -1, "tensor": 1}), devices)


def _best_step(run: Path, config: ConfigDict, store: CheckpointStore) -> int:
    from tramp_jax.checkpoint.best import best_of
    from tramp_jax.training.writers import METRICS, rows_until

    steps = store.steps()
    best = best_of(rows_until(run, max(steps, default=0)), config, steps)
    if best is None:
        raise UserError(
            f"{run / METRICS}: no validation of a checkpoint that is kept ({', '.join(map(str, steps)) or 'there is none'}): "
            "train with --config.evaluate_every, or take --step=last"
        )
    return best.step
