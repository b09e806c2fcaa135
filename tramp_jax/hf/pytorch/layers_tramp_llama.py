"""Small pieces that several blocks share. Parameters keep the names and, but for linears, the layouts of tramp-jax."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

NORM_EPSILON = 1e-5  # of every norm outside the vision tower and the language model


def parameter(*shape: int) -> nn.Parameter:
    """A parameter with small random values, until a checkpoint fills it."""
    return nn.Parameter(0.02 * torch.randn(shape))


def sinusoid(positions: Tensor, width: int) -> Tensor:
    """Sine in the even and cosine in the odd channels, wavelengths up to 10,000: (...,) -> (..., width) float32."""
    steps = torch.arange(0, width, 2, dtype=torch.float32, device=positions.device)
    angles = positions[..., None].float() * torch.exp(steps * (-math.log(10_000.0) / width))
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(-2)


def masked_mean(x: Tensor, mask: Tensor) -> Tensor:
    """(B, F, D) and (B, F) bool -> (B, D), over the F that count."""
    mask = mask.to(x.dtype)
    return torch.einsum("bfd,bf->bd", x, mask / mask.sum(dim=1, keepdim=True).clamp(min=1))


def region_means(motion: Tensor, segments: int, regions: int) -> Tensor:
    """(B, T', V, D) -> (B, segments * regions, D): means over the landmarks of a region and a segment of time."""
    B, T, V, D = motion.shape
    grouped = motion.reshape(B, segments, T // segments, regions, V // regions, D)
    return grouped.mean(dim=(2, 4)).reshape(B, segments * regions, D)


def casting_only(weights: Iterable[nn.Parameter], fn: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """`fn` of `nn.Module._apply`, its change of dtype for these weights alone; devices change for every tensor.

    Buffers beside the weights keep their dtype too: a LLaMA's rotary frequencies in half precision lose distant positions.
    """
    cast = {id(tensor) for weight in weights for tensor in (weight, weight.grad)}

    def moved(tensor: Tensor) -> Tensor:
        found = fn(tensor)
        return found if found.dtype == tensor.dtype or id(tensor) in cast else tensor.to(found.device)

    return moved


class Mlp(nn.Module):
    """Linear, exact GELU, linear."""

    def __init__(self, width: int, hidden: int):
        super().__init__()
        self.up = nn.Linear(width, hidden)
        self.down = nn.Linear(hidden, width)

    def forward(self, x: Tensor) -> Tensor:
        """(..., width) -> (..., width)."""
        return self.down(F.gelu(self.up(x)))


class TemporalConv(nn.Module):
    """A convolution over time, the same for every landmark. The kernel is (taps, groups, in, out) as in tramp-jax."""

    def __init__(self, d_in: int, d_out: int, *, kernel_size: int, stride: int, groups: int):
        super().__init__()
        self.kernel = parameter(kernel_size, groups, d_in // groups, d_out // groups)
        self.bias = parameter(d_out)
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, V, d_in) -> (B, ceil(T / stride), V, d_out)."""
        taps, groups, d_in, d_out = self.kernel.shape
        weight = self.kernel.permute(1, 3, 2, 0).reshape(groups * d_out, d_in, taps, 1)
        padding = ((taps - 1) // 2, 0)
        y = F.conv2d(x.permute(0, 3, 1, 2), weight, self.bias, stride=(self.stride, 1), padding=padding, groups=groups)
        return y.permute(0, 2, 3, 1)


class RunningNorm(nn.Module):
    """BatchNorm over the last axis with the statistics of training."""

    def __init__(self, width: int):
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(width)), nn.Parameter(torch.zeros(width))
        self.register_buffer("running_mean", torch.zeros(width))
        self.register_buffer("running_var", torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        """(..., width) -> (..., width)."""
        scale = self.weight * torch.rsqrt(self.running_var + NORM_EPSILON)
        return (x - self.running_mean) * scale + self.bias
