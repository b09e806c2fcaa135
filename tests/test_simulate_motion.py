"""Signs become motion: later, smaller, slower, uneven, and with fewer blinks."""

import numpy as np
import pytest

from input_pipeline.simulate import motion, signs
from input_pipeline.simulate.skin import FOLDS
from input_pipeline.simulate.units import UNIT

TIMES = np.arange(120) / 28.0


def truth(impairment=0.0, **changes):
    values = {name: sign.value(impairment) for name, sign in signs.SIGNS.items()}
    return {**values, "severity": impairment, "worse_side": 1.0, **changes}


def perform(expression="smile", seed=0, impairment=0.0, **changes):
    return motion.perform(expression, truth(impairment, **changes), 1.0, TIMES, np.random.default_rng(seed))


def averaged(name, **arguments):
    curves = [perform(seed=seed, **arguments).activations[:, UNIT[name]] for seed in range(12)]
    return np.mean([curve.max() for curve in curves])


def test_frame_times_increase_at_a_rate_between_20_and_30_a_second():
    for seed in range(30):
        times = motion.sample_times(np.random.default_rng(seed))
        assert times[0] == 0
        assert (np.diff(times) > 0).all()
        assert 1 / 31 < np.median(np.diff(times)) < 1 / 19
        assert 3.3 < times[-1] < 5.5


def test_a_severe_face_moves_less():
    assert averaged("smile_right", impairment=4.0) < 0.5 * averaged("smile_right", impairment=0.0)


def test_neighbours_are_recruited_less():
    assert averaged("cheek_right", coactivation=0.1) < 0.4 * averaged("cheek_right", coactivation=1.0)


def test_the_worse_side_falls_behind():
    assert averaged("smile_left", asymmetry=0.6) < 0.65 * averaged("smile_right", asymmetry=0.6)
    assert averaged("smile_right", asymmetry=0.6, worse_side=-1.0) < 0.65 * averaged(
        "smile_left", asymmetry=0.6, worse_side=-1.0
    )


def test_folds_deepen_with_the_effort_and_less_so_with_severity():
    change = {}
    for fold in (1.0, 0.2):
        performance = perform(fold=fold)
        depth = performance.folds[:, FOLDS.index("nasolabial")]
        assert np.corrcoef(depth, performance.effort)[0, 1] > 0.99
        change[fold] = np.ptp(depth)
    assert change[0.2] == pytest.approx(0.2 * change[1.0], rel=1e-3)


def test_a_slow_face_reaches_its_apex_later():
    slow, fast = (perform(rise_time=seconds, sag=0.0, hesitation=0.0).effort for seconds in (0.9, 0.2))
    rise = [np.interp(0.9, e[: e.argmax() + 1], TIMES[: e.argmax() + 1]) for e in (slow, fast)]
    assert rise[0] > rise[1] + 0.4


def test_sag_is_the_share_lost_by_the_end_of_the_hold():
    effort = perform(sag=0.5, rise_time=0.3).effort
    release = np.flatnonzero(effort > 0.45)[-1]
    assert effort[release] == pytest.approx(0.5, abs=0.06)


def test_long_clips_pose_within_the_last_128_frames():
    times = np.arange(165) / 30.0
    effort = motion.perform("frown", truth(), 1.0, times, np.random.default_rng(0)).effort
    assert (effort[: 165 - 128 + 8] == 0).all()
    assert effort.max() > 0.95


def test_a_healthy_squeeze_closes_the_eyes_and_not_more():
    for seed in range(5):
        activations = perform("squeeze", seed=seed).activations
        left = activations[:, UNIT["close_left"]] + 0.28 * activations[:, UNIT["cheek_left"]]
        assert 0.9 < left.max() < 1.05


def test_blinks_come_at_their_rate():
    times = np.arange(3000) / 25.0
    for rate in (6.0, 24.0):
        values = truth(blink_rate=rate, blink_closure=1.0)
        closed = np.concatenate([motion._blinks(values, times[:250], np.random.default_rng(seed)) for seed in range(40)])
        count = (np.diff((closed > 0.5).astype(int)) == 1).sum()
        assert count / (40 * 10 / 60) == pytest.approx(rate, rel=0.15)


def test_lips_are_apart_for_their_share_of_the_time():
    for share in (0.2, 0.7):
        parted = np.concatenate(
            [
                perform("rest", seed, lip_parting=share, tremor=0.0).activations[:, UNIT["lips_part"]] > 0.25
                for seed in range(30)
            ]
        )
        assert parted.mean() == pytest.approx(share, abs=0.08)


def test_rest_has_no_effort_but_small_movements_that_fade_with_severity():
    assert perform("rest").effort.max() == 0
    motions = [
        np.mean([np.ptp(perform("rest", s, impairment=u).activations[:, UNIT["raise_left"]]) for s in range(8)]) for u in (0, 4)
    ]
    assert motions[1] < 0.6 * motions[0]
