"""Signs -> what the face does: activations of the units and depths of the folds over time.

Axes: T frames, K units, J folds.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from input_pipeline.simulate import signs as table
from input_pipeline.simulate.skin import FOLDS
from input_pipeline.simulate.units import UNIT, UNITS

# The model looks at the last 128 frames: the wait before the onset of a longer clip is longer, so that the onset is in them.
_WINDOW = 128
_SIDES = (("right", -1.0), ("left", 1.0))


@dataclasses.dataclass(frozen=True)
class Performance:
    """One posed expression, without head motion and tracker.

    Attributes:
      activations: (T, K) of units.UNITS.
      folds: (T, J) depth of skin.FOLDS, 0 smooth, about 1 deep.
      effort: (T,) the task's envelope, 0 at rest.
    """

    activations: np.ndarray
    folds: np.ndarray
    effort: np.ndarray


def sample_times(rng: np.random.Generator) -> np.ndarray:
    """(T,) frame times in seconds: a frame rate of its own, with jitter, starting at 0."""
    nuisance = table.NUISANCE
    fps, seconds = rng.uniform(*nuisance.fps), rng.uniform(*nuisance.seconds)
    count = int(fps * seconds)
    jitter = np.clip(nuisance.time_jitter * rng.standard_normal(count), -0.4, 0.4)
    times = (np.arange(count) + jitter) / fps
    return times - times[0]


def perform(
    expression: str, signs: dict[str, float], healthy: float, times: np.ndarray, rng: np.random.Generator
) -> Performance:
    """Performs one expression.

    Args:
      expression: one of records.EXPRESSIONS.
      signs: from `signs.sample_signs`.
      healthy: the person's factor from `signs.healthy_amplitude`.
      times: (T,) seconds.
    """
    activations = np.zeros((len(times), len(UNITS)))
    folds = np.zeros((len(times), len(FOLDS)))
    if expression == "rest":
        effort = np.zeros(len(times))
        _spontaneous(activations, folds, signs, healthy, times, rng)
    else:
        effort = _pose(activations, folds, expression, signs, healthy, times, rng)
    folds *= signs["fold"]
    folds += table.RESTING_FOLD * signs["fold"] + table.NUISANCE.age_lines * rng.gamma(2.0, 0.5, len(FOLDS))
    _part_lips(activations, signs, times, rng)
    _tremble(activations, signs, times, rng)
    _be_restless(activations, times, rng)
    _close_lids(activations, expression, signs, times, rng)
    return Performance(activations.astype(np.float32), folds.astype(np.float32), effort)


def smooth_step(x: np.ndarray) -> np.ndarray:
    """0 below 0, 1 above 1, minimum-jerk polynomial between."""
    x = np.clip(x, 0.0, 1.0)
    return x * x * x * (10.0 + x * (6.0 * x - 15.0))


def slow_noise(times: np.ndarray, count: int, rng: np.random.Generator, period: float = 2.0) -> np.ndarray:
    """(T, count) smooth processes of unit variance: three sinusoids each, around the given period in seconds."""
    rate = 2.0 * np.pi / (period * rng.uniform(0.6, 1.8, (3, count)))
    phase = rng.uniform(0.0, 2.0 * np.pi, (3, count))
    return np.sqrt(2.0 / 3.0) * np.sin(times[:, None, None] * rate + phase).sum(axis=1)


def _pose(activations, folds, expression, signs, healthy, times, rng) -> np.ndarray:
    movement = table.MOVEMENTS[expression]
    start = times[-_WINDOW] if len(times) > _WINDOW else 0.0
    onset = start + rng.uniform(*table.NUISANCE.wait)
    release = times[-1] - rng.uniform(*table.NUISANCE.release)
    effort = _envelope(times, onset, release, signs)
    weaker = signs["worse_side"]
    for _, sign in _SIDES:
        lag = 0.2 * signs["asymmetry"] * (sign == weaker)
        share = 1.0 + 0.5 * signs["asymmetry"] * (-1.0 if sign == weaker else 1.0)
        wave = _envelope(times, onset + lag, release, signs) if lag else effort
        amplitude = signs["amplitude"] * healthy * share
        _add(activations, movement.primary, amplitude * wave, sign)
        _add(activations, movement.coactivation, signs["coactivation"] * wave, sign)
    for name, depth in movement.folds.items():
        folds[:, FOLDS.index(name)] += depth * effort
    return effort


def _envelope(times: np.ndarray, onset: float, release: float, signs: dict[str, float]) -> np.ndarray:
    rise = signs["rise_time"]
    progress = np.clip((times - onset) / rise, 0.0, 1.0)
    # Two halts on the way; at hesitation 1 the movement stops there.
    progress = progress - signs["hesitation"] / (6.0 * np.pi) * np.sin(6.0 * np.pi * progress)
    apex = onset + rise
    hold = 1.0 - signs["sag"] * smooth_step((times - apex) / max(release - apex, 0.3))
    return smooth_step(progress) * hold * (1.0 - smooth_step((times - release) / (0.25 + 0.3 * rise)))


def _add(activations: np.ndarray, pattern: dict[str, float], wave: np.ndarray, sign: float) -> None:
    # Units without a side get half from each side.
    side = "right" if sign < 0 else "left"
    for name, level in pattern.items():
        if name in UNIT:
            activations[:, UNIT[name]] += 0.5 * level * wave
        else:
            activations[:, UNIT[f"{name}_{side}"]] += level * wave


def _spontaneous(activations, folds, signs, healthy, times, rng) -> None:
    groups = (
        (table.SPONTANEOUS_MOUTH, signs["amplitude"] * healthy, table.SPONTANEOUS_FOLDS[0]),
        (table.SPONTANEOUS_UPPER, signs["coactivation"], table.SPONTANEOUS_FOLDS[1]),
    )
    rise = signs["rise_time"]
    for patterns, amplitude, fold in groups:
        order = rng.permutation(len(patterns) + 1) % len(patterns)
        span = times[-1] / len(order)
        for slot, which in enumerate(order):
            middle = (slot + rng.uniform(0.3, 0.7)) * span
            wave = smooth_step((times - middle) / rise + 1.0) * smooth_step((middle + 0.25 - times) / rise + 1.0)
            for _, sign in _SIDES:
                share = 1.0 + 0.5 * signs["asymmetry"] * (-1.0 if sign == signs["worse_side"] else 1.0)
                _add(activations, patterns[which], amplitude * rng.uniform(0.85, 1.15) * share * wave, sign)
            for name, depth in fold.items():
                folds[:, FOLDS.index(name)] += depth * wave


def _part_lips(activations: np.ndarray, signs: dict[str, float], times: np.ndarray, rng: np.random.Generator) -> None:
    duty = float(np.clip(signs["lip_parting"], 0.0, 0.97))
    wave = np.sin(2.0 * np.pi * (times / rng.uniform(1.6, 2.6) + rng.uniform()))
    # sin exceeds cos(pi * duty) for that share of the time.
    parted = smooth_step((wave - np.cos(np.pi * duty)) / 0.15 + 0.5) * (duty > 0.03)
    activations[:, UNIT["lips_part"]] += (0.35 + 0.75 * duty) * parted


def _tremble(activations: np.ndarray, signs: dict[str, float], times: np.ndarray, rng: np.random.Generator) -> None:
    wave = np.sin(2.0 * np.pi * (rng.uniform(4.0, 6.0) * times + rng.uniform()))
    strength = 1.0 + 0.3 * slow_noise(times, 1, rng)[:, 0]
    activations[:, UNIT["jaw_open"]] += signs["tremor"] / 0.17 * strength * wave


def _be_restless(activations: np.ndarray, times: np.ndarray, rng: np.random.Generator) -> None:
    nuisance = table.NUISANCE
    activations += nuisance.restless * slow_noise(times, activations.shape[1], rng)
    if rng.uniform() < nuisance.swallow:
        middle = rng.uniform(0.2, 0.8) * times[-1]
        wave = np.exp(-0.5 * ((times - middle) / 0.22) ** 2) * rng.uniform(0.3, 0.7)
        for name, level in (("chin_raise", 1.0), ("clench_right", 0.5), ("clench_left", 0.5), ("jaw_open", -0.1)):
            activations[:, UNIT[name]] += level * wave
    steps = np.cumsum(rng.uniform(0.3, 1.6, 16))
    for name in ("gaze_x", "gaze_y"):
        activations[:, UNIT[name]] += (0.5 * rng.standard_normal(17))[np.searchsorted(steps, times)]


def _close_lids(activations, expression, signs, times, rng) -> None:
    blink = _blinks(signs, times, rng) if expression != "squeeze" else np.zeros(len(times))
    for side, _ in _SIDES:
        close, cheek = activations[:, UNIT[f"close_{side}"]], activations[:, UNIT[f"cheek_{side}"]]
        # A raised lower lid leaves less to close; a soft minimum, so that a healthy squeeze stops at closed.
        limit = 1.0 - 0.28 * np.clip(cheek, 0.0, 2.0)
        ratio = np.clip(np.maximum(close, 0.0) / limit, 0.0, None)
        close = np.maximum(limit * ratio / (1.0 + ratio**6) ** (1 / 6), np.minimum(close, 0.0))
        activations[:, UNIT[f"close_{side}"]] = np.maximum(close, np.minimum(blink, limit))


def _blinks(signs: dict[str, float], times: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    interval = 60.0 / signs["blink_rate"]
    closed = np.zeros(len(times))
    # Blinking is more regular than a Poisson process; the first one falls anywhere in an interval.
    moments = interval * (rng.uniform() + np.concatenate([[0.0], np.cumsum(rng.gamma(6.0, 1 / 6.0, 12))]))
    for moment in moments[moments < times[-1]]:
        closed = np.maximum(closed, np.clip(1.35 * np.exp(-0.5 * ((times - moment) / 0.065) ** 2), 0.0, 1.0))
    return closed * signs["blink_closure"]
