"""A small TraMP-Former in PyTorch with the tensor names of the released code, written from its description: what the import of
its checkpoints must equal. Only Former-DFER is absent: its features are an input.

B batch, D channels, T frames, V landmarks.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812
from torch_reference_motion import attend


class Attention(nn.Module):
    def __init__(self, table, heads):
        super().__init__()
        self.relative_position_bias_table = nn.Parameter(torch.zeros(*table, heads))
        self.register_buffer("relative_position_index", torch.zeros(table[0], dtype=torch.long))


class Mlp(nn.Module):
    def __init__(self, width, hidden):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(width, hidden), nn.Linear(hidden, width)

    def forward(self, x):
        return self.fc2(F.gelu(self.fc1(x)))


class Transformer(nn.Module):
    def __init__(self, width, config):
        super().__init__()
        self.config, groups = config, config.heads // 4
        R, L = config.regions, config.landmarks // config.regions
        near, far = 2 * config.consecutive_frames - 1, 2 * config.max_strided_frames - 1
        self.norm_1, self.norm_2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.mapping = nn.Linear(width, 2 * width)
        self.gconv = nn.Parameter(torch.zeros(groups, R * L, R * L))
        taps = config.kernel_size
        self.tconv = nn.Conv2d(width // 4, width // 4, (taps, 1), padding=((taps - 1) // 2, 0), groups=groups)
        tables = ((near,), (near, R, R), (far,), (far, R, R))
        self.attention = nn.ModuleList([Attention(table, config.heads // 8) for table in tables])
        self.proj = nn.Linear(width, width)
        self.mlp = Mlp(width, int(config.mlp_ratio * width))

    def forward(self, x):
        x = x.permute(0, 2, 3, 1)
        mixed = self.mapping(self.norm_1(x)).permute(0, 3, 1, 2)
        quarter = x.shape[-1] // 4
        graph, time, rest = mixed.split([quarter, quarter, 6 * quarter], dim=1)
        parts = graph.chunk(len(self.gconv), dim=1)
        branches = [torch.einsum("bctu,vu->bctv", part, matrix) for part, matrix in zip(parts, self.gconv, strict=True)]
        branches.append(self.tconv(time))
        for kind, (attention, qkv) in enumerate(zip(self.attention, rest.chunk(4, dim=1), strict=True), start=1):
            branches.append(attend(attention.relative_position_bias_table, qkv, kind, self.config))
        x = x + self.proj(torch.cat(branches, dim=1).permute(0, 2, 3, 1))
        x = x + self.mlp(self.norm_2(x))
        return x.permute(0, 3, 1, 2)


class Downsample(nn.Module):
    def __init__(self, width_in, width_out, taps):
        super().__init__()
        self.reduction = nn.Conv2d(width_in, width_out, (taps, 1), stride=(2, 1), padding=((taps - 1) // 2, 0))
        self.bn = nn.BatchNorm2d(width_out)

    def forward(self, x):
        return self.bn(self.reduction(x))


class Block(nn.Module):
    def __init__(self, width_in, width, config, halve):
        super().__init__()
        self.downsample = Downsample(width_in, width, config.kernel_size) if halve else None
        self.transformer = Transformer(width, config)

    def forward(self, x):
        return self.transformer(x if self.downsample is None else self.downsample(x))


class Stage(nn.Module):
    def __init__(self, blocks):
        super().__init__()
        self.blocks = nn.Sequential(*blocks)


class SkateFormer(nn.Module):
    def __init__(self, config):
        super().__init__()
        C, widths = config.features, config.channels
        convs = [nn.Conv2d(a, b, 1) for a, b in ((C, 2 * C), (2 * C, 3 * C), (3 * C, widths[0]))]
        self.stem = nn.ModuleList([convs[0], nn.GELU(), convs[1], nn.GELU(), convs[2]])
        self.joint_person_embedding = nn.Parameter(torch.zeros(widths[0], config.landmarks))
        stages = []
        for i, (width, depth) in enumerate(zip(widths, config.depths, strict=True)):
            before = [widths[max(i - 1, 0)], *[width] * (depth - 1)]
            stages.append(Stage([Block(a, width, config, i > 0 and j == 0) for j, a in enumerate(before)]))
        self.stages = nn.ModuleList(stages)

    def forward(self, trajectory, time):
        """(B, T, V, C), (B, T) -> (B, D)."""
        x = trajectory.permute(0, 3, 1, 2)
        for layer in self.stem:
            x = layer(x)
        width = x.shape[1]
        angles = time[..., None] * 10000.0 ** (-torch.arange(0, width, 2) / width)
        clock = torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(2)
        x = x + torch.einsum("btc,cv->bctv", clock, self.joint_person_embedding)
        for stage in self.stages:
            x = stage.blocks(x)
        return x.mean(dim=(2, 3))


class CrossAttention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.q_map, self.k_map, self.v_map = (nn.Linear(width, width, bias=False) for _ in range(3))
        self.proj = nn.Linear(width, width)

    def forward(self, x, motion):
        q, k, v = (
            y.unflatten(-1, (self.heads, -1)).transpose(1, 2) for y in (self.q_map(x), self.k_map(motion), self.v_map(motion))
        )
        return self.proj(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))


class Decoder(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.norm_q, self.norm_v, self.norm2 = (nn.LayerNorm(width) for _ in range(3))
        self.attn, self.mlp = CrossAttention(width, heads), Mlp(width, 4 * width)

    def forward(self, x, motion):
        x = x + self.attn(self.norm_q(x), self.norm_v(motion))
        return x + self.mlp(self.norm2(x))


class Fusion(nn.Module):
    def __init__(self, width, heads, depth):
        super().__init__()
        self.model = nn.ModuleList([Decoder(width, heads) for _ in range(depth)])


class Head(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.layer1, self.layer2 = nn.Linear(width, width // 2), nn.Linear(width // 2, width // 4)
        self.layer3 = nn.Linear(width // 4, 1)


class TrampFormer(nn.Module):
    def __init__(self, config, *, fusion_heads, fusion_depth, rgb_width):
        super().__init__()
        width = config.channels[-1]
        self.encoder = SkateFormer(config)
        self.rgb_encoder = nn.Linear(3, 3)  # in the place of Former-DFER, which the import leaves out
        self.rgb_transform = nn.Linear(rgb_width, width)
        self.fusion = Fusion(width, fusion_heads, fusion_depth)
        self.evaluator = Head(width)

    def forward(self, frame, trajectory, time):
        """(B, D) the projected mean frame, (B, T, V, C), (B, T) -> score (B,)."""
        x, motion = frame[:, None], self.encoder(trajectory, time)[:, None]
        for block in self.fusion.model:
            x = block(x, motion)
        x = F.relu(self.evaluator.layer2(F.relu(self.evaluator.layer1(x.mean(1)))))
        return self.evaluator.layer3(x)[:, 0]
