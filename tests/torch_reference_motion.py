"""TraMP-Former's motion encoder, fusion and head in PyTorch, written from their description: what the JAX ones must equal.

Channels first as in the released modules, torch's own convolutions and norms, and windows as lists of tokens instead of
reshapes, so that it shares no idea with the code under test. B batch, D channels, T frames, V landmarks, R regions.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812


def tensors(tree):
    """Nested dicts of arrays to nested dicts of torch tensors."""
    if isinstance(tree, dict):
        return {key: tensors(value) for key, value in tree.items()}
    return torch.from_numpy(np.array(tree, np.float32))


def dense(p, x):
    return F.linear(x, p["kernel"].T, p.get("bias"))


def norm(p, x):
    return F.layer_norm(x, x.shape[-1:], p["scale"], p["bias"], eps=1e-5)


def conv_over_time(p, x, stride):
    taps, groups, d_in, d_out = p["kernel"].shape
    weight = p["kernel"].permute(1, 3, 2, 0).reshape(groups * d_out, d_in, taps, 1)
    return F.conv2d(x, weight, p["bias"], stride=(stride, 1), padding=((taps - 1) // 2, 0), groups=groups)


def encode(params, stats, trajectory, time_index, config):
    """(B, T, V, C), (B, T) -> tokens (B, T', V, D) and their mean (B, D), in evaluation mode."""
    x = dense(params["stem"][2], F.gelu(dense(params["stem"][1], F.gelu(dense(params["stem"][0], trajectory)))))
    width = x.shape[-1]
    steps = torch.exp(torch.arange(0, width, 2) * (-np.log(10000.0) / width))
    time = torch.zeros(*time_index.shape, width)
    time[..., 0::2] = torch.sin(time_index[..., None] * steps)
    time[..., 1::2] = torch.cos(time_index[..., None] * steps)
    x = x + torch.einsum("btd,vd->btvd", time, params["landmark_embedding"])
    x = x.permute(0, 3, 1, 2)
    for index, stage in params["stages"].items():
        for number, p in stage["blocks"].items():
            if "downsample" in p:
                running = stats["stages"][index]["blocks"][number]["downsample"]["norm"]
                x = conv_over_time(p["downsample"]["conv"], x, 2)
                bn = p["downsample"]["norm"]
                x = F.batch_norm(x, running["mean"], running["var"], bn["scale"], bn["bias"], eps=1e-5)
            x = block(p, x, config)
    tokens = x.permute(0, 2, 3, 1)
    return tokens, tokens.mean(dim=(1, 2))


def block(p, x, config):
    """(B, D, T, V) -> (B, D, T, V)."""
    D = x.shape[1]
    skip = x.permute(0, 2, 3, 1)
    y = dense(p["mapping"], norm(p["norm_1"], skip)).permute(0, 3, 1, 2)
    conv, attention = y[:, : D // 2], y[:, D // 2 :]
    outputs = []
    for matrix, part in zip(p["graph_conv"]["adjacency"], conv[:, : D // 4].chunk(config.heads // 4, 1), strict=True):
        outputs.append(torch.einsum("bctu,vu->bctv", part, matrix))
    outputs.append(conv_over_time(p["time_conv"], conv[:, D // 4 :], 1))
    for kind, part in enumerate(attention.chunk(4, 1), start=1):
        outputs.append(attend(p["attention"][kind - 1]["bias_table"], part, kind, config))
    x = skip + dense(p["projection"], torch.cat(outputs, 1).permute(0, 2, 3, 1))
    x = x + dense(p["mlp"]["down"], F.gelu(dense(p["mlp"]["up"], norm(p["norm_2"], x))))
    return x.permute(0, 3, 1, 2)


def windows(kind, frames, config):
    """Each window as a list of (frame, landmark), frame-major."""
    V, L = config.landmarks, config.landmarks // config.regions
    if kind in (1, 2):
        times = [range(start, start + config.consecutive_frames) for start in range(0, frames, config.consecutive_frames)]
    else:
        step = frames // config.strided_frames
        times = [range(start, frames, step) for start in range(step)]
    if kind in (1, 3):
        joints = [range(start, start + L) for start in range(0, V, L)]
    else:
        joints = [range(start, V, L) for start in range(L)]
    return [[(t, v) for t in time for v in joint] for time in times for joint in joints]


def attend(table, qkv, kind, config):
    """(B, 3 * H * K, T, V) -> (B, H * K, T, V)."""
    B, width, T, V = qkv.shape
    heads = config.heads // 8
    out = torch.zeros(B, width // 3, T, V)
    for window in windows(kind, T, config):
        t = torch.tensor([frame for frame, _ in window])
        v = torch.tensor([landmark for _, landmark in window])
        q, k, value = qkv[:, :, t, v].reshape(B, 3, heads, width // 3 // heads, len(window)).unbind(1)
        logits = torch.einsum("bhdn,bhdm->bhnm", q, k) * heads**-0.5 + relative_bias(table, window, kind, config)
        found = torch.einsum("bhnm,bhdm->bhdn", logits.softmax(-1), value)
        out[:, :, t, v] = found.reshape(B, width // 3, len(window))
    return out


def relative_bias(table, window, kind, config):
    frames = config.consecutive_frames if kind in (1, 2) else config.strided_frames
    joints = len(window) // frames
    place = torch.arange(len(window))
    offset = (place[:, None] // joints) - (place[None, :] // joints) + frames - 1
    if kind in (1, 3) and config.tiled_bias:
        offset = (place[:, None] % frames) - (place[None, :] % frames) + frames - 1
    if kind in (1, 3):
        return table[offset].permute(2, 0, 1)
    return table[offset, place[:, None] % joints, place[None, :] % joints].permute(2, 0, 1)


def fuse(params, queries, keys, heads):
    """(B, Q, D), (B, N, D) -> (B, Q, D): the fusion blocks of TraMP-Former, with torch's own attention."""
    x = queries
    for p in params["blocks"].values():
        q, kv = norm(p["norm_query"], x), norm(p["norm_key_value"], keys)

        def by_head(name, z, p=p):
            return dense(p[name], z).unflatten(-1, (heads, -1)).transpose(1, 2)

        found = F.scaled_dot_product_attention(by_head("query", q), by_head("key", kv), by_head("value", kv))
        x = x + dense(p["out"], found.transpose(1, 2).flatten(2))
        x = x + dense(p["mlp"]["down"], F.gelu(dense(p["mlp"]["up"], norm(p["norm_mlp"], x))))
    return x


def head(params, x):
    """(B, D) -> (B,): ReLU between the layers, none after the last."""
    layers = list(params["layers"].values())
    for p in layers[:-1]:
        x = F.relu(dense(p, x))
    return dense(layers[-1], x)[..., 0]


def balanced_mse(prediction, target, sigma):
    """Ren et al.'s Balanced MSE with batch Monte Carlo: which of the batch's labels does each prediction belong to?"""
    logits = -0.5 * (prediction[:, None] - target[None, :]).pow(2) / sigma**2
    return F.cross_entropy(logits, torch.arange(len(target))) * 2 * sigma**2
