"""The vision tower (SigLIP, CLIP or VideoLLaMA3's, by configuration) and the projections into the language model.

N frames, P patches of a square grid, D width, H heads, K head dim.
"""

from __future__ import annotations

import itertools
import math
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from .layers_tramp_llama import parameter

ACTIVATIONS = {
    "gelu_tanh": lambda x: F.gelu(x, approximate="tanh"),
    "gelu": F.gelu,
    "quick_gelu": lambda x: x * torch.sigmoid(1.702 * x),
}
Rope = tuple[Tensor, Tensor]


class VisionAttention(nn.Module):
    """Multi-head attention over the patches of one frame."""

    def __init__(self, config: dict[str, Any]):
        super().__init__()
        D, self.heads = config["hidden_size"], config["num_attention_heads"]
        self.q_proj, self.k_proj, self.v_proj, self.out_proj = (nn.Linear(D, D) for _ in range(4))

    def forward(self, x: Tensor, rope: Rope | None) -> Tensor:
        """(N, P, D) -> (N, P, D)."""
        q, k, v = (
            project(x).unflatten(-1, (self.heads, -1)).transpose(1, 2)  # (N, H, P, K)
            for project in (self.q_proj, self.k_proj, self.v_proj)
        )
        if rope is not None:
            q, k = rotate(q, rope), rotate(k, rope)
        return self.out_proj(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))


class VisionMlp(nn.Module):
    """Linear, activation, linear."""

    def __init__(self, config: dict[str, Any]):
        super().__init__()
        self.fc1 = nn.Linear(config["hidden_size"], config["intermediate_size"])
        self.fc2 = nn.Linear(config["intermediate_size"], config["hidden_size"])
        self.activation = ACTIVATIONS[config["hidden_act"]]

    def forward(self, x: Tensor) -> Tensor:
        """(N, P, D) -> (N, P, D)."""
        return self.fc2(self.activation(self.fc1(x)))


class VisionLayer(nn.Module):
    """One pre-norm layer."""

    def __init__(self, config: dict[str, Any]):
        super().__init__()
        self.layer_norm1, self.layer_norm2 = layer_norm(config), layer_norm(config)
        self.self_attn, self.mlp = VisionAttention(config), VisionMlp(config)

    def forward(self, x: Tensor, rope: Rope | None) -> Tensor:
        """(N, P, D) -> (N, P, D)."""
        x = x + self.self_attn(self.layer_norm1(x), rope)
        return x + self.mlp(self.layer_norm2(x))


class VisionTower(nn.Module):
    """Frames (N, h, w, 3) -> patch features (N, P, D), row by row from the top left."""

    def __init__(self, config: dict[str, Any]):
        super().__init__()
        self.config = config
        D, self.patch = config["hidden_size"], config["patch_size"]
        self.grid = config["image_size"] // self.patch
        tokens = self.grid**2 + config["class_token"]
        self.patch_embedding = nn.Linear(3 * self.patch**2, D, bias=config["patch_bias"])
        self.position_embedding = parameter(tokens, D) if config["positions"] == "learned" else None
        self.class_embedding = parameter(D) if config["class_token"] else None
        self.pre_layernorm = layer_norm(config) if config["pre_layernorm"] else None
        self.layers = nn.ModuleList(VisionLayer(config) for _ in range(config["num_hidden_layers"]))
        self.post_layernorm = layer_norm(config) if config["post_layernorm"] else None

    def forward(self, images: Tensor) -> Tensor:
        """Patch features.

        Args:
          images: (N, h, w, 3) RGB, uint8 in [0, 255] or float in [0, 1]; normalised in here.

        Raises:
          ValueError: frames of another size.
        """
        size = self.config["image_size"]
        if images.shape[1:] != (size, size, 3):
            raise ValueError(f"frames are {tuple(images.shape[1:])}, expected ({size}, {size}, 3): let the processor make them")
        x = self.patch_embedding(self._patches(images))
        if self.class_embedding is not None:
            x = torch.cat([self.class_embedding.expand(len(x), 1, -1), x], dim=1)
        x = x if self.position_embedding is None else x + self.position_embedding
        x = x if self.pre_layernorm is None else self.pre_layernorm(x)
        rope = None if self.position_embedding is not None else self._rope(x.device)
        for layer in self.layers:
            x = layer(x, rope)
        x = x if self.post_layernorm is None else self.post_layernorm(x)
        return x if self.class_embedding is None else x[:, 1:]

    def _patches(self, images: Tensor) -> Tensor:
        """(N, h, w, 3) -> (N, P, p * p * 3), normalised; the pixels of a last incomplete patch are dropped."""
        side, weight = self.grid * self.patch, self.patch_embedding.weight
        mean, std = (torch.tensor(self.config[name], device=images.device) for name in ("image_mean", "image_std"))
        pixels = images[:, :side, :side].float() / (255 if images.dtype == torch.uint8 else 1)
        pixels = ((pixels - mean) / std).to(weight.dtype)
        grid = pixels.reshape(-1, self.grid, self.patch, self.grid, self.patch, 3).transpose(2, 3)
        return grid.reshape(len(images), self.grid**2, -1)

    def _rope(self, device: torch.device) -> Rope:
        """Cosines and sines (P, K / 2): half the pairs of channels turn with the row, half with the column."""
        half = self.config["hidden_size"] // self.config["num_attention_heads"] // 2
        steps = torch.arange(0, half, 2, dtype=torch.float32, device=device) / half
        frequencies = 1.0 / torch.tensor(self.config["rope_theta"], device=device) ** steps
        place = torch.arange(self.grid**2, device=device)
        angles = torch.cat([torch.outer(at.float(), frequencies) for at in (place // self.grid, place % self.grid)], dim=1)
        return angles.cos(), angles.sin()


class TokenProjection(nn.Module):
    """(..., D) -> (..., H), token by token: linears with exact GELU between."""

    def __init__(self, config: dict[str, Any], width_in: int, width_out: int):
        super().__init__()
        self.count = config["num_layers"]
        widths = [width_in] + [width_out] * self.count
        for i, (before, after) in enumerate(itertools.pairwise(widths)):
            setattr(self, f"linear_{i}", nn.Linear(before, after))

    def forward(self, x: Tensor) -> Tensor:
        """(..., D) -> (..., H)."""
        x = self.linear_0(x)
        for i in range(1, self.count):
            x = getattr(self, f"linear_{i}")(F.gelu(x))
        return x


class VisualProjection(nn.Module):
    """Patch features (..., P, D) -> tokens (..., P / merge**2, H)."""

    def __init__(self, config: dict[str, Any], width_in: int, width_out: int):
        super().__init__()
        self.merge = config["merge"]
        self.mlp = TokenProjection(config, width_in, width_out)

    def forward(self, patches: Tensor) -> Tensor:
        """The means over squares of merge x merge patches, projected, row by row."""
        *batch, count, width = patches.shape
        side = math.isqrt(count) // self.merge
        squares = patches.reshape(*batch, side, self.merge, side, self.merge, width)
        return self.mlp(squares.mean(dim=(-4, -2)).flatten(-3, -2))


def layer_norm(config: dict[str, Any]) -> nn.LayerNorm:
    """A norm of the tower."""
    return nn.LayerNorm(config["hidden_size"], eps=config["layer_norm_eps"])


def rotate(x: Tensor, rope: Rope) -> Tensor:
    """(N, H, P, K) with channel i turning with channel i + K / 2."""
    cosine, sine = rope
    first, second = x.float().chunk(2, dim=-1)
    return torch.cat([first * cosine - second * sine, second * cosine + first * sine], dim=-1).to(x.dtype)
