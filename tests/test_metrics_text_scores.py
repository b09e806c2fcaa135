"""All word scores at once are the scores one by one, and their draws hold them."""

import numpy as np
import pytest
from text_factory import REPORTS, random_reports

from tramp_jax.metrics import text
from tramp_jax.metrics.bootstrap import SubjectDraws


def test_every_score_is_there_and_equals_its_own_function():
    said, meant = random_reports(0), random_reports(100)
    values, statistics, flags = text.score_texts(said, meant)
    assert tuple(values) == tuple(statistics) == text.TEXT_SCORES
    alone = {name: getattr(text, name)(said, meant) for name in ("bleu4", "rouge_l", "meteor_no_wn")}
    alone |= {"cider_d": text.cider_d(said, meant).value, "chrf": text.chrf2(said, meant)}
    assert {name: values[name] for name in alone} == pytest.approx(alone, abs=1e-9)
    assert flags == []


def test_intervals_over_subjects_hold_the_scores():
    said, meant = random_reports(0, 60), random_reports(100, 60)
    values, statistics, _ = text.score_texts(said, meant)
    draws = SubjectDraws.of([f"s{i // 3}" for i in range(60)], draws=200)
    for name in text.TEXT_SCORES:
        low, high, _ = draws.interval(statistics[name])
        assert low < values[name] < high, name


def test_a_drawn_report_counts_as_often_as_it_is_drawn():
    said, meant = random_reports(0, 6), random_reports(100, 6)
    row = np.array([[2.0, 0.0, 1.0, 0.0, 3.0, 0.0]])
    again = [np.repeat(np.array(texts, dtype=object), row[0].astype(int)).tolist() for texts in (said, meant)]
    drawn, _, _ = text.score_texts(*again)
    statistics = text.score_texts(said, meant).statistics
    # CIDEr-D keeps the weights that its n-grams have in the whole set.
    for name in set(text.TEXT_SCORES) - {"cider_d"}:
        assert statistics[name](row)[0] == pytest.approx(drawn[name], abs=1e-9), name


def test_the_trap_of_cider_is_told_and_no_reports_are_refused():
    assert text.score_texts(REPORTS[:1], REPORTS[:1]).flags == ["cider_d: one reference: every n-gram has weight 0"]
    with pytest.raises(ValueError, match="no reports"):
        text.score_texts([], [])
