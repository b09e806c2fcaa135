"""Which moments of a clip a training example shows, for landmarks and RGB frames alike.

Axes: N landmark frames of the clip, T window length (trajectory frames), F RGB frames, M frames after resampling.

The window is TraMP-Former's (references: tramp_lineage.md section 2.2): the last T frames of a long clip, a short one looped
from its start, in training and evaluation. Its code draws RGB frames from a window of their own; here they are aligned (ours).
"""

from __future__ import annotations

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class Window:
    """T moments of a clip, each between two of its landmark frames.

    Attributes:
      lower, upper: (T,) landmark frames on either side; equal without resampling.
      fraction: (T,) float32, 0 at `lower` and 1 at `upper`.
      seconds: (T,) float64 times of the moments in the clip's clock.
      time_index: (T,) float32, 2 i / T - 1 with i the frame's number in the clip: what the time embedding takes. It starts
        again where a short clip loops, and passes 1 in a long one, as in the reference.
    """

    lower: np.ndarray
    upper: np.ndarray
    fraction: np.ndarray
    seconds: np.ndarray
    time_index: np.ndarray

    def sample(self, values: np.ndarray) -> np.ndarray:
        """(N, ...) values of the clip at the window's moments, linear in between: (T, ...) float32."""
        below = values[self.lower].astype(np.float32)
        if not self.fraction.any():
            return below
        weight = self.fraction.reshape(-1, *[1] * (values.ndim - 1))
        return below + weight * (values[self.upper].astype(np.float32) - below)

    def nearest(self, values: np.ndarray) -> np.ndarray:
        """(N, ...) values of the clip at the frame nearest to each moment: (T, ...)."""
        return values[np.where(self.fraction < 0.5, self.lower, self.upper)]


def window_frames(count: int, length: int) -> np.ndarray:
    """(length,) frame numbers: the last `length` of `count`, or all of them again and again from the first."""
    return np.arange(length) % count if count < length else np.arange(count - length, count)


def make_window(times: np.ndarray, length: int, fps: float) -> Window:
    """The window of a clip.

    Args:
      times: (N,) seconds, strictly increasing.
      length: T.
      fps: 0 takes the landmark frames as they are (the reference); else frames per second to resample to first (ours), so
        that speeds are comparable between cameras.
    """
    times = np.asarray(times, np.float64)
    position, seconds = np.arange(len(times), dtype=np.float64), times
    if fps > 0:
        # A frame that would lie a rounding error behind the last one still counts.
        seconds = times[0] + np.arange(int((times[-1] - times[0]) * fps + 1e-3) + 1) / fps
        position = np.interp(seconds, times, position)
    chosen = window_frames(len(position), length)
    lower = np.floor(position[chosen]).astype(np.int64)
    return Window(
        lower=lower,
        upper=np.minimum(lower + 1, len(times) - 1) if fps > 0 else lower,
        fraction=(position[chosen] - lower).astype(np.float32),
        seconds=seconds[chosen],
        time_index=(2 * chosen / length - 1).astype(np.float32),
    )


def aligned_frames(window: Window, stored_seconds: np.ndarray, count: int) -> np.ndarray:
    """Which stored RGB frames go with a window: `count` moments evenly spaced over it, the stored frame nearest in time.

    Args:
      window: T moments.
      stored_seconds: (F_stored,) times of the stored frames, increasing, at least one.
      count: F.

    Returns:
      (F,) positions in `stored_seconds`.
    """
    moments = window.seconds[np.round(np.linspace(0, len(window.seconds) - 1, count)).astype(np.int64)]
    return np.abs(moments[:, None] - np.asarray(stored_seconds, np.float64)).argmin(axis=1)
