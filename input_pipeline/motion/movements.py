"""Measures of one-dimensional motion curves: onset, hold, fading, smoothness, lag, blinks, tremor.

Axes: T samples of a uniform time base. Curves are in IOD (see layouts.inter_ocular_distance). `tracked` (T,) marks samples
that were seen; the others are interpolated and are never counted.

Definitions follow the families of the reference (seke_and_evaluation.md B.1); every constant is ours.
"""

from __future__ import annotations

import dataclasses
import functools

import numpy as np
from scipy import ndimage, signal

# An apex is the level that is held for this long, so that one bad frame is none.
_APEX_SECONDS = 0.1
_SPARC_CUTOFF, _SPARC_FLOOR, _SPARC_SAMPLES = 10.0, 0.05, 64
_MAX_LAG = 0.5
# A dip of the eye's aperture that is over within this time is a blink, a longer one is a closure.
BLINK_SECONDS = 0.6
_BLINK_GAP = 0.15
TREMOR_BAND, _TREMOR_NOISE_ABOVE, _TREMOR_WINDOW, _TREMOR_MIN_FPS = (3.0, 7.0), 7.5, 1.0, 17.0


@dataclasses.dataclass(frozen=True)
class Movement:
    """The largest movement of a curve; all zero where none rises above the noise.

    Attributes:
      peak_speed: fastest rise between 10 and 90 percent of the apex, IOD/s.
      onset: seconds from 10 to 90 percent of the apex, on the first way up to it.
      offset: seconds from 90 to 10 percent on the last way down, 0 where the clip ends before.
      hold: share of the time from reaching 90 percent to the end of the clip that is spent above 80 percent, 0..1.
      decrement: share of the apex that is lost per second while held; negative where the movement grows. Theil-Sen slope
        from reaching 90 percent to the last moment above 50 percent, so that the release at the end weighs little.
      smoothness: spectral arc length (SPARC, Balasubramanian 2015) of the onset's speed; -1.6 is smooth, lower is less so.
    """

    peak_speed: float = 0.0
    onset: float = 0.0
    offset: float = 0.0
    hold: float = 0.0
    decrement: float = 0.0
    smoothness: float = 0.0


def apex(curve: np.ndarray, tracked: np.ndarray, fps: float) -> float:
    """The highest level of the curve that is held for a tenth of a second, 0 if it is never above 0."""
    size = max(1, round(_APEX_SECONDS * fps))
    return max(0.0, float(ndimage.minimum_filter1d(np.where(tracked, curve, 0.0), size, mode="nearest").max()))


def largest_movement(curve: np.ndarray, tracked: np.ndarray, fps: float, floor: float) -> Movement:
    """Times and speeds of the way to the curve's apex and after.

    Args:
      curve: (T,) excursion from rest, 0 at rest.
      floor: an apex below this is no movement.
    """
    top = apex(curve, tracked, fps)
    if top < floor or len(curve) < 4:
        return Movement()
    start, end = _rise(curve, top)
    speed = np.gradient(curve) * fps
    reached = int(np.ceil(end))
    return Movement(
        peak_speed=_fastest(speed, tracked, start, end),
        onset=(end - start) / fps,
        offset=_offset(curve, top) / fps,
        hold=float(np.mean(curve[reached:][tracked[reached:]] >= 0.8 * top)) if tracked[reached:].any() else 0.0,
        decrement=_decrement(curve[reached:] / top, tracked[reached:], fps),
        smoothness=_onset_smoothness(speed, start, end, fps),
    )


def peak_speed(curve: np.ndarray, tracked: np.ndarray, fps: float, floor: float) -> float:
    """`Movement.peak_speed` alone."""
    top = apex(curve, tracked, fps)
    if top < floor or len(curve) < 4:
        return 0.0
    return _fastest(np.gradient(curve) * fps, tracked, *_rise(curve, top))


def sparc(speed: np.ndarray, fps: float) -> float:
    """Spectral arc length of a speed profile; about -1.4 for one bell, lower for each halt on the way.

    The length of the normalised amplitude spectrum up to the last frequency (at most 10 Hz) above 5 percent, after
    Balasubramanian et al. (2015), J NeuroEng Rehab 12:112.

    Args:
      speed: (T,) of one movement, any unit.
      fps: samples per second.
    """
    spectrum = np.abs(np.fft.rfft(speed, 16 * len(speed)))
    frequency = np.fft.rfftfreq(16 * len(speed), 1 / fps)
    if not spectrum[0] > 0:
        return 0.0
    spectrum = (spectrum / spectrum[0])[frequency <= _SPARC_CUTOFF]
    spectrum = spectrum[: np.flatnonzero(spectrum >= _SPARC_FLOOR)[-1] + 1]
    if len(spectrum) < 2:
        return 0.0
    return -float(np.hypot(1 / (len(spectrum) - 1), np.diff(spectrum)).sum())


def lag(left: np.ndarray, right: np.ndarray, fps: float) -> float:
    """Seconds by which the left curve rises after the right one: the peak of the cross-correlation of their rising slopes.

    Falling slopes are left out, since both sides are often released together.
    """
    a, b = np.maximum(np.gradient(left), 0), np.maximum(np.gradient(right), 0)
    reach = min(round(_MAX_LAG * fps), len(a) - 2)
    if reach < 1 or not (np.any(a) and np.any(b)):
        return 0.0
    correlation = signal.correlate(a, b, mode="full")[len(a) - 1 - reach : len(a) + reach]
    best = int(correlation.argmax())
    if best in (0, len(correlation) - 1):
        return 0.0
    before, at, after = correlation[best - 1 : best + 2]
    return float(best - reach + 0.5 * (before - after) / (before - 2 * at + after)) / fps


def sustained(aperture: np.ndarray, fps: float) -> np.ndarray:
    """(T,) the aperture without its dips of less than BLINK_SECONDS (a morphological closing)."""
    return ndimage.grey_closing(aperture, _odd(BLINK_SECONDS * fps), mode="nearest")


@dataclasses.dataclass(frozen=True)
class Blinks:
    """What is known of the blinks of a clip.

    Attributes:
      moments: (N,) seconds from the first sample.
      depth: median share of the open aperture that a blink takes away, 0 without blinks.
      closing_speed, opening_speed: medians over the blinks, IOD/s, 0 without blinks.
    """

    moments: np.ndarray
    depth: float
    closing_speed: float
    opening_speed: float


def find_blinks(aperture: np.ndarray, opened: float, tracked: np.ndarray, fps: float) -> Blinks:
    """Short dips of the aperture below a threshold that follows the clip's own noise and its own deepest blink.

    Args:
      aperture: (T,) mean of both eyes, not low-passed.
      opened: aperture of the open eye, same unit.
    """
    depth = (sustained(aperture, fps) - aperture) / opened
    seen = depth[tracked]
    noise = 1.4826 * float(np.median(np.abs(seen - np.median(seen))))
    threshold = max(0.15, min(0.5 * float(seen.max()), 0.4), float(np.median(seen)) + 5 * noise)
    apart = max(1, _BLINK_GAP * fps)
    peaks, _ = signal.find_peaks(np.pad(depth, 1), height=threshold, prominence=threshold / 2, distance=apart)
    peaks = peaks - 1
    peaks = peaks[tracked[peaks]]
    if not len(peaks):
        return Blinks(np.zeros(0), 0.0, 0.0, 0.0)
    speed = np.gradient(aperture) * fps
    half = max(1, round(BLINK_SECONDS / 2 * fps))
    closing = [-speed[max(0, peak - half) : peak + 1].min() for peak in peaks]
    opening = [speed[peak : peak + half + 1].max() for peak in peaks]
    return Blinks(peaks / fps, float(np.median(depth[peaks])), float(np.median(closing)), float(np.median(opening)))


def tremor(position: np.ndarray, tracked: np.ndarray, fps: float) -> float:
    """RMS between 3 and 7 Hz in IOD, above white noise of the strength found beyond 7.5 Hz.

    The median over windows of one second, so that the onset of a movement, which is fast as well, is not mistaken for it.
    0 below 17 frames per second, where nothing shows the noise, and for clips under a second.

    Args:
      position: (T, C) of one point, not low-passed.
    """
    size = round(_TREMOR_WINDOW * fps)
    if fps < _TREMOR_MIN_FPS or len(position) < size:
        return 0.0
    starts = range(0, len(position) - size + 1, max(1, size // 3))
    starts = [start for start in starts if tracked[start : start + size].mean() > 0.8]
    if not starts:
        return 0.0
    windows = np.stack([position[start : start + size] for start in starts])
    taper, line = np.hanning(size + 1)[:size, None], np.linspace(-1, 1, size)[:, None]
    windows = windows - windows.mean(axis=1, keepdims=True)
    windows = windows - line * (line * windows).sum(axis=1, keepdims=True) / np.square(line).sum()
    spectrum = np.fft.rfft(windows * taper, axis=1)
    # Two-sided, so that the sum over a band is the variance in it.
    power = 2 * np.square(np.abs(spectrum)).sum(axis=-1) / (size * np.square(taper).sum())
    frequency = np.fft.rfftfreq(size, 1 / fps)
    band = (frequency >= TREMOR_BAND[0]) & (frequency <= TREMOR_BAND[1])
    beyond = (frequency > _TREMOR_NOISE_ABOVE) & (frequency < fps / 2 - 0.25)
    above_noise = power[:, band].sum(axis=1) - power[:, beyond].mean(axis=1) * band.sum()
    return float(np.sqrt(max(np.median(above_noise), 0.0)))


def longest_run(mask: np.ndarray) -> int:
    """Length of the longest run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], mask.astype(np.int8), [0]])))
    return int((edges[1::2] - edges[::2]).max(initial=0))


def _fastest(speed: np.ndarray, tracked: np.ndarray, start: float, end: float) -> float:
    inside = slice(int(start), int(np.ceil(end)) + 1)
    return float(speed[inside][tracked[inside]].max(initial=0.0))


def _rise(curve: np.ndarray, top: float) -> tuple[float, float]:
    """Samples, with fractions, of the last 10 percent crossing before the first 90 percent crossing, and of the latter.

    Counted from the level before the movement, which noise keeps above 0: 10 percent of a small apex may lie below it.
    """
    end = int(np.argmax(curve >= 0.9 * top))
    before = min(float(np.sort(curve[: end + 1])[end // 4]), 0.5 * top)
    low = before + 0.1 * (top - before)
    below = np.flatnonzero(curve[:end] <= low)
    return _crossing(curve, int(below[-1]) + 1, low) if len(below) else 0.0, _crossing(curve, end, 0.9 * top)


def _offset(curve: np.ndarray, top: float) -> float:
    # A curve that is still up at its end has not been released.
    if curve[-1] >= 0.5 * top:
        return 0.0
    start, end = _rise(curve[::-1], top)
    return end - start


def _crossing(curve: np.ndarray, after: int, level: float) -> float:
    if after == 0:
        return 0.0
    low, high = curve[after - 1], curve[after]
    return after - 1 + float((level - low) / (high - low)) if high > low else float(after)


def _decrement(held: np.ndarray, tracked: np.ndarray, fps: float) -> float:
    up = np.flatnonzero(held >= 0.5)
    last = up[-1] + 1 if len(up) else 0
    at = np.flatnonzero(tracked[:last])
    if len(at) < 5 or at[-1] - at[0] < 0.3 * fps:
        return 0.0
    # A slope over 64 of the samples is as good as over all, and the pairs are quadratic.
    at = at[np.linspace(0, len(at) - 1, min(len(at), 64)).round().astype(int)]
    first, second = _pairs(len(at))
    return -float(np.median((held[at[second]] - held[at[first]]) / (at[second] - at[first]))) * fps


@functools.lru_cache(maxsize=64)
def _pairs(count: int) -> tuple[np.ndarray, np.ndarray]:
    return np.triu_indices(count, 1)


def _onset_smoothness(speed: np.ndarray, start: float, end: float, fps: float) -> float:
    margin = 0.5 * (end - start)
    begin, finish = max(0.0, start - margin), min(len(speed) - 1.0, end + margin)
    if finish - begin < 1:
        return 0.0
    at = np.linspace(begin, finish, _SPARC_SAMPLES)
    profile = np.maximum(np.interp(at, np.arange(len(speed)), speed), 0.0)
    return sparc(profile, fps * (_SPARC_SAMPLES - 1) / (finish - begin))


def _odd(samples: float) -> int:
    return 2 * max(1, round(samples / 2)) + 1
