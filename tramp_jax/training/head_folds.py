"""Many small severity heads from scratch over frozen features, side by side in one program.

Axes: K heads, N clips, n training clips of a head, M test clips of a head, E epochs, B batch, D width.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from ml_collections import ConfigDict

from tramp_jax.metrics.protocols import Job
from tramp_jax.models.blocks import Tree
from tramp_jax.models.heads import severity_outputs
from tramp_jax.models.tramp_llama import TrampLlama
from tramp_jax.tasks.severity_losses import severity_loss
from tramp_jax.training.optimizers import make_optimizer

# Heads of one program: their parameters and moments stay in a core's cache (a figure of the demo's head; ours).
HEADS_AT_ONCE = 16
_BLOCKS = ("regression", "expression")


@dataclasses.dataclass(frozen=True)
class HeadTrainer:
    """`protocols.Fit` for the regression projection, head and expression embedding of a model, with the run's own loss.

    Attributes:
      model: the assembly; its encoders are not used.
      config: the run's; head, loss, batch size and optimizer are its own. The schedule spans the epochs here.
      features: (N, D) float32, what the regression projection reads (`Predictor.pooled`).
      expression: (N,) int32.
      score: (N,) float32 rated grades.
      epochs: after each of which the test clips are predicted.
    """

    model: TrampLlama
    config: ConfigDict
    features: np.ndarray
    expression: np.ndarray
    score: np.ndarray
    epochs: int

    def __call__(self, jobs: Sequence[Job]) -> Iterator[np.ndarray]:
        """Trains every job, see `protocols.Fit`. All take equally many steps; what an epoch has left over waits for the next,
        which draws another order."""
        smallest = min(len(job.train) for job in jobs)
        batch = min(self.config.batch_size.severity, smallest)
        program = functools.partial(self._program, batch=batch, steps=smallest // batch)
        train, counts = _padded([job.train for job in jobs])
        test, sizes = _padded([job.test for job in jobs])
        seeds = np.array([job.seed for job in jobs], np.uint32)
        run = jax.jit(jax.vmap(program, in_axes=(None, 0, 0, 0, 0)))
        data = jax.device_put((self.features, self.expression, self.score))
        for start in range(0, len(jobs), HEADS_AT_ONCE):
            # The last heads stand in for those that a full program lacks, so that there is one program.
            rows = np.minimum(np.arange(start, start + min(HEADS_AT_ONCE, len(jobs))), len(jobs) - 1)
            found = np.asarray(run(data, train[rows], counts[rows], test[rows], seeds[rows]))
            for row, curve in zip(rows[: len(jobs) - start].tolist(), found, strict=False):
                yield curve[:, : sizes[row]]

    def _program(
        self,
        data: tuple[jax.Array, jax.Array, jax.Array],
        train: jax.Array,
        count: jax.Array,
        test: jax.Array,
        seed: jax.Array,
        *,
        batch: int,
        steps: int,
    ) -> jax.Array:
        """One head: (E, M) predictions of `test` from the first `count` of `train`."""
        features, expression, score = data
        key = jax.random.key(seed)
        params = {name: self.model.blocks[name].init(jax.random.fold_in(key, i))[0] for i, name in enumerate(self._names)}
        optimizer = make_optimizer(self.config.optim.severity, self.epochs * steps)

        def loss(params: Tree, rows: jax.Array) -> jax.Array:
            outputs = self._outputs(params, features[rows], expression[rows])
            value, weight, _ = severity_loss(outputs, score[rows], jnp.ones(batch), self.config.model.head)
            return value / weight

        def step(carry: tuple, rows: jax.Array) -> tuple:
            params, moments = carry
            updates, moments = optimizer.update(jax.grad(loss)(params, rows), moments, params)
            return (jax.tree.map(jnp.add, params, updates), moments), None

        def epoch(carry: tuple, number: jax.Array) -> tuple:
            order = jax.random.uniform(jax.random.fold_in(key, len(_BLOCKS) + number), train.shape)
            order = jnp.argsort(jnp.where(jnp.arange(len(train)) < count, order, 2.0))
            carry, _ = jax.lax.scan(step, carry, train[order[: batch * steps]].reshape(steps, batch))
            return carry, self._outputs(carry[0], features[test], expression[test])["raw"]

        return jax.lax.scan(epoch, (params, optimizer.init(params)), jnp.arange(self.epochs))[1]

    @property
    def _names(self) -> list[str]:
        return [name for name in _BLOCKS if name in self.model.blocks]

    def _outputs(self, params: Tree, features: jax.Array, expression: jax.Array) -> dict[str, jax.Array]:
        bind = {name: self.model.blocks[name].bind(params[name]) for name in self._names}
        extra = bind["expression"](expression) if "expression" in bind else None
        # Already the mean over F: one token that counts.
        head = bind["regression"](features[:, None], jnp.ones((len(features), 1), bool), extra)
        return severity_outputs(head, self.config.model.head)


def _padded(places: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """(K, longest) int32, each row filled up with its first place, and (K,) int32 how many count."""
    counts = np.array([len(row) for row in places], np.int32)
    rows = np.stack([np.concatenate([row, np.full(counts.max() - len(row), row[0])]) for row in places])
    return rows.astype(np.int32), counts
