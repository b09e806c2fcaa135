"""Every metric on a draw is the metric on the repeated rows, by SciPy and scikit-learn, conventions included."""

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics as sk

from tramp_jax.metrics import severity
from tramp_jax.metrics.bootstrap import SubjectDraws
from tramp_jax.metrics.scored import ScoredClips
from tramp_jax.metrics.severity_table import ROWS, resampled_tables

DRAWS = 25
LABELS = [0, 1, 2, 3, 4]


def _clips(seed: int, *, ties: bool = False, halves: bool = False, subjects: int = 9, each: int = 4) -> ScoredClips:
    rng = np.random.default_rng(seed)
    n = subjects * each
    truth = rng.choice(9 if halves else 5, n) / (2 if halves else 1)
    prediction = truth + rng.normal(0, 1.3, n)
    if ties:
        prediction = np.round(prediction)
    distribution = np.round(rng.dirichlet(np.ones(5), n), 1 if ties else 6) + 1e-3
    middle = rng.uniform(0, 4, n)
    reach = np.round(rng.uniform(0, 2, n), 1 if ties else 9)
    subject = np.repeat([f"s{i}" for i in range(subjects)], each)
    interval = np.stack([middle - reach, middle + reach], axis=1)
    return ScoredClips(subject, np.full(n, "smile"), truth, prediction, distribution, interval)


def _naive_curve_area(loss, uncertainty):
    """By every prefix; the expectation over orders of equals is that each member of a group has the group's mean loss."""
    group_mean = np.array([loss[uncertainty == u].mean() for u in uncertainty])
    ordered = group_mean[np.argsort(uncertainty, kind="stable")]
    return np.mean([ordered[:k].mean() for k in range(1, len(loss) + 1)])


def _icc_by_anova(truth, prediction):
    table = np.stack([truth, prediction], axis=1)
    n = len(truth)
    grand = table.mean()
    rows, columns = table.mean(axis=1), table.mean(axis=0)
    msr = 2 * sum((rows - grand) ** 2) / (n - 1)
    msc = n * sum((columns - grand) ** 2)
    mse = sum((table[i, j] - rows[i] - columns[j] + grand) ** 2 for i in range(n) for j in range(2)) / (n - 1)
    return (msr - mse) / (msr + mse + 2 * (msc - mse) / n)


def _energy(truth, distribution):
    return np.mean([stats.energy_distance(LABELS, [y], p) ** 2 / 2 for y, p in zip(truth, distribution, strict=True)])


def _entropy(distribution):
    return stats.entropy(distribution, axis=1)


def _grades(x):
    return np.clip(np.floor(x + 0.5), 0, 4).astype(int)


# Each by another's code or by its definition, of the rows (truth, prediction, distribution, interval).
NAIVE = {
    "spearman": lambda y, p, d, i: stats.spearmanr(y, p).statistic,
    "pearson": lambda y, p, d, i: stats.pearsonr(y, p).statistic,
    "kendall_tau_b": lambda y, p, d, i: stats.kendalltau(y, p).statistic,
    "mae": lambda y, p, d, i: sk.mean_absolute_error(y, p),
    "macro_mae": lambda y, p, d, i: np.mean(
        [sk.mean_absolute_error(y[_grades(y) == g], p[_grades(y) == g]) for g in set(_grades(y))]
    ),
    "rmse": lambda y, p, d, i: sk.root_mean_squared_error(y, p),
    "relative_l2": lambda y, p, d, i: 100 * sk.mean_squared_error(y / 4, p / 4),
    "quadratic_kappa": lambda y, p, d, i: sk.cohen_kappa_score(_grades(y), _grades(p), labels=LABELS, weights="quadratic"),
    "icc_a1": lambda y, p, d, i: _icc_by_anova(y, p),
    "accuracy": lambda y, p, d, i: sk.accuracy_score(_grades(y), _grades(p)),
    "within_one": lambda y, p, d, i: np.mean(np.abs(_grades(y) - _grades(p)) <= 1),
    "macro_f1": lambda y, p, d, i: sk.f1_score(_grades(y), _grades(p), labels=sorted(set(_grades(y))), average="macro"),
    "rps": lambda y, p, d, i: _energy(y, d),
    "interval_coverage": lambda y, p, d, i: np.mean([low <= t <= high for t, (low, high) in zip(y, i, strict=True)]),
    "interval_width": lambda y, p, d, i: np.mean([high - low for low, high in i]),
    "aurc_interval_width": lambda y, p, d, i: _naive_curve_area(np.abs(y - p), np.round(i[:, 1] - i[:, 0], 9)),
    "aurc_entropy": lambda y, p, d, i: _naive_curve_area(np.abs(y - p), np.round(_entropy(d), 9)),
}


def test_every_metric_has_a_naive_rival():
    assert set(NAIVE) == set(ROWS)


@pytest.mark.parametrize("name", ROWS)
@pytest.mark.parametrize("kind", [{}, {"ties": True}, {"halves": True}, {"ties": True, "halves": True}], ids=str)
def test_a_draw_and_the_metric_itself_are_the_naive_metric_on_the_repeated_rows(name, kind):
    clips = _clips(3, **kind)
    draws = SubjectDraws.of(clips.subject, DRAWS, seed=1)
    values = resampled_tables(draws, clips, ["smile"], [name])[name]["smile"]
    for draw in range(DRAWS):
        rows = np.repeat(np.arange(len(clips)), draws.counts[draw][draws.subject])
        drawn = clips.take(rows)
        expected = NAIVE[name](drawn.truth, drawn.prediction, drawn.distribution, drawn.interval)
        assert values[draw] == pytest.approx(expected, abs=1e-9)
        assert ROWS[name].metric(*ROWS[name].arrays(drawn)).value == pytest.approx(expected, abs=1e-9)


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize("name", ROWS)
@pytest.mark.parametrize(
    ("truth", "prediction"),
    [
        ([2.0] * 6, [0.3, 1, 2, 3, 4, 5]),
        ([0.0, 1, 2, 3, 4, 0], [1.7] * 6),
        ([1.3] * 6, [1.3] * 6),
        ([0.0, 0, 0, 1, 1, 1], [0.4, 0.3, 0.3, 0.3, 0.3, 0.3]),
        ([1.0, 2, 2, 1, 1, 2], [2.0, 1, 1, 2, 2, 1]),
        ([0.0, 1, 2, 3, 4, 4], [1e9, 1, 2, 3, 3.5, 4]),
        ([0.0, 1, 2, 3, 4, 4], [1e-9, 2e-9, 1e-9, 3e-9, 0, 0]),
        ([0.0, 1, 2, 3, 4, 4], [0.37, 0.37, 0.37, 0.1, 0.9, 7.77]),
        ([0.0, 1, 3, 3, 4, 2], [0.0, 0, 0, 1e7 + 0.1, 1e7 + 0.2, 1e7 + 0.7]),
        ([2.0], [1.0]),
        ([0.3, 0.7], [0.7, 0.3]),
        ([2.0, 1.0], [1.0, 2.0]),
    ],
    ids=str,
)
def test_draws_of_what_is_degenerate_have_the_value_that_the_metric_has(name, truth, prediction):
    truth, prediction = np.array(truth), np.array(prediction)
    n = len(truth)
    clips = ScoredClips(
        np.arange(n).astype(str),
        np.full(n, "smile"),
        truth,
        prediction,
        np.tile([1.0, 0, 0, 0, 0], (n, 1)),
        np.stack([prediction, prediction], axis=1),
    )
    draws = SubjectDraws.of(clips.subject, 200, seed=2)
    values = resampled_tables(draws, clips, ["smile"], [name])[name]["smile"]
    for draw in range(200):
        drawn = clips.take(np.repeat(np.arange(n), draws.counts[draw][draws.subject]))
        expected = ROWS[name].metric(*ROWS[name].arrays(drawn)).value
        assert values[draw] == pytest.approx(expected, abs=1e-9, rel=1e-9)


def test_a_draw_without_clips_of_an_expression_is_left_out_of_the_mean_for_every_metric():
    clips = _clips(5)
    expression = np.where(np.arange(len(clips)) < 4, "kiss", "smile")  # one person alone was asked to kiss
    clips = ScoredClips(
        clips.subject, expression, *(getattr(clips, x) for x in ("truth", "prediction", "distribution", "interval"))
    )
    draws = SubjectDraws.of(clips.subject, 60)
    absent = draws.counts[:, 0] == 0
    assert 0 < absent.mean() < 1
    for table in resampled_tables(draws, clips, ["smile", "kiss"], list(ROWS)).values():
        assert (np.isnan(table["kiss"]) == absent).all()
        np.testing.assert_allclose(table["mean"][absent], table["smile"][absent])
        np.testing.assert_allclose(table["mean"][~absent], (table["smile"] + table["kiss"])[~absent] / 2)


def test_kendalls_tau_b_takes_truths_of_many_values():
    rng = np.random.default_rng(0)
    truth, prediction = rng.normal(size=300), np.round(rng.normal(size=300), 1)
    values = SubjectDraws.of(np.arange(300).astype(str), 5).evaluate(ROWS["kendall_tau_b"].resampled(truth, prediction))
    for draw, value in zip(SubjectDraws.of(np.arange(300).astype(str), 5).counts, values, strict=True):
        rows = np.repeat(np.arange(300), draw[np.unique(np.arange(300).astype(str), return_inverse=True)[1]])
        assert value == pytest.approx(stats.kendalltau(truth[rows], prediction[rows]).statistic, abs=1e-9)
        assert value == pytest.approx(severity.kendall_tau_b(truth[rows], prediction[rows]).value, abs=1e-9)


def test_two_clips_that_swap_places_are_no_huge_number_by_rounding():
    truth, prediction = np.array([0.0, 0.1, 1, 1, 0.3]), np.array([0.1, 0.0, 0.7, 0.7, 0.1])
    assert ROWS["icc_a1"].resampled(truth, prediction)(np.array([[1.0, 1, 0, 0, 0]])).tolist() == [0.0]
