"""From aligned tokens to one curve per region and side, on a uniform time base.

Axes: T frames of the clip, T' samples of the uniform time base, V = 63 landmark tokens.

Excursions are measured in the frontal plane of the head: depth from one camera is a guess, and layouts without depth stay
comparable. All but the eyes is low-passed (a blink is faster). The constants are ours.
"""

from __future__ import annotations

import numpy as np
from scipy import fft

from input_pipeline.motion import layouts, movements

SIDES = ("left", "right")
PAIRED = ("mouth_corner", "brow", "eye")

_CUTOFF = 6.0
# A longer stretch without a tracked frame is not counted, even where no frame says that it was lost.
_LONGEST_GAP = 0.25

CORNERS = {side: list(layouts.MOUTH_CORNER[side]) for side in SIDES}
BROWS = {side: list(layouts.BROW_INNER[side]) for side in SIDES}
JAW = list(layouts.LOWER_LIP_OUTER)


def uniform_times(times: np.ndarray) -> tuple[np.ndarray, float]:
    """(T,) seconds -> (T',) samples from the first time at the median rate, and that rate per second."""
    step = float(np.median(np.diff(times)))
    count = int((times[-1] - times[0]) / step + 1e-6) + 1
    return times[0] + step * np.arange(count), 1 / step


def seen_samples(grid: np.ndarray, times: np.ndarray, tracked: np.ndarray, fps: float) -> np.ndarray:
    """(T',) whether a sample rests on tracked frames: the nearest frame is tracked, and no long gap is around it."""
    nearest = np.searchsorted((times[1:] + times[:-1]) / 2, grid)
    known = times[tracked]
    after = np.searchsorted(known, grid - 0.5 / fps).clip(0, len(known) - 1)
    before = (np.searchsorted(known, grid + 0.5 / fps, side="right") - 1).clip(0)
    return tracked[nearest] & (known[after] - known[before] <= _LONGEST_GAP)


def resample(tokens: np.ndarray, times: np.ndarray, grid: np.ndarray) -> np.ndarray:
    """(T, V, C) at `times` -> (T', V, C) at `grid`, linear, constant beyond the ends."""
    after = np.searchsorted(times, grid).clip(1, len(times) - 1)
    share = ((grid - times[after - 1]) / (times[after] - times[after - 1])).clip(0, 1)[:, None, None]
    return (1 - share) * tokens[after - 1] + share * tokens[after]


def low_pass(curve: np.ndarray, fps: float) -> np.ndarray:
    """Zero-phase low-pass along the first axis, the ends reflected: half of the amplitude is left at the cutoff.

    The gain is that of a second-order Butterworth filter run forwards and backwards.
    """
    spectrum = fft.dct(curve, axis=0, norm="ortho")
    gain = low_pass_gain(np.arange(len(curve)) * fps / (2 * len(curve)))
    return fft.idct(spectrum * gain.reshape(-1, *[1] * (curve.ndim - 1)), axis=0, norm="ortho")


def low_pass_gain(frequency: np.ndarray) -> np.ndarray:
    """Amplitude that `low_pass` leaves of each frequency in Hz."""
    return 1 / (1 + np.power(frequency / _CUTOFF, 4))


def jitter(tokens: np.ndarray, tracked: np.ndarray) -> np.ndarray:
    """(63,) standard deviation of one coordinate, from second differences of frames that follow each other."""
    index = np.flatnonzero(tracked)
    follows = index[2:] - index[:-2] == 2
    if not follows.any():
        return np.zeros(layouts.NUM_TOKENS)
    plane = tokens[:, :, :2]
    bend = np.abs((plane[2:] - 2 * plane[1:-1] + plane[:-2])[follows])
    # The median along the last axis of a contiguous array is several times as fast.
    return 1.4826 * np.median(np.ascontiguousarray(bend.T), axis=-1).mean(axis=0) / np.sqrt(6)


def region_curves(raw: np.ndarray, smooth: np.ndarray, neutral: np.ndarray) -> dict[str, np.ndarray]:
    """The curves of `kinematics.Kinematics`.

    Args:
      raw: (T', 63, 2) tokens in the frontal plane of the head frame, IOD.
      smooth: the same, low-passed.
      neutral: (63, 3).
    """
    places = {f"mouth_corner/{side}": CORNERS[side] for side in SIDES}
    places |= {f"brow/{side}": BROWS[side] for side in SIDES} | {"jaw/both": JAW}
    curves = {}
    for name, tokens in places.items():
        moved = smooth[:, tokens].mean(axis=1) - neutral[tokens, :2].mean(axis=0)
        curves[name] = np.hypot(moved[:, 0], moved[:, 1])
    for side in SIDES:
        curves[f"eye/{side}"] = _gap(raw, layouts.LID_PAIRS[side])
    curves["lips/both"] = _gap(smooth, layouts.INNER_LIP_PAIRS)
    return curves


def _gap(tokens: np.ndarray, pairs: tuple[tuple[int, int], ...]) -> np.ndarray:
    upper, lower = (tokens[:, list(side)] for side in zip(*pairs, strict=True))
    between = lower - upper
    return np.hypot(between[..., 0], between[..., 1]).mean(axis=1)


def excursions(curves: dict[str, np.ndarray], opened: dict[str, float], fps: float) -> dict[str, np.ndarray]:
    """Region/side -> (T',) distance from rest; for the eyes how much a lasting closure narrows them.

    Args:
      curves: of `region_curves`.
      opened: `open_aperture` of each side.
    """
    out = {name: curve for name, curve in curves.items() if name.split("/")[0] in ("mouth_corner", "brow", "jaw")}
    narrowed = [opened[side] - movements.sustained(curves[f"eye/{side}"], fps) for side in SIDES]
    out |= {f"eye/{side}": curve for side, curve in zip(SIDES, low_pass(np.stack(narrowed, axis=1), fps).T, strict=True)}
    for region in PAIRED:
        out[f"{region}/both"] = (out[f"{region}/left"] + out[f"{region}/right"]) / 2
    return out


def open_aperture(aperture: np.ndarray, seen: np.ndarray, fps: float) -> float:
    """Aperture of the open eye, whatever part of the clip it is closed: the median of the clip's open samples.

    Open is what lies above the middle between the deepest lasting closure and the 90th percentile, blinks left out.
    """
    lasting = np.sort(movements.sustained(aperture, fps)[seen])
    middle = (lasting[0] + lasting[int(0.9 * (len(lasting) - 1))]) / 2
    return max(float(np.median(lasting[lasting >= middle])), 1e-6)
