"""Reports and pairs of texts for the tests of word scores."""

import numpy as np

from input_pipeline.motion.facts import ATTRIBUTES, Fact
from input_pipeline.motion.wording import write

REPORTS = (
    "While smiling, movement of the left mouth corner is reduced (0.080 IOD). The blink rate is normal (12 per minute).",
    "In the smile task, the left mouth corner shows movement of reduced amplitude. Blinking occurs at a normal rate.",
    "At rest, the lips are apart for 35.5% of the time; the blink-rate is 3-4 per minute, isn't it?",
    "Movement of both brows is absent.",
)
# What is said, what was to be said.
ODD_PAIRS = [
    (REPORTS[0], REPORTS[1]),
    (REPORTS[2], REPORTS[0]),
    ("Movement is reduced", REPORTS[3]),  # shorter than four words: no 4-gram at all
    ("Brows of both movement absent the", REPORTS[3]),  # words match, longer n-grams do not
    ("nothing here that fits at all", REPORTS[3]),
    ("", REPORTS[3]),
    (REPORTS[3], ""),
    ("", ""),
    ("(!)", "..."),
    (REPORTS[3] + " " + REPORTS[3], REPORTS[3]),  # repeats earn once
    ("the left, the right, the left moved", "the right moves the left; moving left"),  # several ways to pair words
]


def random_reports(seed, count=20):
    """Reports of three facts each, in varying words."""
    rng = np.random.default_rng(seed)
    topics = ["amplitude", "peak_speed", "hold", "onset", "decrement"]
    texts = []
    for _ in range(count):
        facts = [
            Fact("brow", rng.choice(["left", "right"]), name, rng.choice(ATTRIBUTES[name].levels), 0.25, "IOD")
            for name in rng.choice(topics, 3, replace=False)
        ]
        texts.append(write(facts, "frown", rng, values=bool(rng.integers(2))))
    return texts
