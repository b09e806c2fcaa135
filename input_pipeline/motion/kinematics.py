"""Measures a clip: what moves how far, how fast, for how long, and how evenly, from the 63 tokens alone.

Axes: T frames, L landmarks of a layout, V = 63 landmark tokens.

Units: inter-ocular distance (IOD, `layouts.inter_ocular_distance`) of the clip's neutral face, seconds, per minute. Sides are
the subject's. Excursions are measured in the frontal plane of the head: depth from one camera is a guess, and layouts
without depth stay comparable. Resampled to the clip's median frame rate; all but the eyes low-passed at 6 Hz (a blink is
faster). The quantities are those of the reference (seke_and_evaluation.md B.1); definitions and constants are ours.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
from scipy.signal import find_peaks

from input_pipeline.errors import UserError
from input_pipeline.motion import layouts, movements
from input_pipeline.motion.alignment import remove_head_motion
from input_pipeline.motion.curves import (
    CORNERS,
    JAW,
    PAIRED,
    SIDES,
    excursions,
    jitter,
    low_pass,
    low_pass_gain,
    open_aperture,
    region_curves,
    resample,
    seen_samples,
    uniform_times,
)

_MOVING = (*PAIRED, "jaw")

# What counts as a movement: this many IOD (about 1 mm), and this many times the landmark jitter.
_LEAST_EXCURSION, _LEAST_OVER_NOISE = 0.015, 3.0
_LEAST_FPS = 4.0
# Lips are apart from about 2.5 mm on; trackers show 0.01 and less for closed ones.
LIPS_APART = 0.04
# Trackers leave about this part of the open aperture between closed lids.
_CLOSED_APERTURE = 0.15

_ENERGY_TOKENS = {
    "mouth_corner": np.array([CORNERS["left"][0], CORNERS["right"][0]]),
    "brow": np.r_[layouts.region_slice("left_brow"), layouts.region_slice("right_brow")],
    "eye": np.array([token for side in SIDES for pair in layouts.LID_PAIRS[side] for token in pair]),
    "lips": np.r_[layouts.region_slice("lower_lip"), layouts.region_slice("upper_lip")],
    "jaw": np.array(JAW),
}


@dataclasses.dataclass(frozen=True)
class Kinematics:
    """What was measured in one clip.

    Attributes:
      times: (T',) seconds, uniform, starting at the clip's first frame.
      curves: (T',) each, in IOD: "mouth_corner/left", "mouth_corner/right", "brow/left", "brow/right", "jaw/both" (distance
        from the neutral place), "eye/left", "eye/right" (aperture), "lips/both" (gap).
      values: "attribute/region/side" -> number; see VALUES.
      tracked: (T',) whether a tracked frame is behind the sample; the others are interpolated and count nowhere.
      noise_floor: frame-to-frame jitter of a landmark in the head frame, standard deviation of one coordinate, IOD.
      iod: inter-ocular distance of the neutral face in the unit of the landmarks.
      fps: of `times`, the median rate of the clip.
    """

    times: np.ndarray
    curves: dict[str, np.ndarray]
    values: dict[str, float]
    tracked: np.ndarray
    noise_floor: float
    iod: float
    fps: float


# Attribute -> what the number is. Sides: see the keys that `measure` returns; "both" is measured on the mean of the sides.
VALUES = {
    "amplitude": "IOD: largest excursion that lasts 0.1 s; eye: narrowing that lasts longer than a blink; lips: widest gap",
    "peak_speed": "IOD/s: fastest part of the onset, 0 without a movement (as all that follows down to smoothness)",
    "onset": "s from 10 to 90 percent of the apex",
    "offset": "s from 90 to 10 percent, 0 if the clip ends before",
    "hold": "share of the time from the apex to the end of the clip above 80 percent of the apex",
    "decrement": "share of the apex lost per second of the hold, negative if it grows",
    "smoothness": "SPARC of the onset",
    "symmetry": "(R - L) / (R + L) of the amplitudes, 0 below the noise",
    "speed_symmetry": "(R - L) / (R + L) of the peak speeds",
    "lag": "s by which the left comes after the right, 0 unless both move",
    "rate": "per minute: eye: blinks; mouth_corner: excursions",
    "variability": "coefficient of variation of the intervals between blinks, 0 below 3 blinks",
    "depth": "share of the open aperture taken away by the median blink",
    "closing_speed": "IOD/s, median blink",
    "opening_speed": "IOD/s, median blink",
    "aperture": "IOD, median over the clip",
    "closure": "deepest closure that lasts longer than a blink, 0 open to 1 closed",
    "duty_cycle": "share of the time with lips apart",
    "longest_run": "s, longest time with lips apart",
    "tremor": "IOD, RMS of the lower lip between 3 and 7 Hz above noise",
    "energy": "IOD^2/s^2: mean over time of the squared speeds summed over the region's tokens, above noise",
    "head_rotation": "degrees: largest turn away from the neutral pose",
    "tracked_share": "share of the samples that are tracked",
}


def _log(offset: float) -> Callable[[float], float]:
    return lambda value: float(np.log(value + offset))


# The offsets are about what cannot be told from nothing.
_TRANSFORMS: dict[str, Callable[[float], float]] = {
    "log_length": _log(0.005),
    "log_speed": _log(0.05),
    "log_seconds": _log(0.05),
    "log_rate": _log(1.0),
    "log_tremor": _log(0.001),
    "log_energy": _log(0.003),
    "abs": abs,
    "plain": float,
}


def _features() -> tuple[tuple[str, str], ...]:
    rows = []
    for region in _MOVING:
        sides = ("both",) if region == "jaw" else SIDES
        rows += [("log_length", f"amplitude/{region}/{side}") for side in sides]
        rows += [("log_speed", f"peak_speed/{region}/both"), ("log_seconds", f"onset/{region}/both")]
        rows += [("plain", f"{attribute}/{region}/both") for attribute in ("hold", "decrement", "smoothness")]
        if region in PAIRED:
            rows += [(how, f"{what}/{region}/both") for what in ("symmetry", "lag") for how in ("plain", "abs")]
    rows += [("plain", f"{attribute}/eye/{side}") for attribute in ("aperture", "closure") for side in SIDES]
    rows += [("log_rate", "rate/eye/both"), ("plain", "depth/eye/both")]
    rows += [("log_length", "amplitude/lips/both"), ("plain", "duty_cycle/lips/both"), ("log_tremor", "tremor/jaw/both")]
    return (*rows, *(("log_energy", f"energy/{region}/both") for region in _ENERGY_TOKENS))


_FEATURES = _features()
FEATURE_NAMES = tuple(f"{transform} {key}" for transform, key in _FEATURES)


def measure(landmarks: np.ndarray, layout: str, times: np.ndarray, tracked: np.ndarray | None = None) -> Kinematics:
    """Measures the motion of one clip.

    Args:
      landmarks: (T, L, 3), any unit; x right in the image, y down, z away from the camera (0 where there is no depth).
      layout: a key of `layouts.LAYOUTS`.
      times: (T,) seconds, strictly increasing.
      tracked: (T,) bool, default all. Frames that are not finite count as untracked.

    Raises:
      UserError: shapes that do not fit, times that do not increase, fewer than 2 tracked frames, unknown layout.
    """
    tokens = layouts.to_tokens(landmarks, layout).astype(np.float64)
    times, tracked = _checked(tokens, times, tracked)
    known = times[tracked]
    face = remove_head_motion(tokens[tracked], known, np.ones(len(known), bool))
    grid, fps = uniform_times(times)
    seen = seen_samples(grid, times, tracked, fps)
    if fps < _LEAST_FPS or not seen.any():
        raise UserError("tracked frames are too far apart to show motion: use a clip with 4 frames per second and more")
    noise = jitter(face.tokens, tracked)
    raw = resample(face.tokens[..., :2], known, grid)
    smooth = low_pass(raw, fps)
    curves = region_curves(raw, smooth, face.neutral)
    opened = {side: open_aperture(curves[f"eye/{side}"], seen, fps) for side in SIDES}
    floor = max(_LEAST_EXCURSION, _LEAST_OVER_NOISE * float(np.median(noise)))
    values = _movement_values(excursions(curves, opened, fps), seen, fps, floor)
    values |= _eye_values(curves, opened, seen, fps) | _lip_values(curves["lips/both"], seen, fps)
    values |= _energy_values(smooth, noise, seen, fps)
    values["tremor/jaw/both"] = movements.tremor(raw[:, JAW].mean(axis=1), seen, fps)
    values["head_rotation/global/none"] = np.degrees(face.rotation.max())
    values["tracked_share/global/none"] = seen.mean()
    values = {key: float(value) for key, value in values.items()}
    return Kinematics(grid, curves, values, seen, float(np.median(noise)), face.iod, fps)


def feature_vector(kinematics: Kinematics) -> np.ndarray:
    """(F,) float64, finite, in the order of FEATURE_NAMES: for the linear and the nearest-report baselines."""
    values = kinematics.values
    return np.array([_TRANSFORMS[name](values[key]) for name, key in _FEATURES])


def mirrored_features(features: np.ndarray) -> np.ndarray:
    """(..., F) features of the mirrored clip: left and right change places, what compares them changes sign."""
    return features[..., MIRROR_INDEX] * MIRROR_SIGN


_OTHER_SIDE = {"left": "right", "right": "left"}
MIRROR_INDEX = np.array(
    [_FEATURES.index((how, "/".join(_OTHER_SIDE.get(part, part) for part in key.split("/")))) for how, key in _FEATURES]
)
MIRROR_SIGN = np.array([-1.0 if how == "plain" and key.startswith(("symmetry", "lag")) else 1.0 for how, key in _FEATURES])


def _checked(tokens: np.ndarray, times: np.ndarray, tracked: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    times = np.asarray(times, np.float64)
    tracked = np.ones(len(tokens), bool) if tracked is None else np.asarray(tracked, bool)
    if tokens.ndim != 3 or tokens.shape[2] != 3 or times.shape != tokens.shape[:1] or tracked.shape != times.shape:
        shapes = f"landmarks {tokens.shape}, times {times.shape}, tracked {tracked.shape}"
        raise UserError(f"{shapes} do not belong together: expected (T, L, 3), (T,), (T,) of one clip")
    if not np.all(np.isfinite(times)) or np.any(np.diff(times) <= 0):
        raise UserError("frame times do not increase: expected seconds, strictly increasing; check the times of the clip")
    tracked = tracked & np.isfinite(tokens).all(axis=(1, 2))
    if tracked.sum() < 2:
        raise UserError(f"{tracked.sum()} of {len(tracked)} frames are tracked, expected at least 2: use a clip with a face")
    return times, tracked


def _movement_values(excursion: dict[str, np.ndarray], seen: np.ndarray, fps: float, floor: float) -> dict[str, float]:
    values = {}
    for name, curve in excursion.items():
        values[f"amplitude/{name}"] = movements.apex(curve, seen, fps)
        if name.endswith("/both"):
            movement = movements.largest_movement(curve, seen, fps, floor)
            values |= {f"{attribute}/{name}": value for attribute, value in vars(movement).items()}
        else:
            values[f"peak_speed/{name}"] = movements.peak_speed(curve, seen, fps, floor)
    for region in PAIRED:
        left, right = (excursion[f"{region}/{side}"] for side in SIDES)
        moves = values[f"amplitude/{region}/both"] >= floor
        both_move = min(values[f"amplitude/{region}/{side}"] for side in SIDES) >= floor
        values[f"lag/{region}/both"] = movements.lag(left, right, fps) if both_move else 0.0
        for symmetry, attribute in (("symmetry", "amplitude"), ("speed_symmetry", "peak_speed")):
            a, b = (values[f"{attribute}/{region}/{side}"] for side in SIDES)
            values[f"{symmetry}/{region}/both"] = (b - a) / (a + b) if moves and a + b > 0 else 0.0
    top = max(0.5 * values["amplitude/mouth_corner/both"], floor)
    peaks, _ = find_peaks(np.pad(excursion["mouth_corner/both"], 1), height=top, prominence=top)
    values["rate/mouth_corner/both"] = _per_minute(seen[peaks - 1].sum(), seen, fps)
    return values


def _eye_values(curves: dict[str, np.ndarray], opened: dict[str, float], seen: np.ndarray, fps: float) -> dict[str, float]:
    values = {}
    for side in SIDES:
        aperture = curves[f"eye/{side}"]
        lasting = movements.sustained(aperture, fps)[seen].min()
        values[f"aperture/eye/{side}"] = np.median(aperture[seen])
        values[f"closure/eye/{side}"] = np.clip((1 - lasting / opened[side]) / (1 - _CLOSED_APERTURE), 0, 1)
    both = (curves["eye/left"] + curves["eye/right"]) / 2
    blinks = movements.find_blinks(both, sum(opened.values()) / 2, seen, fps)
    between = np.diff(blinks.moments)
    values["rate/eye/both"] = _per_minute(len(blinks.moments), seen, fps)
    values["variability/eye/both"] = between.std() / between.mean() if len(between) > 1 else 0.0
    values["depth/eye/both"] = blinks.depth
    values["closing_speed/eye/both"] = blinks.closing_speed
    values["opening_speed/eye/both"] = blinks.opening_speed
    return values


def _lip_values(gap: np.ndarray, seen: np.ndarray, fps: float) -> dict[str, float]:
    apart = (gap > LIPS_APART) & seen
    return {
        "amplitude/lips/both": movements.apex(gap, seen, fps),
        "duty_cycle/lips/both": apart.sum() / seen.sum(),
        "longest_run/lips/both": movements.longest_run(apart) / fps,
    }


def _energy_values(smooth: np.ndarray, noise: np.ndarray, seen: np.ndarray, fps: float) -> dict[str, float]:
    power = np.square(np.gradient(smooth, axis=0) * fps).sum(axis=-1)[seen].mean(axis=0)
    # What the filter and the central difference leave of white noise.
    frequency = np.linspace(0, fps / 2, 64)
    gain = np.square(low_pass_gain(frequency) * np.sin(2 * np.pi * frequency / fps) * fps).mean()
    power = power - 2 * gain * np.square(noise)
    return {f"energy/{region}/both": max(power[tokens].sum(), 0.0) for region, tokens in _ENERGY_TOKENS.items()}


def _per_minute(count: int, seen: np.ndarray, fps: float) -> float:
    return 60.0 * count * fps / seen.sum()
