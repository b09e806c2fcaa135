"""Questions, answers and metrics of the tasks in this folder; the metrics are tramp-jax's own.

Any model of lmms-eval can be asked: `doc_to_visual` gives the stored frames of the clip, cropped to the face.
"""

from __future__ import annotations

import functools
import io
import re
from typing import Any

import numpy as np

from input_pipeline.dataset import Dataset
from input_pipeline.pipeline import instruction
from tramp_jax.metrics import text
from tramp_jax.metrics.evaluation import direction_f1
from tramp_jax.metrics.prediction_results import expressions_of
from tramp_jax.metrics.scored import ScoredClips
from tramp_jax.metrics.severity_table import MEAN, metric_table

_NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?")
# The scale of the question, which many models repeat: "On a scale from 0 (normal) to 4 (severe): 3", "3 out of 4".
_SCALE = re.compile(
    r"(?<![\d.])0(?:\s*\([^)]*\))?\s*(?:to|and|-|–)\s*4(?![\d.]*\d)(?:\s*\([^)]*\))?|(?:/|\bof)\s*4(?![\d.]*\d)", re.IGNORECASE
)

Doc = dict[str, Any]


def rated(docs: Any) -> Any:
    """The clips with a rated grade."""
    return docs.filter(lambda doc: doc["score"] is not None)


def with_reference(docs: Any) -> Any:
    """The clips with a reference report."""
    return docs.filter(lambda doc: doc["reference"] is not None)


def doc_to_visual(doc: Doc) -> list[Any]:
    """The stored frames, in their order, as PIL images; none for a data set of landmarks alone."""
    from PIL import Image

    data = _data(doc["data"])
    clip = data.clip(doc["index"], with_frames=data.manifest.has_frames)
    return [Image.open(io.BytesIO(frame)).convert("RGB") for frame in clip.frames]


def ask_for_severity(doc: Doc, lmms_eval_specific_kwargs: dict[str, Any] | None = None) -> str:
    """Asks for a number, in words that need no rating form."""
    return (
        f"These frames show one person asked to pose: {doc['expression']}. On a scale from 0 (normal) to 4 (severe), how much "
        "is the movement of the face impaired? Answer with a number."
    )


def ask_for_report(doc: Doc, lmms_eval_specific_kwargs: dict[str, Any] | None = None) -> str:
    """What the project's own models are asked."""
    return instruction(doc["expression"])


def judge_severity(doc: Doc, results: list[str]) -> dict[str, Any]:
    """The first number that is not the scale; an answer without one counts as the end of the scale that is further off."""
    found = _NUMBER.search(_SCALE.sub(" ", results[0]))
    score = float(doc["score"])
    prediction = float(found[0]) if found else (4.0 if score < 2 else 0.0)
    pair = {"subject": doc["subject"], "expression": doc["expression"], "score": score, "prediction": prediction}
    return dict.fromkeys(("spearman", "mae", "quadratic_kappa", "within_one"), pair) | {"answered": float(bool(found))}


def judge_report(doc: Doc, results: list[str]) -> dict[str, float]:
    """Fact F1 and ROUGE-L of one report."""
    said, reference = results[0], doc["reference"]
    return {"fact_f1_direction": direction_f1(said, reference), "rouge_l": text.rouge_l([said], [reference])}


def mean(values: list[float]) -> float:
    """Over the clips."""
    return float(np.mean(values))


def _severity(pairs: list[Doc], name: str) -> float:
    """The plain mean over the expressions, as `tramp_jax.evaluate` has it."""
    columns = {key: np.array([pair[key] for pair in pairs]) for key in ("subject", "expression", "score", "prediction")}
    clips = ScoredClips(columns["subject"], columns["expression"], columns["score"], columns["prediction"])
    value = metric_table(name, clips, expressions_of(clips.expression))[0][MEAN]
    assert value is not None
    return value


spearman = functools.partial(_severity, name="spearman")
mae = functools.partial(_severity, name="mae")
quadratic_kappa = functools.partial(_severity, name="quadratic_kappa")
within_one = functools.partial(_severity, name="within_one")
_data = functools.cache(Dataset.open)
