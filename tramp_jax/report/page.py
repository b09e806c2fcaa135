"""The report page: one self-contained HTML file, readable offline, without any outside link.

Everything that comes from data is escaped: text by jinja's autoescape, figures by its `tojson`. The page's content policy
forbids every request and every script but its own two, by their digests.
"""

from __future__ import annotations

import base64
import csv
import io
import itertools
import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
from plotly.offline import get_plotlyjs

from input_pipeline.motion.kinematics import Kinematics
from input_pipeline.records import Clip
from input_pipeline.whole_files import write_whole
from tramp_jax.report import figures, offline, words
from tramp_jax.report.keyframes import TRAIL_COLOURS, key_frames, key_moments

_CHECK_WORDS = {
    "agrees": "✓ as measured",
    "degree": "≈ other degree",
    "disagrees": "✗ disagrees",
    "unmeasured": "not checked",
    "unread": "not checked",
}
_NOT_CHECKED = {
    "unmeasured": "Not among the findings of this task: see the curve.",
    "unread": "Says nothing about motion that this software can read.",
}
_IN_TEXT_WORDS = {
    "yes": "✓ yes",
    "partly": "partly",
    "degree": "≈ other degree",
    "differs": "✗ otherwise",
    "no": "not said",
}
# Shown large, above everything else.
_PROMINENT = {
    "poor_tracking": "Poor tracking",
    "simulated_model": "Model trained on simulated faces",
    "simulated_face": "Simulated face",
}
# With one of these the score is shown pale.
_UNRELIABLE = frozenset({"poor_tracking", "simulated_model"})


def write_page(assessment: dict[str, Any], clip: Clip, kinematics: Kinematics, path: Path, *, show_face: bool) -> None:
    """Writes the page of one clip.

    Args:
      assessment: from `tramp_jax.report.assessment.make_assessment`.
      clip: its landmarks and frames.
      kinematics: what was measured.
      path: the HTML file.
      show_face: False leaves every pixel of the face out; mesh and trails stay.
    """
    expression = clip.label.expression
    moments = key_moments(kinematics, expression)
    pictures = key_frames(clip, moments, show_face)
    main, others = figures.regions_of(expression, kinematics)
    script = offline.file_text("page.js")
    cautions = list(zip(assessment["flags"], assessment["warnings"], strict=True))
    html = offline.render(
        "page.html.j2",
        a=assessment,
        title=words.TASKS[expression],
        prominent=[(flag, _PROMINENT[flag], line) for flag, line in cautions if flag in _PROMINENT],
        cautions=[line for flag, line in cautions if flag not in _PROMINENT],
        unreliable=bool(_UNRELIABLE & set(assessment["flags"])),
        dial=figures.dial(assessment["severity"], assessment["interval"]),
        grades=list(zip(words.GRADES, assessment["grade_distribution"], strict=True)),
        key_frames=pictures,
        has_images=any(picture.image for picture in pictures),
        trail_colours=TRAIL_COLOURS,
        sentences=_sentences(assessment, kinematics),
        rows=words.finding_rows(assessment["findings"], assessment["measurements"]),
        in_text=_IN_TEXT_WORDS,
        regions={"": main, "Other regions": others},
        curves=figures.CURVES,
        specs={name: figures.curve_figure(name, kinematics, expression, moments) for name in (*main, *others)},
        tracking=tracking_rows(assessment, clip, kinematics),
        runs=_runs(np.asarray(clip.tracked, bool)),
        about=_about(assessment),
        json_link=_link("application/json", json.dumps(assessment, indent=2, ensure_ascii=False)),
        csv_link=_link("text/csv", curves_csv(kinematics)),
        css=offline.file_text("page.css"),
        plotly_js=(plotly_js := get_plotlyjs()),
        script=script,
        policy=offline.policy(plotly_js, script),
    )
    write_whole({path: html})


def write_index(rows: list[dict[str, Any]], path: Path) -> None:
    """Writes the index of several clips: a sortable table with a link to each page.

    Args:
      rows: clip, page (relative path, empty where it failed), expression, severity, interval, frames, frames_tracked,
        warnings, error.
      path: the HTML file.
    """
    script = offline.file_text("index.js")
    html = offline.render(
        "index.html.j2",
        rows=[{**row, "link": f"./{quote(row['page'])}" if row["page"] else ""} for row in rows],
        tasks=words.TASKS,
        css=offline.file_text("page.css"),
        script=script,
        policy=offline.policy(script),
    )
    write_whole({path: html})


def curves_csv(kinematics: Kinematics) -> str:
    """Every curve over time: seconds since the clip's first frame, tracked, then one column per curve (in IOD)."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    names = sorted(kinematics.curves)
    writer.writerow(["seconds", "tracked", *names])
    for seconds, tracked, *row in zip(
        kinematics.times - kinematics.times[0], kinematics.tracked, *(kinematics.curves[name] for name in names), strict=True
    ):
        writer.writerow([f"{seconds:.4f}", int(tracked), *(f"{value:.6f}" for value in row)])
    return text.getvalue()


def tracking_rows(assessment: dict[str, Any], clip: Clip, kinematics: Kinematics) -> list[tuple[str, str]]:
    """(what, words) on how well the face was followed."""
    found, total = assessment["frames_tracked"], assessment["frames"]
    longest = max((end - begin for begin, end in figures.gaps(kinematics)), default=0.0)
    rows = [
        ("Face found", f"{found} of {total} frames ({100 * found / total:.0f} %)"),
        ("Longest time without a face", f"{longest:.1f} s"),
        ("Frame rate", f"{assessment['fps']:.1f} per second"),
        ("Jitter of the tracked points", f"{kinematics.noise_floor:.4f} IOD (standard deviation from frame to frame)"),
    ]
    if (turn := assessment["measurements"].get("head_rotation/global/none")) is not None:
        rows.append(("Largest turn of the head", f"{turn:.0f} degrees; head motion is taken out of the curves"))
    crop = clip.label.source.get("crop")
    if isinstance(crop, list) and len(crop) == 3:
        rows.append(("Distance between the eyes", f"{kinematics.iod * float(crop[2]):.0f} pixels of the video"))
    return rows


def _sentences(assessment: dict[str, Any], kinematics: Kinematics) -> list[dict[str, Any]]:
    """The sentences with what the page shows beside each."""
    shown = []
    for sentence in assessment["sentences"]:
        names, check = sentence["curves"], sentence["check"]
        found = "; ".join(words.describe(finding) for finding in sentence["measured"])
        sides = {name.split("/")[1] for name in names}
        shown.append(
            {
                **sentence,
                "mark": _CHECK_WORDS[check],
                "region": names[0].split("/")[0] if names else "",
                "side": sides.pop() if len(sides) == 1 else "",
                "spark": figures.sparkline(names, kinematics) if names else None,
                "remark": f"Measured: {found}." if check in ("degree", "disagrees") else _NOT_CHECKED.get(check, ""),
            }
        )
    return shown


def _about(assessment: dict[str, Any]) -> list[tuple[str, str]]:
    """Where score and landmarks come from: every plain value of the two records."""
    pairs = [(f"Model: {key}", value) for key, value in assessment["model"].items()]
    pairs += [("Model: trained on", assessment["trained_on"]), ("Data set of the clip", assessment["data"])]
    pairs += [(f"Extractor: {key.replace('_', ' ')}", value) for key, value in assessment["extractor"].items()]
    return [(key, str(value)) for key, value in pairs if isinstance(value, str | int | float)]


def _runs(tracked: np.ndarray) -> list[tuple[bool, float]]:
    """(tracked, share of the clip in percent) for each run of equal flags, for the tracking bar."""
    edges = np.flatnonzero(np.diff(tracked.astype(int))) + 1
    bounds = [0, *edges.tolist(), len(tracked)]
    return [(bool(tracked[a]), 100 * (b - a) / len(tracked)) for a, b in itertools.pairwise(bounds)]


def _link(kind: str, text: str) -> str:
    return f"data:{kind};base64,{base64.b64encode(text.encode()).decode()}"
