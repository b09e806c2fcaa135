"""How much of each source a run was in truth trained on: counted per step, on the devices, over all processes.

Axes: B clips of a batch.
"""

from __future__ import annotations

import collections
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from input_pipeline.mixture import Data, Mixture
from tramp_jax.sharding.mesh import replicated

CLIPS_OF = "clips_of/"  # then the source: a number in a step's line of metrics.jsonl
Count = Callable[[jax.Array], dict[str, jax.Array]]


def count_nothing(clips: jax.Array) -> dict[str, jax.Array]:
    """Of a run on one data set."""
    return {}


def count_of(data: Data, mesh: jax.sharding.Mesh) -> Count:
    """`count(clip_index)` (B,) int32, a global array -> {"clips_of/SOURCE": () int32 on every device}.

    What is counted has reached the devices: clips in the place of those that could not be read included. No process waits.
    """
    if not isinstance(data, Mixture):
        return count_nothing
    ends, names = np.asarray(data.ends, np.int32), tuple(data.parts)

    def count(clips: jax.Array) -> dict[str, jax.Array]:
        counts = jnp.bincount(jnp.searchsorted(ends, clips, side="right"), length=len(names))
        return {f"{CLIPS_OF}{name}": counts[number] for number, name in enumerate(names)}

    return jax.jit(count, out_shardings=replicated(mesh))


def trained_on(rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """A line per task and source from the rows of metrics.jsonl; steps that were skipped trained nothing."""
    totals: dict[str, dict[str, int]] = collections.defaultdict(collections.Counter)
    for row in rows:
        for key, value in row.items():
            if key.startswith(CLIPS_OF) and not row.get("skipped"):
                totals[row["task"]][key.removeprefix(CLIPS_OF)] += int(value)
    for task, found in totals.items():
        for name, count in found.items():
            yield f"{task}: trained on {count} clips of {name}, {100 * count / max(sum(found.values()), 1):.1f} %"
