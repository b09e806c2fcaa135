"""Tasks whose answers are texts: EmoLLMs' five formats, REGE, and the overlap of descriptions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from input_pipeline.errors import UserError
from tramp_jax.metrics.bootstrap import Statistic, mean_of
from tramp_jax.metrics.emotion import action_units as au
from tramp_jax.metrics.emotion import emollms, overlap, rege
from tramp_jax.metrics.emotion import valence_arousal as va
from tramp_jax.metrics.emotion.findings import Found, Options, found_in, mean_metric
from tramp_jax.metrics.emotion.labels import key_of
from tramp_jax.metrics.emotion.predictions import Row
from tramp_jax.metrics.emotion.values import number_of, text_of, units_of
from tramp_jax.metrics.severity import Metric, pearson


def intensity(rows: Sequence[Row], options: Options) -> Found:
    """EI-reg, EI-oc, V-reg and V-oc; those of an emotion as the plain mean over the emotions that rows name."""
    task = rows[0].task
    low, high = emollms.SCALES[task]
    groups: dict[str, list[Row]] = {}
    for row in rows:
        if task.startswith("ei_") and row.emotion.lower() not in emollms.INTENSITY_EMOTIONS:
            expected = ", ".join(emollms.INTENSITY_EMOTIONS)
            raise UserError(f"{row.where}: emotion {row.emotion!r}, {task} expects one of {expected} in the column `emotion`")
        groups.setdefault(row.emotion.lower() if task.startswith("ei_") else "", []).append(row)
    scored = {emotion: _intensity(of_emotion, task, low, high) for emotion, of_emotion in sorted(groups.items())}
    names = list(next(iter(scored.values()))[0])
    metrics = {name: mean_metric({emotion: found[0][name] for emotion, found in scored.items()}) for name in names}
    arranged = [row for emotion in sorted(groups) for row in groups[emotion]]
    sizes = [len(groups[emotion]) for emotion in sorted(groups)]
    pearsons = [va.pearson_of(one, two) for _, one, two, _ in scored.values()]
    found = found_in(metrics, {"pearson": _mean_of_groups(pearsons, sizes)}, arranged, sum(s[3] for s in scored.values()))
    if len(scored) > 1 or task.startswith("ei_"):
        found["per_emotion"] = {emotion: {name: of[0][name].value for name in names} for emotion, of in scored.items()}
    return found


def emotion_lists(rows: Sequence[Row], options: Options) -> Found:
    """E-c: Jaccard accuracy, micro and macro F1 over the 11 emotions."""
    truth = []
    for row in rows:
        named, unknown = emollms.read_emotions(text_of(row.truth))
        if named is None or unknown:
            raise UserError(
                f"{row.where}: truth {text_of(row.truth)[:60]!r}, expected {emollms.NO_EMOTION!r} or emotions of E-c"
            )
        truth.append(named)
    answers = [emollms.read_emotions(text_of(row.prediction)) for row in rows]
    one, two = emollms.indicators(truth), emollms.indicators([named for named, _ in answers])
    read = np.array([named is not None for named, _ in answers])
    metrics = {
        "jaccard": emollms.jaccard(one, two, read),
        "micro_f1": emollms.micro_f1(one, two),
        "macro_f1": emollms.macro_f1(one, two),
    }
    statistics = {"jaccard": mean_of(emollms.jaccard_each(one, two, read))}
    unknown = sum(count for _, count in answers)
    return found_in(metrics, statistics, rows, int((~read).sum())) | {"parts_of_no_emotion": unknown}


def rege_emotion(rows: Sequence[Row], options: Options) -> Found:
    """REGE on FABA's seven emotions, legacy and fixed."""
    truth = []
    for row in rows:
        label = text_of(row.truth).lower()
        code = int(label) if label in map(str, range(len(rege.CLASSES))) else None
        if code is None and label not in rege.CLASSES:
            raise UserError(f"{row.where}: truth {label[:60]!r}, expected 0 to 6 or one of {', '.join(rege.CLASSES)}")
        truth.append(rege.CLASSES.index(label) if code is None else code)
    texts, references = _texts(rows)
    lexicon = rege.OUR_LEXICON if options.lexicon is None else options.lexicon
    own = "lexicon is ours, s_re not comparable with published figures: give --lexicon" if options.lexicon is None else ""
    return _rege(rege.emotion_rege(np.array(truth), texts, references, lexicon), rows, own)


def rege_units(rows: Sequence[Row], options: Options) -> Found:
    """REGE on action units, legacy and fixed, over the units that are reported of the data set (FABA's 12 by default)."""
    units = au.REPORTED.get(key_of(rows[0].dataset), au.REPORTED["faba_instruct"])
    truth = [[unit for unit, value in units_of(row, "truth").items() if value == 1] for row in rows]
    texts, references = _texts(rows)
    return _rege(rege.units_rege(truth, texts, references, units), rows, "") | {"units": list(units)}


def overlaps(rows: Sequence[Row], options: Options) -> Found:
    """Clue and label overlap of two descriptions, by words (ours), and by a judge where there is one."""
    truths, texts = [text_of(row.truth) for row in rows], [text_of(row.prediction) for row in rows]
    one, two = overlap.label_sets(truths), overlap.label_sets(texts)
    each = {
        "clue_overlap_words": overlap.clue_overlap(truths, texts),
        "label_overlap_words": overlap.label_overlap(one, two),
        "set_precision": overlap.set_precision(one, two),
        "set_recall": overlap.set_recall(one, two),
    }
    metrics = {name: Metric(float(values.mean())) for name, values in each.items()}
    found = found_in(metrics, {name: mean_of(values) for name, values in each.items()}, rows, sum(not names for names in two))
    if options.judge is None:
        return found
    answers = {
        "clue_overlap_judge": overlap.judged_clues(options.judge, truths, texts),
        "label_overlap_judge": overlap.judged_labels(options.judge, truths, texts),
    }
    for name, judged in answers.items():
        mean = overlap.mean_score(judged.scores)
        found["metrics"][name] = mean.value
        found["flags"] += [f"{name}: {mean.flag}"] if mean.flag else []
    found["judge"] = {
        "address": options.judge.address,
        "model": options.judge.model,
        "prompts": overlap.PROMPTS,
        "asked": options.judge.asked,
        "attempts_repeated": options.judge.repeated,
        "unread": {name: judged.scores.count(None) for name, judged in answers.items()},
        "replies": {name: judged.replies for name, judged in answers.items()},
    }
    return found


def _intensity(
    rows: Sequence[Row], task: str, low: float, high: float
) -> tuple[dict[str, Metric], np.ndarray, np.ndarray, int]:
    """Metrics, truth, prediction, unread answers of one emotion."""
    start, end = emollms.AEB_RANGES.get(key_of(rows[0].dataset), (low, high)) if task == "v_reg" else (low, high)
    truth = np.array([number_of(row, "truth", start, end, emollms.READERS[task]) for row in rows], np.float64)
    truth = (truth - start) / (end - start) * (high - low) + low
    answers = [emollms.READERS[task](text_of(row.prediction)) for row in rows]
    read = np.array([answer is not None for answer in answers])
    given = np.array([0.0 if answer is None else answer for answer in answers])
    prediction = np.where(read, given, emollms.farthest(truth, low, high))
    metrics = {"pearson": pearson(truth, prediction)}
    if task.endswith("_oc"):
        metrics["quadratic_kappa"] = emollms.quadratic_kappa(truth, prediction)
        metrics["accuracy"] = Metric(float(np.mean((truth == prediction) & read)))
    else:
        metrics["pearson_upper"] = emollms.pearson_upper(truth, prediction)
    return metrics, truth, prediction, int((~read).sum())


def _mean_of_groups(statistics: Sequence[Statistic], sizes: Sequence[int]) -> Statistic:
    """The plain mean over groups of rows that follow each other, of those that a draw has."""
    ends = np.cumsum(sizes)

    def statistic(weights: np.ndarray) -> np.ndarray:
        parts = zip(statistics, np.split(weights, ends[:-1], axis=1), strict=True)
        values = np.stack([of_group(part) for of_group, part in parts])
        there = np.isfinite(values).sum(axis=0)
        return np.divide(np.nansum(values, axis=0), there, out=np.full(len(weights), np.nan), where=there > 0)

    return statistic


def _texts(rows: Sequence[Row]) -> tuple[list[str], list[str]]:
    return [text_of(row.prediction) for row in rows], [row.reference for row in rows]


def _rege(scores: Mapping[str, rege.Rege], rows: Sequence[Row], flag: str) -> Found:
    metrics = {
        f"{part}_{variant}": metric
        for variant, score in scores.items()
        for part, metric in zip(("s_re", "s_ge", "s_rege"), score[:3], strict=True)
    }
    found = found_in(metrics, {}, rows, scores["fixed"].unread)
    found["flags"] = ([flag] if flag else []) + found["flags"]
    return found | {"stops_of_legacy_script": scores["legacy"].stops}
