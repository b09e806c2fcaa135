"""One function for each task of the benchmark: rows of one data set in, a finding out (see `findings`).

Which metrics stand in the table, and in which order, is `HEADLINE`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from input_pipeline.errors import UserError
from tramp_jax.metrics.emotion import action_units as au
from tramp_jax.metrics.emotion import classification, emollms, text_tasks
from tramp_jax.metrics.emotion import valence_arousal as va
from tramp_jax.metrics.emotion.findings import Found, Options, found_in, mean_metric
from tramp_jax.metrics.emotion.labels import key_of, same_word, vocabulary_of
from tramp_jax.metrics.emotion.predictions import Row
from tramp_jax.metrics.emotion.values import Units, pair_of, text_of, units_of
from tramp_jax.metrics.severity import Metric, mae, mean_of_present


def expression(rows: Sequence[Row], options: Options) -> Found:
    """Accuracy, UAR, WAR, F1 and confusion over the data set's own labels, in its order."""
    labels, known = vocabulary_of(rows[0].dataset, [text_of(row.truth) for row in rows])
    truth = []
    for row in rows:
        word = same_word(text_of(row.truth), labels)
        if not word:
            expected = f"one of {', '.join(labels)}" if labels else "the name of an expression"
            raise UserError(f"{row.where}: truth {text_of(row.truth)[:60]!r}, expected {expected}")
        truth.append(labels.index(word))
    words = [options.rule(text_of(row.prediction), labels) for row in rows]
    one, two = np.array(truth), np.array([labels.index(word) if word else classification.UNREAD for word in words])
    metrics = {name: metric(one, two, len(labels)) for name, metric in classification.METRICS.items()}
    statistics = {name: classification.statistic_of(name, one, two, len(labels)) for name in metrics}
    f1, recall = classification.f1_scores(one, two, len(labels)), classification.recalls(one, two, len(labels))
    return found_in(metrics, statistics, rows, int((two == classification.UNREAD).sum())) | {
        "labels": list(labels),
        "labels_of_data_set": known,
        "per_class": {
            label: {"clips": int((one == k).sum()), "f1": f1[k].value, "recall": recall[k].value}
            for k, label in enumerate(labels)
        },
        "confusion": classification.confusion(one, two, len(labels)).tolist(),
    }


def action_units(rows: Sequence[Row], options: Options) -> Found:
    """F1 of each unit's occurrence."""
    truth, prediction, units, unread = _unit_columns(rows, 1.0)
    if bad := [row for row, values in zip(rows, truth, strict=True) if not set(values[np.isfinite(values)]) <= {0.0, 1.0}]:
        raise UserError(f"{bad[0].where}: truth is not 0, 1 or 9 (unknown): for intensities use the task action_unit_intensity")
    present = prediction >= au.PRESENT_PROBABILITY
    scores = dict(zip(units, au.f1_scores(truth, present), strict=True))
    return found_in({"f1": mean_metric(scores)}, {"f1": au.mean_f1_of(truth, present)}, rows, unread) | {
        "per_unit": {
            unit: {"frames": int(np.isfinite(truth[:, k]).sum()), "f1": scores[unit].value} for k, unit in enumerate(units)
        }
    }


def action_unit_intensity(rows: Sequence[Row], options: Options) -> Found:
    """ICC, error and, from intensity 2 on, F1 of each unit."""
    truth, prediction, units, unread = _unit_columns(rows, au.MOST_INTENSITY)
    there = np.where(np.isfinite(truth), truth >= au.PRESENT_INTENSITY, np.nan)
    present = prediction >= au.PRESENT_INTENSITY
    scores = {
        "f1": dict(zip(units, au.f1_scores(there, present), strict=True)),
        "icc_3_1": {},
        "icc_a_1": {},
        "mae": {},
        "mse": {},
    }
    for k, unit in enumerate(units):
        known = np.isfinite(truth[:, k])
        one, two = truth[known, k], prediction[known, k]
        pair = np.stack([one, two], axis=1)
        scores["icc_3_1"][unit], scores["icc_a_1"][unit] = au.icc_3_1(pair), au.icc_a_1(pair)
        scores["mae"][unit] = mae(one, two)
        scores["mse"][unit] = Metric(float(np.mean((one - two) ** 2))) if len(one) else au.NO_FRAMES
    metrics = {name: mean_metric(of_unit) for name, of_unit in scores.items()}
    statistics = {"icc_3_1": au.mean_icc_3_1_of(truth, prediction), "f1": au.mean_f1_of(there, present)}
    return found_in(metrics, statistics, rows, unread) | {
        "per_unit": {unit: {name: of_unit[unit].value for name, of_unit in scores.items()} for unit in units}
    }


def valence_arousal(rows: Sequence[Row], options: Options) -> Found:
    """CCC, PCC, RMSE and SAGR of either dimension, and the mean of the two CCC."""
    pairs = [pair_of(row, "truth") for row in rows]
    kept = [row for row, pair in zip(rows, pairs, strict=True) if pair is not None]
    truth = np.array([pair for pair in pairs if pair is not None], np.float64).reshape(len(kept), 2)
    if len(truth) and np.abs(truth).max() > 1:
        bad = kept[int(np.abs(truth).max(axis=1).argmax())]
        raise UserError(f"{bad.where}: truth {text_of(bad.truth)[:60]!r}, expected valence and arousal from -1 to 1")
    told = [pair_of(row, "prediction") for row in kept]
    # Regressors go a little beyond the scale; what is farther off is on another scale, so unread.
    read = np.array([pair is not None and max(map(abs, pair)) <= 2 for pair in told], bool)
    given = np.array([pair if ok else (0.0, 0.0) for pair, ok in zip(told, read, strict=True)], np.float64).reshape(
        len(kept), 2
    )
    prediction = np.where(read[:, None], given, emollms.farthest(truth, *va.LIMITS))
    metrics, statistics, of_read = {}, {}, {}
    for k, dimension in enumerate(va.DIMENSIONS):
        for name, metric in va.METRICS.items():
            metrics[f"{name}_{dimension}"] = metric(truth[:, k], prediction[:, k])
            statistics[f"{name}_{dimension}"] = va.STATISTICS[name](truth[:, k], prediction[:, k])
            of_read[f"{name}_{dimension}"] = metric(truth[read, k], prediction[read, k]).value
    both = [metrics[f"ccc_{dimension}"] for dimension in va.DIMENSIONS]
    metrics["ccc_mean"] = Metric(mean_of_present({str(k): metric.value for k, metric in enumerate(both)}))
    statistics["ccc_mean"] = lambda weights: sum(statistics[f"ccc_{name}"](weights) for name in va.DIMENSIONS) / 2
    return found_in(metrics, statistics, kept, int((~read).sum())) | {"unrated": len(rows) - len(kept), "read_only": of_read}


Task = Callable[[Sequence[Row], Options], Found]
TASKS: Mapping[str, Task] = {
    "expression": expression,
    "action_units": action_units,
    "action_unit_intensity": action_unit_intensity,
    "valence_arousal": valence_arousal,
    **dict.fromkeys(emollms.READERS, text_tasks.intensity),
    "e_c": text_tasks.emotion_lists,
    "rege_emotion": text_tasks.rege_emotion,
    "rege_action_units": text_tasks.rege_units,
    "overlap": text_tasks.overlaps,
}
_REGE = tuple(f"{part}_{variant}" for variant in ("legacy", "fixed") for part in ("s_rege", "s_re", "s_ge"))
HEADLINE: Mapping[str, tuple[str, ...]] = {
    "expression": ("accuracy", "uar", "war", "macro_f1", "weighted_f1"),
    "action_units": ("f1",),
    "action_unit_intensity": ("icc_3_1", "icc_a_1", "f1", "mae"),
    "valence_arousal": (
        "ccc_valence",
        "ccc_arousal",
        "ccc_mean",
        "rmse_valence",
        "rmse_arousal",
        "sagr_valence",
        "sagr_arousal",
    ),
    **dict.fromkeys(("ei_reg", "v_reg"), ("pearson", "pearson_upper")),
    **dict.fromkeys(("ei_oc", "v_oc"), ("pearson", "quadratic_kappa", "accuracy")),
    "e_c": ("jaccard", "micro_f1", "macro_f1"),
    "rege_emotion": _REGE,
    "rege_action_units": _REGE,
    "overlap": ("clue_overlap_judge", "label_overlap_judge", "clue_overlap_words", "label_overlap_words"),
}


def _unit_columns(rows: Sequence[Row], most: float) -> tuple[np.ndarray, np.ndarray, tuple[str, ...], int]:
    """Truth and prediction (N, U), their units, and how many answers are unread.

    The units are those reported of the data set, or all that the truth tells. A list of units says that all others are absent;
    a mapping says nothing of those it leaves out. An answer that names no unit says that none is there, as EmoLA's script has
    it, and is counted as unread; where intensities are asked for, one without them is as wrong as the scale allows.

    Args:
      most: the scale's end, 1 for occurrence.
    """
    told = {side: [units_of(row, side) for row in rows] for side in ("truth", "prediction")}
    found = sorted({unit for values in told["truth"] for unit in values}, key=int)
    units = au.REPORTED.get(key_of(rows[0].dataset), tuple(found))
    if not units:
        raise UserError(f"{rows[0].where}: no action unit is told by any truth of {rows[0].dataset or 'these rows'}: name some")
    unread = np.zeros(len(rows), bool)
    for side, sides in told.items():
        for k, (row, values) in enumerate(zip(rows, sides, strict=True)):
            _refuse_beyond(row, side, values, most)
            if values.listed and most == 1:
                unread[k] |= side == "prediction" and not values and isinstance(row.prediction, str)
                values.update({unit: 0.0 for unit in units if unit not in values})
            elif values.listed:
                unread[k] = True
    truth, prediction = (au.columns_of(sides, units) for sides in told.values())
    if most > 1:
        prediction = np.where(unread[:, None], emollms.farthest(truth, 0.0, most), prediction)
    lacking = np.isfinite(truth) & ~np.isfinite(prediction)
    if lacking.any():
        place, unit = np.argwhere(lacking)[0]
        raise UserError(f"{rows[place].where}: prediction says nothing of AU{units[unit]}, which the truth tells: add it")
    return truth, prediction, units, int(unread.sum())


def _refuse_beyond(row: Row, side: str, values: Units, most: float) -> None:
    """A truth beyond its scale or without the intensities asked for, a prediction far beyond the scale."""
    said = f"{row.where}: {side} {text_of(row.truth if side == 'truth' else row.prediction)[:60]!r}"
    if side == "truth" and values.listed and most > 1:
        raise UserError(f"{said}, expected an intensity for each unit as `1=0 4=2`")
    if any(not 0 <= value <= (most if side == "truth" else 1.5 * most) for value in values.values()):
        hint = ": for intensities use the task action_unit_intensity" if most == 1 else ""
        raise UserError(f"{said}, expected units of 0 to {most:g}{hint}")
