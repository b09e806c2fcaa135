import numpy as np
import plotly.graph_objects as go
import pytest
from face_factory import blink_wave, face, frame_times
from report_factory import as_clip, measured, smile_face

from input_pipeline.records import EXPRESSIONS
from tramp_jax.report import figures
from tramp_jax.report.keyframes import key_moments


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_plotly_accepts_every_figure(expression):
    kinematics = measured(as_clip(*smile_face(), lost=slice(90, 100)))
    main, others = figures.regions_of(expression, kinematics)
    assert set(main) | set(others) == set(figures.CURVES)
    for region in (*main, *others):
        go.Figure(figures.curve_figure(region, kinematics, expression, key_moments(kinematics, expression)))


def test_the_posed_region_comes_first():
    kinematics = measured(as_clip(*smile_face()))
    first = {expression: figures.regions_of(expression, kinematics)[0][0] for expression in EXPRESSIONS}
    assert first == {
        "rest": "mouth_corner",
        "smile": "mouth_corner",
        "frown": "brow",
        "squeeze": "eye",
        "clench": "mouth_corner",
    }


def test_the_curves_are_the_measured_ones_with_holes_where_no_face_was_found():
    kinematics = measured(as_clip(*smile_face(), lost=slice(90, 100)))
    figure = figures.curve_figure("mouth_corner", kinematics, "smile", {})
    for trace in figure["data"]:
        shown = np.array(trace["y"], float)
        assert (np.isnan(shown) == ~kinematics.tracked).all()
        curve = kinematics.curves[f"mouth_corner/{trace['meta']}"]
        assert shown[kinematics.tracked] == pytest.approx(curve[kinematics.tracked], abs=1e-4)
    ((begin, end),) = figures.gaps(kinematics)
    assert (begin, end) == pytest.approx((3.0, 100 / 30), abs=0.05)
    assert sum(shape["fillcolor"] == figures._GAP for shape in figure["layout"]["shapes"] if "fillcolor" in shape) == 1


def test_jitter_never_fills_the_plot():
    times = frame_times(4.0)
    noise = np.random.default_rng(0).normal(scale=0.006, size=(len(times), 63, 3))
    kinematics = measured(as_clip(times, face(times) + noise))
    figure = figures.curve_figure("jaw", kinematics, "rest", {})
    assert figure["layout"]["yaxis"]["range"][1] > 10 * kinematics.noise_floor
    assert figure["layout"]["shapes"][0]["y1"] == pytest.approx(3 * kinematics.noise_floor)


def test_blinks_are_marked_where_they_are():
    times = frame_times(5.0)
    wave = blink_wave(times, (1.0, 3.0))
    kinematics = measured(as_clip(times, face(times, blink_left=wave, blink_right=wave)))
    assert figures.blink_moments(kinematics) == pytest.approx([1.0, 3.0], abs=0.05)
    marks = figures.curve_figure("eye", kinematics, "smile", {})["data"][-1]
    assert marks["x"] == pytest.approx([1.0, 3.0], abs=0.05)


@pytest.mark.parametrize(("grade", "place"), [(0, (-84, 0)), (2, (0, -84)), (4, (84, 0)), (9, (84, 0))])
def test_the_needle_points_at_the_score_and_stays_on_the_dial(grade, place):
    assert figures.dial(grade, [0.0, 4.0])["needle"] == pytest.approx(place, abs=0.01)


def test_a_sparkline_breaks_where_the_face_is_lost():
    whole = measured(as_clip(*smile_face()))
    broken = measured(as_clip(*smile_face(), lost=slice(60, 90)))
    for kinematics, pieces in ((whole, 1), (broken, 2)):
        ((colour, path),) = figures.sparkline(["mouth_corner/left"], kinematics)["lines"]
        assert colour == figures.COLOURS["left"]
        assert path.count("M") == pieces
