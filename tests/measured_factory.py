"""Measured clips with a known link between severity, features, grade and report, for the tests of metrics and evaluation."""

import numpy as np

from input_pipeline.motion.facts import Fact, normal_facts
from input_pipeline.motion.kinematics import FEATURE_NAMES
from input_pipeline.motion.wording import write
from input_pipeline.records import EXPRESSIONS, Label
from tramp_jax.metrics.baselines import MeasuredClips

AMPLITUDE = FEATURE_NAMES.index("log_length amplitude/mouth_corner/left")


def true_facts(expression: str, severity: float, worse: str) -> tuple[Fact, ...]:
    """The normal facts, with a weaker mouth corner on the worse side from severity 2 on."""
    facts = normal_facts(expression)
    if severity < 2 or expression not in ("smile", "clench"):
        return facts
    better = "left" if worse == "right" else "right"
    rest = tuple(fact for fact in facts if (fact.region, fact.attribute) != ("mouth_corner", "amplitude"))
    sides = ((worse, "markedly_reduced"), (better, "reduced"))
    return rest + tuple(Fact("mouth_corner", side, "amplitude", level) for side, level in sides)


def make_measured(seed: int, subjects: int, first_subject: int = 0, noise: float = 0.8) -> MeasuredClips:
    """Five clips per subject. One feature falls with severity, the others are noise of very different sizes."""
    rng, words = np.random.default_rng(seed), np.random.default_rng([seed, 1])
    labels, rows, facts = [], [], []
    for person in range(first_subject, first_subject + subjects):
        base, worse = rng.uniform(0, 4), str(rng.choice(["left", "right"]))
        for expression in EXPRESSIONS:
            severity = float(np.clip(base + rng.normal(0, 0.5), 0, 4))
            row = rng.normal(size=len(FEATURE_NAMES)) * np.logspace(-3, 3, len(FEATURE_NAMES))
            row[AMPLITUDE] = -severity + noise * rng.normal()
            said = true_facts(expression, severity, worse)
            grade = float(np.clip(np.round(severity + 0.4 * rng.normal()), 0, 4))
            labels.append(
                Label(
                    clip_id=f"s{person:03d}-{expression}",
                    subject=f"s{person:03d}",
                    expression=expression,
                    dataset="simulated",
                    score=grade,
                    report=write(said, expression, words),
                    truth={"severity": severity},
                )
            )
            rows.append(row)
            facts.append(said)
    return MeasuredClips(tuple(labels), np.array(rows), tuple(facts))
