"""One number per report in which only findings count and the always-normal report earns 0, after CRIMSON.

CRIMSON (arXiv 2603.06183; references: seke_and_evaluation.md B.3) scores (credit - false) / reference over abnormal findings
alone. The formula is taken from there, its weights are not: a finding weighs by how far from normal its level is, and all
weights here are ours, not validated against clinicians.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from scipy.optimize import linear_sum_assignment

from input_pipeline.motion.facts import Fact, is_abnormal, is_paired
from tramp_jax.metrics.report_facts import Facts, deviation, halves, number_is_right, topic

# Of a finding one step from normal, and of one further away (ours).
ONE_STEP, FURTHER = 0.5, 1.0
# What is wrong with a finding that is there: its side, each step of its level, its number (ours).
WRONG_SIDE, WRONG_STEP, WRONG_NUMBER = 1.0, 0.5, 0.25


def per_report(stated: Sequence[Facts], reference: Sequence[Facts]) -> np.ndarray:
    """`score_report` of each, (N,), NaN where neither side has a finding.

    Raises:
      ValueError: the sequences differ in length.
    """
    return np.array([score_report(said, meant) for said, meant in zip(stated, reference, strict=True)], np.float64)


def score_report(stated: Facts, reference: Facts) -> float:
    """(sum of credit - sum of false weights) / sum of reference weights, in -1..1; NaN without a finding on either side.

    A stated finding is paired with one of the reference's on the same topic and earns w * w / (w + errors), w the
    reference's weight and errors the weights of what is wrong with it; the pairing is the best for the report. A stated
    finding without partner is false and costs its own weight. Normal facts weigh nothing, so nothing stated and everything
    normal both earn 0. Below 0 the surplus E of false weight over credit is told as -E / (1 + E), also where the reference has
    no finding.
    """
    said, meant = _findings(stated), _findings(reference)
    if not said and not meant:
        return math.nan
    gained = sum(_gain(said.get(about, []), meant.get(about, [])) for about in {*said, *meant})
    if gained < 0:
        return gained / (1.0 - gained)
    return gained / sum(_share(fact) * _weight(fact) for facts in meant.values() for fact in facts)


def _findings(facts: Facts) -> dict[tuple[str, str], list[Fact]]:
    found = defaultdict(list)
    for fact in halves(facts):
        if is_abnormal(fact):
            found[topic(fact)].append(fact)
    return dict(found)


def _gain(said: list[Fact], meant: list[Fact]) -> float:
    """Credit of the best pairing minus the weight of what it leaves of `said`."""
    costs = np.array([_share(fact) * _weight(fact) for fact in said])
    if not said or not meant:
        return -float(costs.sum())
    credit = np.array([[_credit(fact, other) for other in meant] for fact in said])
    pairs = linear_sum_assignment(credit + costs[:, None], maximize=True)
    return float((credit + costs[:, None])[pairs].sum() - costs.sum())


def _credit(stated: Fact, reference: Fact) -> float:
    wrong = WRONG_SIDE * (stated.side != reference.side)
    wrong += WRONG_STEP * abs(deviation(stated) - deviation(reference))
    wrong += WRONG_NUMBER * (not number_is_right(stated, reference))
    weight = _weight(reference)
    return _share(reference) * weight * weight / (weight + wrong)


def _weight(fact: Fact) -> float:
    return ONE_STEP if abs(deviation(fact)) == 1 else FURTHER


def _share(fact: Fact) -> float:
    return 0.5 if is_paired(fact) else 1.0
