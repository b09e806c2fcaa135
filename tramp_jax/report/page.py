"""The report page: one self-contained HTML file, readable offline, without any outside link.

Everything that comes from data is escaped by jinja's autoescape; a content policy forbids every request.
"""

from __future__ import annotations

import base64
import csv
import io
import json
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
import plotly.io
from plotly.offline import get_plotlyjs

from input_pipeline.motion.kinematics import Kinematics
from input_pipeline.records import Clip
from tramp_jax.report import figures
from tramp_jax.report.keyframes import key_frames, key_moments

_ENVIRONMENT = jinja2.Environment(
    loader=jinja2.PackageLoader("tramp_jax", "report"), autoescape=True, trim_blocks=True, lstrip_blocks=True
)
_PLOTLY = {"displaylogo": False, "responsive": True, "modeBarButtonsToRemove": ["lasso2d", "select2d", "zoomIn2d", "zoomOut2d"]}

ATTRIBUTE_WORDS = {
    "amplitude": "amplitude",
    "closure": "closure",
    "peak_speed": "peak speed",
    "onset": "onset time",
    "hold": "hold",
    "decrement": "decrement",
    "symmetry": "asymmetry",
    "rate": "blink rate",
    "duty_cycle": "time with lips apart",
    "tremor": "tremor (3 to 7 Hz)",
}


def write_page(assessment: dict[str, Any], clip: Clip, kinematics: Kinematics, path: Path, *, show_face: bool) -> None:
    """Writes the page of one clip.

    Args:
      assessment: from `tramp_jax.report.assessment.make_assessment`.
      clip: its landmarks and frames.
      kinematics: what was measured.
      path: the HTML file.
      show_face: False leaves every pixel of the face out; mesh and trails stay.
    """
    moments = key_moments(kinematics, clip.label.expression)
    curves = figures.region_figures(kinematics, moments)
    html = _ENVIRONMENT.get_template("page.html.j2").render(
        a=assessment,
        css=_ENVIRONMENT.loader.get_source(_ENVIRONMENT, "page.css")[0],  # type: ignore[union-attr]
        plotly_js=get_plotlyjs(),
        gauge=_div(figures.gauge(assessment["severity"], assessment["interval"]), "gauge", static=True),
        distribution=_div(figures.distribution(assessment["grade_distribution"]), "distribution", static=True),
        key_frames=key_frames(clip, moments, show_face),
        curves={region: (figures.CURVES[region][0], _div(figure, f"plot-{region}")) for region, figure in curves.items()},
        words=ATTRIBUTE_WORDS,
        tracked=_runs(clip.tracked),
        noise_floor=kinematics.noise_floor,
        json_link=_link("application/json", json.dumps(assessment, indent=2, ensure_ascii=False)),
        csv_link=_link("text/csv", curves_csv(kinematics)),
        show_face=show_face and bool(clip.frames),
    )
    path.write_text(html, encoding="utf-8")


def write_index(rows: list[dict[str, Any]], path: Path) -> None:
    """Writes the index of several clips: a sortable table with a link to each page.

    Args:
      rows: clip, page (relative link, empty where it failed), expression, severity, interval, frames, frames_tracked,
        warnings, error.
      path: the HTML file.
    """
    css = _ENVIRONMENT.loader.get_source(_ENVIRONMENT, "page.css")[0]  # type: ignore[union-attr]
    path.write_text(_ENVIRONMENT.get_template("index.html.j2").render(rows=rows, css=css), encoding="utf-8")


def curves_csv(kinematics: Kinematics) -> str:
    """Every curve over time: seconds, tracked, then one column per curve (in IOD)."""
    text = io.StringIO()
    writer = csv.writer(text)
    names = sorted(kinematics.curves)
    writer.writerow(["seconds", "tracked", *names])
    columns = [np.asarray(kinematics.curves[name]) for name in names]
    for i, seconds in enumerate(kinematics.times):
        row = [f"{column[i]:.6f}" for column in columns]
        writer.writerow([f"{seconds:.4f}", int(kinematics.tracked[i]), *row])
    return text.getvalue()


def _div(figure: Any, name: str, static: bool = False) -> str:
    config = {**_PLOTLY, "staticPlot": static}
    return plotly.io.to_html(figure, config=config, include_plotlyjs=False, full_html=False, div_id=name)


def _link(kind: str, text: str) -> str:
    return f"data:{kind};base64,{base64.b64encode(text.encode()).decode()}"


def _runs(tracked: np.ndarray) -> list[tuple[bool, float]]:
    """(tracked, share of the clip in percent) for each run of equal flags, for the tracking bar."""
    edges = np.flatnonzero(np.diff(tracked.astype(int))) + 1
    bounds = [0, *edges.tolist(), len(tracked)]
    return [(bool(tracked[a]), 100 * (b - a) / len(tracked)) for a, b in zip(bounds, bounds[1:], strict=False)]
