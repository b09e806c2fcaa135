"""The plots of the comparison page, as the `data` and `layout` of plotly figures in plain data.

Axes: N clips. No trace needs WebGL, whose programs the page's content policy would refuse.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any

import numpy as np

from tramp_jax.metrics.calibration import LEVELS
from tramp_jax.metrics.severity import GRADES
from tramp_jax.metrics.side_by_side import Model

Spec = dict[str, Any]

# Told apart by all kinds of colour vision (Okabe and Ito), and by their marks.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000000", "#8c6d1f")
_MARKS = ("circle", "diamond", "square", "triangle-up", "cross", "x", "star", "pentagon")
_SHADES = [[0, "#f8fafc"], [0.5, "#93c5fd"], [1, "#1d4ed8"]]
_INK, _SOFT, _GRID = "#1f2937", "#6b7280", "#e5e7eb"
# More points than this make a browser slow and a plot black: a fixed choice of them is drawn (the number is ours).
MOST_POINTS = 2000


def reliability_figure(models: Sequence[Model]) -> Spec:
    """Said against observed probability of "grade k or more"."""
    data = [_diagonal(1.0)]
    for i, model in enumerate(models):
        if model.calibration is not None:
            rows = model.calibration["reliability"]
            points = {"x": [r["predicted"] for r in rows], "y": [r["observed"] for r in rows]}
            hover = "said %{x:.2f}, was %{y:.2f} (%{text} statements)"
            data.append(_line(i, model.name) | points | {"text": [r["count"] for r in rows], "hovertemplate": hover})
    return _figure(data, _axis("said probability", 0, 1), _axis("observed share", 0, 1))


def coverage_figure(models: Sequence[Model], level: Sequence[float | None]) -> Spec:
    """Share of ratings in the middle of the distribution, and in the file's own interval where its level is known."""
    data = [_diagonal(1.0)]
    for i, model in enumerate(models):
        if model.calibration is not None:
            data.append(_line(i, model.name) | {"x": list(LEVELS), "y": model.calibration["coverage"]})
        if (own := interval_coverage(model)) is not None and level[i] is not None:
            point = {"mode": "markers", "marker": {"color": _colour(i), "symbol": "star", "size": 13}}
            data.append({**point, "type": "scatter", "name": f"{_safe(model.name)}, interval", "x": [level[i]], "y": [own]})
    return _figure(data, _axis("level", 0.4, 1), _axis("share of ratings inside", 0, 1.02))


def shares_figure(models: Sequence[Model]) -> Spec:
    """How often each grade was given, and is expected by each model."""
    known = [(i, model) for i, model in enumerate(models) if model.calibration is not None]
    first = known[0][1].calibration
    assert first is not None
    data = [_bars("rated", "#9ca3af", first["rated"])]
    data += [_bars(_safe(m.name), _colour(i), m.calibration["expected"]) for i, m in known if m.calibration is not None]
    return _figure(data, {**_axis("grade", None, None), "dtick": 1}, _axis("share of clips", 0, None))


def bland_altman_figure(index: int, model: Model, reach: float) -> Spec:
    """Difference over mean of prediction and rating, with bias and limits of agreement.

    Args:
      reach: of the vertical axis, the same for every model.
    """
    clips = model.found.clips.take(model.found.clips.rated)
    drawn = _some(len(clips))
    ids = model.found.clip_id[model.found.clips.rated][drawn]
    mean, difference = (clips.prediction + clips.truth)[drawn] / 2, (clips.prediction - clips.truth)[drawn]
    points = {"x": _short(mean), "y": _short(difference), "text": [_safe(name) for name in ids.tolist()]}
    marker = {"color": _colour(index), "size": 6, "opacity": 0.45}
    hover = {"hovertemplate": "%{text}: mean %{x}, difference %{y}<extra></extra>", "showlegend": False}
    found = model.agreement
    lines = [(found["bias"], "solid", "bias"), (found["low"], "dash", "lower limit"), (found["high"], "dash", "upper limit")]
    figure = _figure(
        [{"type": "scatter", "mode": "markers", "name": _safe(model.name), "marker": marker} | points | hover],
        _axis("mean of prediction and rating", None, None),
        _axis("prediction less rating", -reach, reach),
    )
    figure["layout"]["shapes"] = [_across(y, dash) for y, dash, _ in lines]
    figure["layout"]["annotations"] = [_at_end(y, f"{name} {y:+.2f}") for y, _, name in lines]
    return figure


def confusion_figure(model: Model) -> Spec:
    """Counts of rated (down) and rounded predicted (across) grades, coloured by the share of the rated grade."""
    counts = np.array(model.results["severity"]["confusion"]["all"])
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    names = [str(grade) for grade in GRADES]
    cells = {"z": share.round(4).tolist(), "text": counts.tolist(), "texttemplate": "%{text}", "x": names, "y": names}
    look = {
        "colorscale": [[0, "#f8fafc"], [0.5, "#93c5fd"], [1, "#1d4ed8"]],
        "zmin": 0,
        "zmax": 1,
        "showscale": False,
        "xgap": 2,
        "ygap": 2,
    }
    hover = {"hovertemplate": "rated %{y}, predicted %{x}: %{text} clips, %{z:.0%} of this grade<extra></extra>"}
    figure = _figure(
        [{"type": "heatmap"} | cells | look | hover], _axis("predicted, rounded", None, None), _axis("rated", None, None)
    )
    figure["layout"]["xaxis"]["type"] = "category"
    figure["layout"]["yaxis"] |= {"type": "category", "autorange": "reversed"}
    return figure


def people_figure(models: Sequence[Model]) -> Spec:
    """Mean predicted over mean rated grade of each person."""
    data = [_diagonal(4.0)]
    for i, model in enumerate(models):
        drawn = _some(len(model.people))
        rows = [model.people[j] for j in drawn]
        points = {"x": _short([r["rated"] for r in rows]), "y": _short([r["predicted"] for r in rows])}
        marker = {"color": _colour(i), "symbol": _MARKS[i % len(_MARKS)], "size": 8, "opacity": 0.6}
        text = [f"person {j + 1}, {r['clips']} clips" for j, r in zip(drawn, rows, strict=True)]
        hover = {"text": text, "hovertemplate": "%{text}: rated %{x}, predicted %{y}"}
        data.append({"type": "scatter", "mode": "markers", "name": _safe(model.name), "marker": marker} | points | hover)
    return _figure(data, _axis("mean rated grade", -0.1, 4.1), _axis("mean predicted grade", None, None))


def reach_of(models: Sequence[Model]) -> float:
    """The largest difference of a prediction from its rating, for axes that compare; at least a grade, at most five.

    What lies beyond is drawn by nobody: one diverged prediction would press all others onto a line. The tables have it.
    """
    clips = [model.found.clips.take(model.found.clips.rated) for model in models]
    largest = max(float(np.max(np.abs(x.prediction - x.truth))) for x in clips)
    return min(max(1.1 * largest, 1.0), 5.0)


def interval_coverage(model: Model) -> float | None:
    """Share of all rated clips whose grade lies in the file's own interval; None without."""
    clips = model.found.clips.take(model.found.clips.rated)
    if clips.interval is None:
        return None
    return float(np.mean((clips.interval[:, 0] <= clips.truth) & (clips.truth <= clips.interval[:, 1])))


def _figure(data: list[Spec], x: Spec, y: Spec) -> Spec:
    return {
        "data": data,
        "layout": {
            "margin": {"l": 58, "r": 14, "t": 14, "b": 46},
            "font": {"family": "system-ui, sans-serif", "size": 13, "color": _INK},
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "legend": {"orientation": "h", "y": -0.22, "yanchor": "top"},
            "modebar": {"bgcolor": "rgba(0,0,0,0)", "color": "#9ca3af", "activecolor": _INK},
            "xaxis": x,
            "yaxis": y,
        },
    }


def _axis(title: str, low: float | None, high: float | None) -> Spec:
    found: Spec = {"title": {"text": title}, "gridcolor": _GRID, "zeroline": False}
    if low is not None and high is not None:
        found["range"] = [low, high]
    elif low is not None:
        found["rangemode"] = "tozero"
    return found


def _line(index: int, name: str) -> Spec:
    marker = {"color": _colour(index), "symbol": _MARKS[index % len(_MARKS)], "size": 8}
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": _safe(name),
        "line": {"color": _colour(index)},
        "marker": marker,
    }


def _bars(name: str, colour: str, shares: Sequence[float]) -> Spec:
    return {"type": "bar", "name": name, "marker": {"color": colour}, "x": list(GRADES), "y": list(shares)}


def _diagonal(end: float) -> Spec:
    line = {"color": _SOFT, "dash": "dot", "width": 1.2}
    ends = {"x": [0, end], "y": [0, end]}
    return {"type": "scatter", "mode": "lines", "line": line, "hoverinfo": "skip", "showlegend": False} | ends


def _across(y: float, dash: str) -> Spec:
    ends = {"xref": "paper", "yref": "y", "x0": 0, "x1": 1, "y0": y, "y1": y}
    return {"type": "line", "line": {"color": _INK, "dash": dash, "width": 1.2}, **ends}


def _at_end(y: float, text: str) -> Spec:
    place = {"x": 1, "xref": "paper", "xanchor": "right", "y": y, "yanchor": "bottom"}
    return {"text": text, "showarrow": False, "font": {"size": 11, "color": _SOFT}, **place}


def _some(count: int) -> list[int]:
    """Places of what is drawn: all, or a random choice, the same every time."""
    if count <= MOST_POINTS:
        return list(range(count))
    return sorted(np.random.default_rng(0).choice(count, MOST_POINTS, replace=False).tolist())


def _short(values: Any) -> list[float]:
    """To three decimals: the page's size is its points."""
    return [round(float(value), 3) for value in values]


def _colour(index: int) -> str:
    return COLOURS[index % len(COLOURS)]


def _safe(text: str) -> str:
    """Plotly reads a few tags in its texts: those of data are to be shown as they are."""
    return html.escape(text, quote=False)
