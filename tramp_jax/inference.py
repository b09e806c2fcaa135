"""A trained model at work: scores and reports for clips of a data set or for one clip at hand.

Axes: B batch, S text, N prefix, P prompt.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path

import jax
import numpy as np
from ml_collections import ConfigDict

from input_pipeline.pipeline import ClipSource, batches, instruction
from input_pipeline.records import EXPRESSIONS
from input_pipeline.tokenizer import Tokenizer
from input_pipeline.vision_features import stored_in_place
from tramp_jax.generation.decode import generate
from tramp_jax.models.tramp_llama import TrampLlama, Tree
from tramp_jax.sharding.processes import everywhere, on_host
from tramp_jax.tasks import report, severity
from tramp_jax.training.ownership import flatten

Batch = dict[str, np.ndarray]


class Predictor:
    """Jitted scoring and generation for one config; parameters are arguments, so the training loop can use it as well."""

    def __init__(self, config: ConfigDict, model: TrampLlama, tokenizer: Tokenizer, mesh: jax.sharding.Mesh | None = None):
        self._mesh = mesh  # of the parameters, needed where several processes share them
        self.config, self.model, self.tokenizer = config, model, tokenizer
        self._prompt_length = max(len(tokenizer.prompt(instruction(name))) for name in EXPRESSIONS)
        self._score = jax.jit(self._score_batch)
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

    def write(self, params: Tree, stats: Tree, data: ClipSource, indices: Sequence[int]) -> list[str]:
        """Generated reports of clips, greedy, in the order of `indices`."""
        texts: list[str] = []
        for batch in self._batches(data, indices, report.needs(self.config.model), self.config.generation.batch_size):
            texts += self.write_batch(params, stats, batch)
        return texts

    def score_batch(self, params: Tree, stats: Tree, batch: Batch) -> Batch:
        """As `score`, for one batch; padding rows (weight 0) are left out."""
        needed = {name: params[name] for name in severity.reads(self.config.model)}
        found = on_host(self._score(needed, stats, batch if self._mesh is None else everywhere(batch, self._mesh)))
        return {name: values[batch["weight"] > 0] for name, values in found.items()}

    def write_batch(self, params: Tree, stats: Tree, batch: Batch) -> list[str]:
        """As `write`, for one batch."""
        needed = {name: params[name] for name in report.reads(self.config.model)}
        tokens = jax.device_get(self._generate(needed, stats, batch))
        return [self.tokenizer.decode(row) for row, weight in zip(tokens, batch["weight"], strict=True) if weight > 0]

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

    def _generate_batch(self, params: Tree, stats: Tree, batch: dict[str, jax.Array]) -> jax.Array:
        encoded, _ = self.model.encode(params, stats, batch, train=False, key=None)
        prefix, prefix_mask = self.model.prefix(params, encoded)
        prompt = batch["tokens"][:, : self._prompt_length]
        mask = np.arange(self._prompt_length) < batch["prompt_length"][:, None]
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
    """A run's newest checkpoint on this machine's devices.

    Args:
      run: the run's folder.

    Attributes:
      predictor, params, stats: for `Predictor`'s methods.
      step: of the checkpoint.
    """

    def __init__(self, run: Path):
        from tramp_jax.checkpoint.store import CheckpointStore
        from tramp_jax.config import load_config

        self.run = run
        self.config = load_config(run)
        store = CheckpointStore(run, self.config.checkpoint.keep, create=False)
        model = TrampLlama(self.config.model)
        self.predictor = Predictor(self.config, model, Tokenizer.load(run))
        params, stats = jax.eval_shape(model.init, jax.random.key(0))
        where = jax.sharding.SingleDeviceSharding(jax.devices()[0])
        like = jax.tree.map(
            lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=where),
            {"params": params, "stats": stats},
        )
        tree = store.restore_model(like)
        self.params, self.stats, self.step = tree["params"], tree["stats"], store.restored
        store.close()

    def score(self, data: ClipSource, indices: Sequence[int]) -> Batch:
        """See `Predictor.score`."""
        return self.predictor.score(self.params, self.stats, data, indices)

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
