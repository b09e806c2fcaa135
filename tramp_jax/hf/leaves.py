"""Leaves that are made layer by layer: what an export reads in place of an array that would be whole in memory.

A leaf has `leaf[i]` for one layer of a stacked one, and converts to an array as a whole.

Axes: L layers, D in, E out, R rank.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import jax
import numpy as np
from ml_collections import ConfigDict

from tramp_jax.hf.keymap import Flat
from tramp_jax.hf.tensors import DTYPES, TensorFolder
from tramp_jax.models.lora import LINEARS


@dataclasses.dataclass(frozen=True)
class StoredLeaf:
    """A leaf of an imported part, read from its file."""

    source: TensorFolder
    path: str

    def __getitem__(self, layer: int) -> np.ndarray:
        return self.source.read_slice(self.path, (slice(layer, layer + 1),))[0]

    @property
    def dtype(self) -> np.dtype:
        return DTYPES[self.source.dtypes[self.path]]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return self.source.read(self.path).astype(dtype, copy=False) if dtype else self.source.read(self.path)


@dataclasses.dataclass(frozen=True)
class MergedLeaf:
    """A kernel with its LoRA folded in: W + A B * scale, in float32, one layer at a time.

    Attributes:
      kernel: (L, D, E).
      lora_a, lora_b: (L, D, R), (L, R, E).
      scale: alpha / rank.
    """

    kernel: Any
    lora_a: Any
    lora_b: Any
    scale: float

    def __getitem__(self, layer: int) -> np.ndarray:
        kernel, a, b = (np.asarray(jax.device_get(x[layer]), np.float32) for x in (self.kernel, self.lora_a, self.lora_b))
        return kernel + a @ b * np.float32(self.scale)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        merged = np.stack([self[layer] for layer in range(len(self.kernel))])
        return merged.astype(dtype, copy=False) if dtype else merged


def merged_leaves(llm: Flat, lora: Flat, config: ConfigDict) -> dict[str, Any]:
    """The leaves of a LLaMA by path, those that a LoRA adapts as `MergedLeaf`."""
    merged = dict(llm)
    for group, names in LINEARS.items():
        for name in names:
            path = f"layers/{group}/{name}"
            a, b = lora[f"{path}/lora_a"], lora[f"{path}/lora_b"]
            merged[f"{path}/kernel"] = MergedLeaf(llm[f"{path}/kernel"], a, b, config.alpha / config.rank)
    return merged
