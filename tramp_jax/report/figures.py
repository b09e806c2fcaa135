"""The plots of the report page, as plotly figures without any outside link.

Axes: T time samples of the measured curves.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go

from input_pipeline.motion.kinematics import Kinematics

LEFT, RIGHT, BOTH = "#c2410c", "#1d4ed8", "#0f766e"
COLOURS = {"left": LEFT, "right": RIGHT, "both": BOTH}
INK, GRID = "#1f2937", "#e5e7eb"
GRADES = ("0 normal", "1 slight", "2 mild", "3 moderate", "4 severe")

# Region -> (title, what the curve shows).
CURVES = {
    "mouth_corner": ("Mouth corners", "excursion from rest (IOD)"),
    "brow": ("Brows", "excursion from rest (IOD)"),
    "eye": ("Eyes", "lid aperture (IOD)"),
    "lips": ("Lips", "gap between the lips (IOD)"),
    "jaw": ("Jaw", "excursion from rest (IOD)"),
}


def gauge(severity: float, interval: list[float]) -> go.Figure:
    """The score on its scale of 0 to 4, the 90 percent interval as a band."""
    steps = [{"range": interval, "color": "#bfdbfe"}]
    figure = go.Figure(
        go.Indicator(
            mode="gauge+number",
            value=severity,
            number={"valueformat": ".1f", "font": {"size": 54, "color": INK}},
            gauge={
                "axis": {"range": [0, 4], "tickvals": [0, 1, 2, 3, 4], "tickfont": {"size": 14}},
                "bar": {"color": "#1d4ed8", "thickness": 0.22},
                "bgcolor": "#f8fafc",
                "borderwidth": 1,
                "bordercolor": "#cbd5e1",
                "steps": steps,
            },
        )
    )
    return _styled(figure, height=220, margin={"l": 30, "r": 30, "t": 20, "b": 6})


def distribution(probabilities: list[float]) -> go.Figure:
    """How likely the model finds each grade."""
    best = int(np.argmax(probabilities))
    colours = ["#1d4ed8" if grade == best else "#93c5fd" for grade in range(len(probabilities))]
    figure = go.Figure(
        go.Bar(
            x=[100 * p for p in probabilities],
            y=list(GRADES),
            orientation="h",
            marker_color=colours,
            text=[f"{100 * p:.0f} %" for p in probabilities],
            textposition="outside",
            cliponaxis=False,
            hovertemplate="%{y}: %{x:.1f} %<extra></extra>",
        )
    )
    figure.update_yaxes(autorange="reversed")
    figure.update_xaxes(range=[0, 112], visible=False)
    return _styled(figure, height=220, margin={"l": 80, "r": 20, "t": 10, "b": 10})


def region_figures(kinematics: Kinematics, marks: dict[str, float]) -> dict[str, go.Figure]:
    """One figure per region that was measured: left against right over time.

    Args:
      kinematics: its curves.
      marks: name -> seconds of the key frames, drawn as vertical lines.
    """
    figures = {}
    for region, (_, unit) in CURVES.items():
        curves = {side: kinematics.curves.get(f"{region}/{side}") for side in ("right", "left", "both")}
        curves = {side: curve for side, curve in curves.items() if curve is not None}
        if curves:
            figures[region] = _region_figure(region, curves, kinematics, marks, unit)
    return figures


def _region_figure(
    region: str, curves: dict[str, Any], kinematics: Kinematics, marks: dict[str, float], unit: str
) -> go.Figure:
    figure = go.Figure()
    for side, curve in curves.items():
        name = {"left": "subject's left", "right": "subject's right", "both": "both sides"}[side]
        figure.add_scatter(
            x=np.round(kinematics.times, 4),
            y=np.round(curve, 5),
            name=name,
            mode="lines",
            line={"color": COLOURS[side], "width": 2},
            hovertemplate="%{x:.2f} s: %{y:.3f}<extra>" + name + "</extra>",
        )
    if region not in ("eye", "lips"):
        figure.add_hrect(y0=-kinematics.noise_floor, y1=kinematics.noise_floor, fillcolor="#9ca3af", opacity=0.25, line_width=0)
    for begin, end in _gaps(kinematics):
        figure.add_vrect(x0=begin, x1=end, fillcolor="#f59e0b", opacity=0.25, line_width=0)
    for name, seconds in marks.items():
        figure.add_vline(x=seconds, line={"color": "#6b7280", "dash": "dot", "width": 1}, annotation_text=name)
    figure.update_xaxes(title="seconds", gridcolor=GRID, zeroline=False)
    figure.update_yaxes(title=unit, gridcolor=GRID, zeroline=False)
    figure.update_layout(legend={"orientation": "h", "y": 1.14, "x": 0}, hovermode="x unified")
    return _styled(figure, height=270, margin={"l": 60, "r": 16, "t": 34, "b": 44})


def _gaps(kinematics: Kinematics) -> list[tuple[float, float]]:
    """Stretches of time without a tracked face."""
    lost = np.concatenate([[False], ~np.asarray(kinematics.tracked, bool), [False]])
    edges = np.flatnonzero(np.diff(lost.astype(int)))
    times = kinematics.times
    return [(float(times[a]), float(times[min(b, len(times) - 1)])) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def _styled(figure: go.Figure, **layout: Any) -> go.Figure:
    return figure.update_layout(
        template="plotly_white",
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"family": "system-ui, sans-serif", "size": 13, "color": INK},
        **layout,
    )
