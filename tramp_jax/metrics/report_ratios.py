"""Metrics of reports as a sum over another, clip by clip: a value, its interval and its value of some clips come from the same.

Axes: N clips.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from tramp_jax.metrics import bootstrap, forbidden, report_facts, weighted_facts
from tramp_jax.metrics.bootstrap import SubjectDraws
from tramp_jax.metrics.report_facts import ERRORS, STRICTNESSES, Facts
from tramp_jax.metrics.severity_results import ends


class Ratio(NamedTuple):
    """A metric as sum(part) / sum(whole) over clips, (N,) float64 each, and of which clips (N,) bool it is."""

    part: np.ndarray
    whole: np.ndarray
    of: np.ndarray

    @property
    def value(self) -> float | None:
        """None where nothing is to be measured."""
        whole = float(self.whole.sum())
        return float(self.part.sum()) / whole if whole else None

    def take(self, clips: np.ndarray) -> Ratio:
        """Of some of the clips: a mask or an index."""
        return Ratio(*(x[clips] for x in self))


def fact_ratios(stated: Sequence[Facts], reference: Sequence[Facts | None], measured: Sequence[Facts]) -> dict[str, Ratio]:
    """The metrics of facts.

    Args:
      stated: of each report.
      reference: of each reference report, None where there is none.
      measured: in each clip, empty where nothing could be.

    Returns:
      "fact_f1_<strictness>", "weighted_facts", "laterality_accuracy" and each of ERRORS over the reports with a reference;
      "grounding" over the clips that were measured.
    """
    rows = [
        _of_reference(said, meant) | _of_clip(said, signal)
        for said, meant, signal in zip(stated, reference, measured, strict=True)
    ]
    names = [*(f"fact_f1_{name}" for name in STRICTNESSES), "weighted_facts", "laterality_accuracy", *ERRORS, "grounding"]
    return {name: _ratio([row.get(name) for row in rows]) for name in names}


def word_ratios(texts: Sequence[str]) -> dict[str, Ratio]:
    """Reports with a word of a kind, "forbidden_<kind>"; of the sentences on motion those without a fact, "unparsed"."""
    words = [forbidden.forbidden_words(text) for text in texts]
    kinds = {kind: [(float(bool(found[kind])), 1.0) for found in words] for kind in forbidden.KINDS}
    kinds["any"] = [(float(any(found.values())), 1.0) for found in words]
    found = {f"forbidden_{kind}": _ratio(pairs) for kind, pairs in kinds.items()}
    return found | {"unparsed": _ratio([report_facts.unread_sentences(text) for text in texts])}


def intervals(ratios: Mapping[str, Ratio], subject: np.ndarray, draws: int, seed: int) -> dict[str, list[float | None]]:
    """[low, high] of each over the people of its clips."""
    # Metrics of the same clips share the weights of the draws, which are most of the work.
    alike: dict[bytes, list[str]] = {}
    for name, ratio in ratios.items():
        alike.setdefault(ratio.of.tobytes(), []).append(name)
    found = {}
    for names in alike.values():
        of = ratios[names[0]].of
        rows = SubjectDraws.of(subject[of], draws, seed)
        drawn = rows.evaluate_all({name: bootstrap.ratio_of(*ratios[name].take(of)[:2]) for name in names}) if of.any() else {}
        found |= {name: ends("", rows.interval_of(drawn.get(name, np.zeros(0))), []) for name in names}
    return {name: found[name] for name in ratios}


def subset_results(
    ratios: Mapping[str, Ratio], subject: np.ndarray, labels: np.ndarray, *, draws: int, seed: int
) -> dict[str, Any]:
    """Part -> "counts", the value of each ratio, "intervals".

    Args:
      subject: (N,) people.
      labels: (N,) which part a clip belongs to, "" for none.
    """
    found: dict[str, Any] = {}
    for part in sorted(set(labels.tolist()) - {""}):
        of = labels == part
        own = {name: ratio.take(of) for name, ratio in ratios.items()}
        counts = {"clips": int(of.sum()), "subjects": len(np.unique(subject[of]))}
        values = {name: ratio.value for name, ratio in own.items()}
        found[part] = {"counts": counts, **values, "intervals": intervals(own, subject[of], draws, seed)}
    return found


def _of_reference(said: Facts, meant: Facts | None) -> dict[str, tuple[float, float]]:
    if meant is None:
        return {}
    scores = report_facts.score_report(said, meant)
    found = {f"fact_f1_{name}": _defined(scores[f"{name}_f1"]) for name in STRICTNESSES}
    hits = report_facts.lateral_hits(said, meant)
    errors = report_facts.errors_of(said, meant)
    found |= {"weighted_facts": _defined(weighted_facts.score_report(said, meant))}
    found |= {"laterality_accuracy": (float(sum(hits)), float(len(hits)))}
    return found | {kind: (errors[kind], 1.0) for kind in ERRORS}


def _of_clip(said: Facts, signal: Facts) -> dict[str, tuple[float, float]]:
    return {"grounding": (report_facts.grounded_share(said, signal), 1.0)} if signal else {}


def _defined(value: float) -> tuple[float, float]:
    return (0.0, 0.0) if math.isnan(value) else (value, 1.0)


def _ratio(pairs: Sequence[tuple[float, float] | None]) -> Ratio:
    filled = np.array([(0.0, 0.0) if pair is None else pair for pair in pairs], np.float64).reshape(-1, 2)
    return Ratio(*filled.T, np.array([pair is not None for pair in pairs], bool))
