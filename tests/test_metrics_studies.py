"""Small studies: what choosing on the test people adds to the number, and what it adds to anything else."""

import numpy as np
import pytest
from linear_fit import descent, make_clips

from input_pipeline.errors import UserError
from tramp_jax.metrics.studies import small_studies


def test_on_noise_choosing_on_the_test_people_wins_on_them_and_on_nobody_else():
    clips, x = make_clips(120, seed=0, signal=0.0)
    found = small_studies(clips, 15, descent(x, clips.truth, 60), seed=0)
    assert (found["cohorts"], found["studies"], found["test_subjects"]) == (8, 24, [5])
    assert found["optimism"]["interval"][0] > 0.1
    assert found["gain_on_new_people"]["interval"][0] < 0.02
    assert abs(found["fair"]) < 0.2
    assert abs(found["literature_on_new_people"]) < 0.1


def test_the_difference_is_the_mean_over_the_studies():
    clips, x = make_clips(40, seed=1, signal=0.5)
    found = small_studies(clips, 12, descent(x, clips.truth, 20), seed=0)
    gaps = [row["literature"] - row["fair"] for row in found["by_study"]]
    assert len(gaps) == 9
    assert min(gaps) >= 0  # the best on the test clips is at least as good on them as any other
    np.testing.assert_allclose(found["optimism"]["difference"], np.mean(gaps))
    np.testing.assert_allclose(found["optimism"]["difference"], found["literature"] - found["fair"])


@pytest.mark.parametrize(("subjects", "size"), [(20, 15), (40, 7)])
def test_too_few_people_are_told(subjects, size):
    clips, x = make_clips(subjects, seed=0)
    with pytest.raises(UserError, match=f"{subjects} subjects make .* cohorts of {size}: expected 2 cohorts or more, of 8"):
        small_studies(clips, size, descent(x, clips.truth, 5), seed=0)
