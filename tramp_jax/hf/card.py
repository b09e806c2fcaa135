"""The model card of an export: README.md with the metadata that the Hub reads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jinja2
from ml_collections import ConfigDict

from input_pipeline.records import EXPRESSIONS

SIMULATED = "simulated"
# Label, and where the value stands in results.json.
_ROWS = (
    ("Spearman, predicted and rated grade", "severity/spearman/mean"),
    ("MAE in grades", "severity/mae/mean"),
    ("quadratic kappa", "severity/quadratic_kappa/mean"),
    ("Spearman of kinematics + ordinal regression (baseline)", "severity/baselines/kinematics_ordinal/spearman_mean"),
    ("fact F1 of reports, side and level right", "report/fact_f1/direction"),
    ("fact F1 of the nearest training report (baseline)", "report/baselines/nearest_report/fact_f1_direction"),
    ("share of one-sided facts with the right side", "report/laterality_accuracy"),
)


def model_card(config: ConfigDict, step: int, results: dict[str, Any] | None) -> str:
    """The text of README.md; whether the data was simulated is its first line.

    Args:
      config: the run's.
      step: of the checkpoint.
      results: of the checkpoint's evaluation, None where there was none.
    """
    template = jinja2.Environment(trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined).from_string(
        Path(__file__).with_name("card.md.j2").read_text()
    )
    return template.render(
        name=config.name,
        simulated=config.trained_on == SIMULATED,
        partly_simulated=SIMULATED in config.trained_on.split(" + "),
        trained_on=config.trained_on,
        step=step,
        pretrained=_pretrained(config),
        expressions=EXPRESSIONS,
        layout="mediapipe478",
        vision=config.model.vision_kind != "none",
        results=results,
        rows=[(label, f"{value:.3f}") for label, path in _ROWS if (value := _at(results, path)) is not None],
    )


def _pretrained(config: ConfigDict) -> list[dict[str, Any]]:
    """What the parts started from: a Hub id with its revision, or the last name of a folder (its path is nobody's business)."""
    found: dict[tuple[str, str | None], dict[str, Any]] = {}
    # Runs from before `pretrained` was kept have the folders alone.
    folders = {part: {"source": folder, "revision": None} for part, folder in config.init_from.items() if folder}
    for part, about in (folders | config.pretrained.to_dict()).items():
        is_id = bool(about["revision"])
        name = about["source"] if is_id else Path(about["source"]).name
        entry = found.setdefault((name, about["revision"]), {"name": name, "id": name if is_id else "", "parts": []})
        entry["parts"].append(part)
    return list(found.values())


def _at(results: dict[str, Any] | None, path: str) -> float | None:
    value: Any = results
    for key in path.split("/"):
        value = value.get(key) if isinstance(value, dict) else None
    return value
