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
    """T moments of a clip.

    Attributes:
      frames: (T,) the landmark frame nearest to each moment.
      shares: (T, N) float32, how much of each landmark frame is in a moment, rows sum to 1; None where a moment is its frame.
      seconds: (T,) float64 times of the moments in the clip's clock.
      time_index: (T,) float32, 2 i / T - 1 with i the frame's number in the clip: what the time embedding takes. It starts
        again where a short clip loops, and passes 1 in a long one, as in the reference.
    """

    frames: np.ndarray
    shares: np.ndarray | None
    seconds: np.ndarray
    time_index: np.ndarray

    def sample(self, values: np.ndarray) -> np.ndarray:
        """(N, ...) values of the clip at the window's moments: (T, ...) float32."""
        if self.shares is None:
            return values[self.frames].astype(np.float32)
        return np.tensordot(self.shares, values.astype(np.float32), axes=1)

    def nearest(self, values: np.ndarray) -> np.ndarray:
        """(N, ...) values of the clip at the frame nearest to each moment: (T, ...)."""
        return values[self.frames]


def window_frames(count: int, length: int) -> np.ndarray:
    """(length,) frame numbers: the last `length` of `count`, or all of them again and again from the first."""
    return np.arange(length) % count if count < length else np.arange(count - length, count)


def make_window(times: np.ndarray, length: int, fps: float) -> Window:
    """The window of a clip.

    Args:
      times: (N,) seconds, strictly increasing.
      length: T.
      fps: 0 takes the landmark frames as they are (the reference); else moments per second (ours), so that speeds of different
        cameras compare. A moment is the mean over 1/fps seconds around it: a slow rate loses neither a blink nor the frames
        that average out a tracker's jitter.
    """
    times = np.asarray(times, np.float64)
    if fps <= 0 or len(times) < 2:
        chosen = window_frames(len(times), length)
        return Window(chosen, None, times[chosen], _time_index(chosen, length))
    # A moment that would lie a rounding error behind the last frame still counts.
    seconds = times[0] + np.arange(int((times[-1] - times[0]) * fps + 1e-3) + 1) / fps
    chosen = window_frames(len(seconds), length)
    seconds = seconds[chosen]
    nearest = np.abs(seconds[:, None] - times).argmin(axis=1)
    return Window(nearest, _shares(times, seconds, 1 / fps), seconds, _time_index(chosen, length))


def _time_index(frames: np.ndarray, length: int) -> np.ndarray:
    return (2 * frames / length - 1).astype(np.float32)


def _shares(times: np.ndarray, seconds: np.ndarray, width: float) -> np.ndarray:
    """(T, N): the mean, over `width` around each moment inside the clip, of what is linear between the frames."""
    start, end = (np.clip(seconds + side * width / 2, times[0], times[-1]) for side in (-1, 1))
    return ((_integral(times, end) - _integral(times, start)) / (end - start)[:, None]).astype(np.float32)


def _integral(times: np.ndarray, until: np.ndarray) -> np.ndarray:
    """(T, N): what each frame's value adds to the integral from the first frame to `until` of the line through all frames."""
    gaps = np.diff(times)
    segment = np.clip(np.searchsorted(times, until, side="right") - 1, 0, len(gaps) - 1)
    rows = np.arange(len(until))
    whole = np.where(np.arange(len(gaps)) < segment[:, None], gaps, 0.0)
    added = np.zeros((len(until), len(times)))
    added[:, :-1] += whole / 2
    added[:, 1:] += whole / 2
    gap = gaps[segment]
    part = (until - times[segment]) / gap
    added[rows, segment] += gap * (part - part**2 / 2)
    added[rows, segment + 1] += gap * part**2 / 2
    return added


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
