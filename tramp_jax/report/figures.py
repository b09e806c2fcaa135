"""The plots of the report page: curves as plotly figures in plain data, the severity dial and the sparklines as SVG.

Axes: T time samples of the measured curves. Times count from the clip's first frame.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from input_pipeline.motion import movements
from input_pipeline.motion.curves import open_aperture
from input_pipeline.motion.facts import FACT_TABLE
from input_pipeline.motion.kinematics import LIPS_APART, Kinematics

Spec = dict[str, Any]

SIDES = ("right", "left", "both")
COLOURS = {"left": "#c2410c", "right": "#1d4ed8", "both": "#0f766e"}
_DASHES = {"left": "solid", "right": "6px,2px", "both": "solid"}
_NAMES = {"left": "left side", "right": "right side", "both": "both sides"}
_INK, _SOFT, _GRID = "#1f2937", "#6b7280", "#e5e7eb"
_JITTER, _GAP, _MARK, _NORMAL = "rgba(107,114,128,0.22)", "rgba(245,158,11,0.28)", "#6b7280", "#15803d"
# How many standard deviations of the landmark jitter the grey band is wide: what is inside cannot be told from nothing.
_BAND = 3.0

# Region -> title, what the curve shows.
CURVES = {
    "mouth_corner": ("Mouth corners", "distance from rest"),
    "brow": ("Brows", "distance from rest"),
    "eye": ("Eyes", "opening between the lids"),
    "lips": ("Lips", "gap between the lips"),
    "jaw": ("Jaw", "distance from rest"),
}
_SPARK_POINTS, _SPARK_WIDTH, _SPARK_HEIGHT = 90, 150, 30


def regions_of(expression: str, kinematics: Kinematics) -> tuple[list[str], list[str]]:
    """The measured regions that the expression's findings are about, the posed movement's first; and the other ones."""
    measured = [region for region in CURVES if _curves(kinematics, region)]
    first = dict.fromkeys(row.region for row in FACT_TABLE[expression])
    return [region for region in first if region in measured], [region for region in measured if region not in first]


def curve_figure(region: str, kinematics: Kinematics, expression: str, moments: dict[str, float]) -> Spec:
    """One region over time, left against right, as the `data` and `layout` of a plotly figure.

    Args:
      region: a key of CURVES that was measured.
      kinematics: its curves.
      moments: of `keyframes.key_moments`, drawn as vertical lines.
    """
    times = _seconds(kinematics)
    data = [_trace(side, times, curve, kinematics.tracked) for side, curve in _curves(kinematics, region).items()]
    line, words = _threshold(region, expression)
    shapes = [_box(y=_jitter_band(region, kinematics), colour=_JITTER)]
    shapes += [_box(x=gap, colour=_GAP) for gap in gaps(kinematics)]
    shapes += [_vertical(seconds) for seconds in moments.values()]
    notes = [_mark(index, name, seconds) for index, (name, seconds) in enumerate(moments.items())]
    if line is not None:
        shapes.append(_horizontal(line))
        place = {"x": 0, "xref": "paper", "xanchor": "left", "y": line, "yanchor": "bottom"}
        notes.append({"text": words, "bgcolor": "rgba(255,255,255,0.75)", **place})
    if region == "eye" and len(blinks := blink_moments(kinematics)):
        data.append(_blinks(blinks))
    font = {"size": 11, "color": _SOFT}
    return {
        "data": data,
        "layout": {
            "height": 300,
            "margin": {"l": 62, "r": 14, "t": 36, "b": 44},
            "font": {"family": "system-ui, sans-serif", "size": 13, "color": _INK},
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "hovermode": "x unified",
            "legend": {"orientation": "h", "x": 1, "xanchor": "right", "y": -0.11, "yanchor": "top"},
            "modebar": {"bgcolor": "rgba(0,0,0,0)", "color": "#9ca3af", "activecolor": _INK},
            "xaxis": {"range": [0, float(times[-1])], "ticksuffix": " s", "gridcolor": _GRID, "zeroline": False},
            "yaxis": {
                "title": {"text": f"{CURVES[region][1]} (IOD)"},
                "gridcolor": _GRID,
                "zeroline": False,
                "range": [0, round(_top(region, kinematics, line), 4)],
            },
            "shapes": shapes,
            "annotations": [{"showarrow": False, "font": font, **note} for note in notes],
        },
    }


def sparkline(names: list[str], kinematics: Kinematics) -> Spec:
    """The curves of one sentence, small: `width`, `height` and (colour, SVG path) `lines`."""
    chosen = {name: kinematics.curves[name] for name in names}
    top = max((_top(name.split("/")[0], kinematics, None) for name in names), default=1.0)
    lines = []
    for name, curve in chosen.items():
        region, side = name.split("/")
        lines.append((COLOURS[side], _spark_path(curve, kinematics.tracked, top, np.min if region == "eye" else np.max)))
    return {"width": _SPARK_WIDTH, "height": _SPARK_HEIGHT, "lines": lines}


def dial(severity: float, interval: list[float]) -> Spec:
    """The score on a half circle from 0 to 4, radius 100 around (0, 0): SVG paths `track`, `band`; `needle`, `ticks`."""
    ticks = [(grade, *_on_circle(grade, 119)) for grade in range(5)]
    low, high = (min(max(end, 0.0), 4.0) for end in interval)
    return {"track": _arc(0, 4), "band": _arc(low, max(high, low + 0.02)), "needle": _on_circle(severity, 84), "ticks": ticks}


def blink_moments(kinematics: Kinematics) -> np.ndarray:
    """Seconds of the blinks that the blink rate counts."""
    eyes = [kinematics.curves.get(f"eye/{side}") for side in ("left", "right")]
    if any(eye is None for eye in eyes):
        return np.zeros(0)
    seen = np.asarray(kinematics.tracked, bool)
    opened = sum(open_aperture(eye, seen, kinematics.fps) for eye in eyes) / 2
    return movements.find_blinks((eyes[0] + eyes[1]) / 2, opened, seen, kinematics.fps).moments


def gaps(kinematics: Kinematics) -> list[tuple[float, float]]:
    """Stretches of time without a tracked face."""
    lost = np.concatenate([[False], ~np.asarray(kinematics.tracked, bool), [False]])
    edges = np.flatnonzero(np.diff(lost.astype(int)))
    times = _seconds(kinematics)
    return [(float(times[a]), float(times[min(b, len(times) - 1)])) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def _seconds(kinematics: Kinematics) -> np.ndarray:
    return np.round(np.asarray(kinematics.times, np.float64) - float(kinematics.times[0]), 4)


def _curves(kinematics: Kinematics, region: str) -> dict[str, np.ndarray]:
    return {side: kinematics.curves[name] for side in SIDES if (name := f"{region}/{side}") in kinematics.curves}


def _threshold(region: str, expression: str) -> tuple[float | None, str]:
    """The level of the curve from which the finding changes, where curve and finding have the same scale."""
    if region == "lips":
        return LIPS_APART, "lips apart above this line"
    for row in FACT_TABLE[expression]:
        if (row.attribute, row.region) == ("amplitude", region):
            return float(row.scale[-2]), "normal from this line on"
    return None, ""


def _top(region: str, kinematics: Kinematics, line: float | None) -> float:
    """Upper end of the axis: never so small that jitter fills the plot, and not as high as a single lost frame."""
    seen = np.asarray(kinematics.tracked, bool)
    lasting = [movements.apex(curve, seen, kinematics.fps) for curve in _curves(kinematics, region).values()]
    return 1.2 * max(*lasting, 4 * _BAND * kinematics.noise_floor, line or 0.0, 0.03)


def _jitter_band(region: str, kinematics: Kinematics) -> tuple[float, float]:
    wide = _BAND * kinematics.noise_floor
    if region != "eye":
        return 0.0, wide
    seen = np.asarray(kinematics.tracked, bool)
    middle = float(np.median(np.concatenate([curve[seen] for curve in _curves(kinematics, region).values()])))
    return middle - wide, middle + wide


def _trace(side: str, times: np.ndarray, curve: np.ndarray, tracked: np.ndarray) -> Spec:
    shown = [round(float(y), 4) if seen and math.isfinite(y) else None for y, seen in zip(curve, tracked, strict=True)]
    return {
        "type": "scatter",
        "mode": "lines",
        "name": _NAMES[side],
        "meta": side,
        "x": times.tolist(),
        "y": shown,
        "line": {"color": COLOURS[side], "width": 2, "dash": _DASHES[side]},
        "hovertemplate": "%{y:.3f}",
    }


def _blinks(moments: np.ndarray) -> Spec:
    return {
        "type": "scatter",
        "mode": "markers",
        "name": "blink",
        "x": np.round(moments, 3).tolist(),
        "y": [0.0] * len(moments),
        "cliponaxis": False,
        "marker": {"symbol": "triangle-up", "size": 10, "color": _INK},
        "hovertemplate": "at %{x:.2f} s",
    }


def _box(x: tuple[float, float] | None = None, y: tuple[float, float] | None = None, colour: str = "") -> Spec:
    """A band over the whole plot in the direction that is not given."""
    (x0, x1), (y0, y1) = x or (0, 1), y or (0, 1)
    place = {"xref": "x" if x else "paper", "yref": "y" if y else "paper", "x0": x0, "x1": x1, "y0": y0, "y1": y1}
    return {"type": "rect", "layer": "below", "fillcolor": colour, "line": {"width": 0}, **place}


def _vertical(x: float) -> Spec:
    ends = {"xref": "x", "yref": "paper", "x0": x, "x1": x, "y0": 0, "y1": 1}
    return {"type": "line", "line": {"color": _MARK, "dash": "dot", "width": 1.2}, **ends}


def _horizontal(y: float) -> Spec:
    ends = {"xref": "paper", "yref": "y", "x0": 0, "x1": 1, "y0": y, "y1": y}
    return {"type": "line", "line": {"color": _NORMAL, "dash": "dot", "width": 1.2}, **ends}


def _mark(index: int, name: str, seconds: float) -> Spec:
    """The name of a key frame above its line: the three may be near each other, so each goes another way."""
    anchor, shift = (("right", 0), ("center", 13), ("left", 0))[index % 3]
    return {"x": seconds, "y": 1, "yref": "paper", "text": name, "xanchor": anchor, "yanchor": "bottom", "yshift": shift}


def _spark_path(curve: np.ndarray, tracked: np.ndarray, top: float, extreme: Any) -> str:
    chunks = np.array_split(np.arange(len(curve)), min(_SPARK_POINTS, len(curve)))
    path, pen = [], "M"
    for index, chunk in enumerate(chunks):
        seen = chunk[np.asarray(tracked, bool)[chunk]]
        if not len(seen):
            pen = "M"
            continue
        height = _SPARK_HEIGHT * (1 - min(max(float(extreme(curve[seen])) / top, 0.0), 1.0))
        path.append(f"{pen}{_SPARK_WIDTH * index / max(len(chunks) - 1, 1):.1f} {height:.1f}")
        pen = "L"
    return "".join(path)


def _on_circle(grade: float, radius: float) -> tuple[float, float]:
    angle = math.pi * (1 - min(max(grade, 0.0), 4.0) / 4)
    return round(radius * math.cos(angle), 2), round(-radius * math.sin(angle), 2)


def _arc(low: float, high: float) -> str:
    (x0, y0), (x1, y1) = _on_circle(low, 100), _on_circle(high, 100)
    return f"M{x0} {y0}A100 100 0 0 1 {x1} {y1}"
