"""What of the grade a straight line reads off the demo's frames: `python benchmarks/demo_frames.py --data=data/demo`.

Ridge regression for each expression, on the deviation of every pixel over the clip (grey, at half the size), cross-validated
over people of the training fold; the other folds are not read. Beside it the hidden depth of the skin's folds, the sign that
pictures show best, and the hidden severity.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from absl import app, flags
from ml_collections import ConfigDict, config_flags
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from input_pipeline.dataset import Dataset
from input_pipeline.examples import Examples
from input_pipeline.paths import path_of
from input_pipeline.splits import load_split
from tramp_jax.metrics.severity import by_expression, spearman

_DATA = flags.DEFINE_string("data", "data/demo", "A simulated data set with frames.")
_CONFIG = config_flags.DEFINE_config_file("config", "configs/demo.py", "Whose frames.")
WAYS = {
    "frames as filmed": {"align_frames": False, "frame_change": 0.0},
    "head in one place": {"align_frames": True, "frame_change": 0.0},
    "head in one place, change alone": {"align_frames": True, "frame_change": 3.0},
}


def deviations(dataset: Dataset, indices: Sequence[int], data: ConfigDict) -> np.ndarray:
    """(N, pixels): how much each pixel of a clip changes over its frames."""
    example = Examples(dataset, data, None, frozenset({"frames"}), False, data.trajectory_length)
    grey = np.stack([example(index, 1.0, None)["frames"].mean(axis=-1) for index in indices])  # (N, F, S, S)
    half = grey[:, :, ::2, ::2] + grey[:, :, 1::2, ::2] + grey[:, :, ::2, 1::2] + grey[:, :, 1::2, 1::2]
    return half.std(axis=1).reshape(len(indices), -1)


def read_off(features: np.ndarray, grades: np.ndarray, expressions: np.ndarray, people: np.ndarray) -> np.ndarray:
    """(N,) grades of people whom the line was not fitted on, five groups of them."""
    found = np.zeros(len(grades))
    line = make_pipeline(StandardScaler(), RidgeCV(np.logspace(0, 6, 13)))
    for name in np.unique(expressions):
        own = expressions == name
        found[own] = cross_val_predict(line, features[own], grades[own], groups=people[own], cv=GroupKFold(5))
    return found


def main(argv: Sequence[str]) -> None:
    """Prints a line per way of showing frames."""
    del argv
    dataset = Dataset.open(path_of(_DATA.value))
    indices = load_split(dataset, "default")["train"]
    labels = [dataset.labels[index] for index in indices]
    grades, expressions = np.array([label.score for label in labels]), np.array([label.expression for label in labels])
    people = np.unique([label.subject for label in labels], return_inverse=True)[1]

    def tell(name: str, scores: np.ndarray) -> None:
        values, _ = by_expression(spearman, expressions, scores, grades)
        print(f"{name:40s} {values['mean']:.3f}", flush=True)

    for name, options in WAYS.items():
        data = _CONFIG.value.data.copy_and_resolve_references()
        data.update(options)
        tell(name, read_off(deviations(dataset, indices, data), grades, expressions, people))
    tell("hidden depth of folds", -np.array([label.truth["fold"] for label in labels]))
    tell("hidden severity", np.array([label.truth["severity"] for label in labels]))


if __name__ == "__main__":
    app.run(main)
