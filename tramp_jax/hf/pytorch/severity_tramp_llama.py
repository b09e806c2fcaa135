"""Cross-fusion of vision and motion, and from its tokens to a score.

B batch, F vision queries (RGB frames), Dv vision width, N motion keys, T' motion time steps, V landmark tokens, D width,
H heads, K head dim, G = 5 grades.
"""

from __future__ import annotations

import itertools
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from .layers_tramp_llama import NORM_EPSILON, Mlp, masked_mean, parameter, region_means, sinusoid

GRADES = 5
INTERVAL = (0.05, 0.95)


class CrossBlock(nn.Module):
    """x + attention(LN_q(x), LN_kv(motion)), then x + MLP(LN(x))."""

    def __init__(self, config: dict[str, Any]):
        super().__init__()
        D, self.heads = config["width"], config["heads"]
        self.norm_query, self.norm_motion, self.norm_mlp = (nn.LayerNorm(D, eps=NORM_EPSILON) for _ in range(3))
        self.query, self.key, self.value = (nn.Linear(D, D, bias=False) for _ in range(3))
        self.out = nn.Linear(D, D)
        self.mlp = Mlp(D, config["mlp_ratio"] * D)

    def forward(self, x: Tensor, motion: Tensor) -> Tensor:
        """(B, F, D), (B, N, D) -> (B, F, D)."""
        keys = self.norm_motion(motion)
        q, k, v = (
            y.unflatten(-1, (self.heads, -1)).transpose(1, 2)  # (B, H, F or N, K)
            for y in (self.query(self.norm_query(x)), self.key(keys), self.value(keys))
        )
        x = x + self.out(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))
        return x + self.mlp(self.norm_mlp(x))


class CrossFusion(nn.Module):
    """Frame features to fused tokens t_f; learned queries stand in where there are no frames."""

    def __init__(self, config: dict[str, Any], *, vision: bool, regions: int):
        super().__init__()
        D, self.mode, self.regions = config["width"], config["mode"], regions
        self.from_motion = nn.Linear(config["motion_width"], D) if config["motion_width"] != D else None
        self.from_vision = nn.Linear(config["vision_width"], D) if vision else None
        self.queries = None if vision else parameter(config["num_queries"], D)
        self.blocks = nn.ModuleList(CrossBlock(config) for _ in range(config["depth"]))

    def forward(self, vision: Tensor | None, motion: Tensor, frame_mask: Tensor) -> Tensor:
        """(B, F, Dv) or None without vision, (B, T', V, D), (B, F) bool -> (B, F, D)."""
        keys = self._keys(motion)
        x = self.queries.expand(len(motion), -1, -1) if vision is None else self._queries(vision, frame_mask)
        for block in self.blocks:
            x = block(x, keys)
        return x

    def _queries(self, vision: Tensor, frame_mask: Tensor) -> Tensor:
        x = self.from_vision(vision)
        if self.mode == "pooled":
            return masked_mean(x, frame_mask)[:, None].expand_as(x)
        # Which moment a frame shows.
        return x + sinusoid(torch.linspace(-1.0, 1.0, x.shape[1], device=x.device) * 100.0, x.shape[-1])

    def _keys(self, motion: Tensor) -> Tensor:
        pooled = self.mode == "pooled"
        keys = motion.mean(dim=(1, 2))[:, None] if pooled else region_means(motion, motion.shape[1], self.regions)
        return keys if self.from_motion is None else self.from_motion(keys)


class SeverityRegression(nn.Module):
    """Masked mean over F, regression projection, then the head: D -> 128 -> 64 -> 1, unbounded."""

    def __init__(self, config: dict[str, Any]):
        super().__init__()
        D = config["input_width"]
        self.ordinal, self.scale = config["kind"] == "ordinal", config["scale"]
        self.projection = nn.Linear(D, D)
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in itertools.pairwise((D, *config["widths"], 1)))
        if self.ordinal:
            self.first_threshold, self.log_gaps, self.log_scale = parameter(), parameter(GRADES - 2), parameter()

    def forward(self, fused: Tensor, mask: Tensor, extra: Tensor | None) -> dict[str, Tensor]:
        """Reads fused tokens.

        Args:
          fused: t_f (B, F, D).
          mask: (B, F) bool, which of F count.
          extra: (B, D) added to the mean, for conditioning; None for none.

        Returns:
          raw (B,) unclipped; severity (B,) in [0, 4]; grade_distribution (B, 5); interval (B, 2) at 90 percent.
        """
        x = masked_mean(fused, mask)
        x = self.projection(x if extra is None else x + extra)
        for layer in self.layers[:-1]:
            x = F.relu(layer(x))
        output = self.layers[-1](x)[:, 0]
        above = self._above(output)
        ones, zeros = torch.ones_like(above[:, :1]), torch.zeros_like(above[:, :1])
        edges = torch.cat([ones, above, zeros], dim=1)  # P(grade > k) for k = -1..4
        distribution = edges[:, :-1] - edges[:, 1:]
        expected = distribution @ torch.arange(GRADES, dtype=edges.dtype, device=edges.device)
        return {
            "raw": expected if self.ordinal else output,
            "severity": expected if self.ordinal else output.clamp(0.0, GRADES - 1.0),
            "grade_distribution": distribution,
            "interval": quantiles(1.0 - edges),
        }

    def _above(self, output: Tensor) -> Tensor:
        """(B,) -> (B, 4): the probability that the grade is above 0, 1, 2, 3."""
        if self.ordinal:
            gaps = self.log_gaps.exp().cumsum(0)
            thresholds = self.first_threshold + F.pad(gaps, (1, 0))
            return torch.sigmoid((output[:, None] - thresholds) / self.log_scale.exp())
        middles = torch.arange(GRADES - 1, device=output.device) + 0.5
        return torch.special.ndtr((output[:, None] - middles) / self.scale)


def quantiles(cumulative: Tensor) -> Tensor:
    """(B, 2): where the distribution reaches INTERVAL, each grade spread evenly over [grade - 0.5, grade + 0.5].

    Args:
      cumulative: (B, 6), probability below -0.5, 0.5, ..., 4.5.
    """
    wanted = torch.tensor(INTERVAL, dtype=cumulative.dtype, device=cumulative.device).expand(len(cumulative), -1).contiguous()
    after = torch.searchsorted(cumulative.contiguous(), wanted, right=True).clamp(1, GRADES)
    low, high = cumulative.gather(1, after - 1), cumulative.gather(1, after)
    places = after - 1.5 + (wanted - low) / (high - low).clamp(min=torch.finfo(cumulative.dtype).tiny)
    return places.clamp(0.0, GRADES - 1.0)
