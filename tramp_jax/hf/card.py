"""The model card of an export: README.md with the metadata that the Hub reads."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import jinja2
from ml_collections import ConfigDict

from input_pipeline.records import EXPRESSIONS

SIMULATED = "simulated"
# Label, and where the value stands in eval/results.json.
_ROWS = (
    ("Spearman, predicted and rated grade", "severity/spearman/mean"),
    ("MAE in grades", "severity/mae/mean"),
    ("quadratic kappa", "severity/quadratic_kappa/mean"),
    ("Spearman of kinematics + ordinal regression (baseline)", "severity/baselines/kinematics_ordinal/spearman_mean"),
    ("fact F1 of reports, side and level right", "report/fact_f1/direction"),
    ("fact F1 of the nearest training report (baseline)", "report/baselines/nearest_report/fact_f1_direction"),
    ("share of one-sided facts with the right side", "report/laterality_accuracy"),
)


def model_card(config: ConfigDict, step: int, results: dict[str, Any] | None, base_model: str) -> str:
    """The text of README.md; whether the data was simulated is its first line.

    Args:
      config: the run's.
      step: of the checkpoint.
      results: of eval/results.json, None where the run was not evaluated.
      base_model: id or folder of the LLaMA that it was trained on, "" where it was trained from scratch.
    """
    template = jinja2.Environment(trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined).from_string(
        Path(__file__).with_name("card.md.j2").read_text()
    )
    return template.render(
        name=config.name,
        simulated=config.trained_on == SIMULATED,
        trained_on=config.trained_on,
        step=step,
        base_model=Path(base_model).name if "/" in base_model and not _is_id(base_model) else base_model,
        base_model_id=base_model if _is_id(base_model) else "",
        expressions=EXPRESSIONS,
        layout="mediapipe478",
        vision=config.model.vision_kind != "none",
        results=results,
        rows=[(label, f"{value:.3f}") for label, path in _ROWS if (value := _at(results, path)) is not None],
    )


def _is_id(model: str) -> bool:
    return re.fullmatch(r"[\w.-]+/[\w.-]+", model) is not None and not Path(model).exists()


def _at(results: dict[str, Any] | None, path: str) -> float | None:
    value: Any = results
    for key in path.split("/"):
        value = value.get(key) if isinstance(value, dict) else None
    return value
