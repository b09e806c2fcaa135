"""The motion encoder: TraMP-Former's variant of SkateFormer over landmark trajectories.

B batch, T trajectory frames (T' after the last stage), V landmark tokens (R regions x L, region-major), C features per
landmark, D width, H heads, K head dim, W windows of N frames x J landmarks.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from .layers_tramp_llama import NORM_EPSILON, Mlp, RunningNorm, TemporalConv, parameter, sinusoid

PARTITIONS = (1, 2, 3, 4)


class SkateAttention(nn.Module):
    """Self-attention inside the windows of one partition, with a learned relative bias.

    Windows of kinds 1 and 2 are N consecutive frames, those of 3 and 4 N frames strided over the clip; windows of kinds 1 and
    3 are the landmarks of one region, those of 2 and 4 the same place in each region.
    """

    def __init__(self, kind: int, config: dict[str, Any]):
        super().__init__()
        strided, self.across_regions = kind in (3, 4), kind in (2, 4)
        self.heads, self.regions = config["heads"] // (2 * len(PARTITIONS)), config["regions"]
        self.frames = config["strided_frames"] if strided else config["consecutive_frames"]
        self.joints = self.regions if self.across_regions else config["landmarks"] // self.regions
        self.strided, self.tiled = strided, config["tiled_bias"]
        # Axes (B, time, time, R, L, features) in the order (B, time windows, landmark windows, N, J, features).
        window_time, inner_time = (2, 1) if strided else (1, 2)
        window_joint, inner_joint = (4, 3) if self.across_regions else (3, 4)
        self.order = (0, window_time, window_joint, inner_time, inner_joint, 5)
        table_frames = config["max_strided_frames"] if strided else self.frames
        joints = (self.joints, self.joints) if self.across_regions else ()
        self.bias_table = parameter(2 * table_frames - 1, *joints, self.heads)

    def forward(self, qkv: Tensor) -> Tensor:
        """(B, T, V, 3 * H * K) -> (B, T, V, H * K); the three parts are query, key, value."""
        _, T, V, _ = qkv.shape
        windows = self._split(qkv)
        q, k, v = windows.unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)  # each (B * W, H, N * J, K)
        # The scale is TraMP-Former's: of the number of heads, where others take the head dim.
        found = F.scaled_dot_product_attention(q, k, v, attn_mask=self._bias().to(q.dtype), scale=self.heads**-0.5)
        return self._join(found.transpose(1, 2).flatten(2), T, V)

    def _split(self, x: Tensor) -> Tensor:
        """(B, T, V, E) -> (B * W, N * J, E)."""
        B, T, V, E = x.shape
        time = (self.frames, T // self.frames) if self.strided else (T // self.frames, self.frames)
        x = x.reshape(B, *time, self.regions, V // self.regions, E).permute(self.order)
        return x.reshape(-1, self.frames * self.joints, E)

    def _join(self, windows: Tensor, T: int, V: int) -> Tensor:
        """The inverse of `_split`."""
        E = windows.shape[-1]
        x = windows.reshape(-1, T // self.frames, V // self.joints, self.frames, self.joints, E)
        return x.permute([self.order.index(axis) for axis in range(6)]).reshape(x.shape[0], T, V, E)

    def _bias(self) -> Tensor:
        """(H, N * J, N * J). As released: the first 2N - 1 rows serve a window of N frames, row N - 1 is the offset 0."""
        N, J = self.frames, self.joints
        place = torch.arange(N, device=self.bias_table.device)
        bias = self.bias_table[place[:, None] - place[None, :] + N - 1]
        if self.across_regions:  # (N, N, J, J, H)
            bias = bias.permute(4, 0, 2, 1, 3)
        elif self.tiled:  # (N, N, H), token k taken for frame k mod N
            bias = bias.permute(2, 0, 1).repeat(1, J, J)
        else:  # (N, N, H): one value for all pairs of landmarks
            bias = bias.permute(2, 0, 1)[:, :, None, :, None].expand(-1, -1, J, -1, J)
        return bias.reshape(self.heads, N * J, N * J)


class GraphConv(nn.Module):
    """Mixes the landmarks with one learned V x V matrix per group of channels."""

    def __init__(self, landmarks: int, groups: int):
        super().__init__()
        self.adjacency = parameter(groups, landmarks, landmarks)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, V, D) -> (B, T, V, D)."""
        grouped = x.unflatten(-1, (self.adjacency.shape[0], -1))
        return torch.einsum("gvu,btugd->btvgd", self.adjacency, grouped).flatten(-2)


class Downsample(nn.Module):
    """Convolution of stride 2 in time, then BatchNorm: halves T and changes the width."""

    def __init__(self, d_in: int, d_out: int, kernel_size: int):
        super().__init__()
        self.conv = TemporalConv(d_in, d_out, kernel_size=kernel_size, stride=2, groups=1)
        self.norm = RunningNorm(d_out)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, V, d_in) -> (B, T / 2, V, d_out)."""
        return self.norm(self.conv(x))


class SkateBlock(nn.Module):
    """[Downsample], then G-Conv, T-Conv and four partition attentions side by side, then an MLP."""

    def __init__(self, d_in: int, width: int, config: dict[str, Any], *, downsample: bool):
        super().__init__()
        groups, quarter, kernel_size = config["heads"] // 4, width // 4, config["kernel_size"]
        self.downsample = Downsample(d_in, width, kernel_size) if downsample else None
        self.norm_1 = nn.LayerNorm(width, eps=NORM_EPSILON)
        self.mapping = nn.Linear(width, 2 * width)
        self.graph_conv = GraphConv(config["landmarks"], groups)
        self.time_conv = TemporalConv(quarter, quarter, kernel_size=kernel_size, stride=1, groups=groups)
        self.attention = nn.ModuleList(SkateAttention(kind, config) for kind in PARTITIONS)
        self.projection = nn.Linear(width, width)
        self.norm_2 = nn.LayerNorm(width, eps=NORM_EPSILON)
        self.mlp = Mlp(width, int(config["mlp_ratio"] * width))
        self.parts = (quarter, quarter, *(3 * quarter // 2,) * len(PARTITIONS))

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, V, d_in) -> (B, T or T / 2, V, width)."""
        if self.downsample is not None:
            x = self.downsample(x)
        graph, time, *qkvs = self.mapping(self.norm_1(x)).split(self.parts, dim=-1)
        attended = [attention(qkv) for attention, qkv in zip(self.attention, qkvs, strict=True)]
        x = x + self.projection(torch.cat([self.graph_conv(graph), self.time_conv(time), *attended], dim=-1))
        return x + self.mlp(self.norm_2(x))


class Stage(nn.Module):
    """Blocks of one width."""

    def __init__(self, d_in: int, width: int, depth: int, config: dict[str, Any], *, downsample: bool):
        super().__init__()
        widths = [d_in] + [width] * (depth - 1)
        self.blocks = nn.ModuleList(
            SkateBlock(before, width, config, downsample=downsample and index == 0) for index, before in enumerate(widths)
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, V, d_in) -> (B, T or T / 2, V, width)."""
        for block in self.blocks:
            x = block(x)
        return x


class MotionEncoder(nn.Module):
    """Landmark trajectories to motion tokens t_m: a stem, the Skate-Embedding, stages of blocks."""

    def __init__(self, config: dict[str, Any]):
        super().__init__()
        channels, self.patch = config["channels"], config["time_patch"]
        C, D = config["features"] * self.patch, channels[0]
        self.stem = nn.ModuleList(nn.Linear(a, b) for a, b in ((C, 2 * C), (2 * C, 3 * C), (3 * C, D)))
        self.landmark_embedding = parameter(config["landmarks"], D)
        self.stages = nn.ModuleList(
            Stage(channels[max(index - 1, 0)], width, depth, config, downsample=index > 0)
            for index, (width, depth) in enumerate(zip(channels, config["depths"], strict=True))
        )

    def forward(self, trajectory: Tensor, time_index: Tensor) -> Tensor:
        """(B, T, V, C) and (B, T), 2 * frame / frames of the clip - 1, -> (B, T', V, D)."""
        if self.patch > 1:  # consecutive frames are one time step: (B, T / P, V, P * C)
            frames = trajectory.unflatten(1, (-1, self.patch))
            trajectory = frames.transpose(2, 3).flatten(3)
            time_index = time_index.unflatten(1, (-1, self.patch)).mean(dim=-1)
        first, second, third = self.stem
        x = third(F.gelu(second(F.gelu(first(trajectory)))))
        x = x + sinusoid(time_index, x.shape[-1])[:, :, None, :] * self.landmark_embedding
        for stage in self.stages:
            x = stage(x)
        return x
