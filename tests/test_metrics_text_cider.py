"""CIDEr-D is pycocoevalcap's on the same tokens, and says where it is 0 whatever is said."""

import pytest
from pycocoevalcap.cider.cider import Cider
from text_factory import ODD_PAIRS, REPORTS, random_reports

from tramp_jax.metrics.severity import NO_CLIPS
from tramp_jax.metrics.text.cider import cider_d, cider_d_of_each
from tramp_jax.metrics.text.tokens import caption_tokens


def by_pycocoevalcap(said, meant):
    spoken, references = ({i: [" ".join(caption_tokens(text))] for i, text in enumerate(texts)} for texts in (said, meant))
    return Cider().compute_score(references, spoken)


@pytest.mark.parametrize("seed", range(5))
def test_cider_d_of_reports_equals_pycocoevalcap(seed):
    said, meant = random_reports(seed), random_reports(seed + 100)
    mean, each = by_pycocoevalcap(said, meant)
    assert cider_d_of_each(said, meant) == pytest.approx(each, abs=1e-9)
    value, flag = cider_d(said, meant)
    assert value == pytest.approx(mean, abs=1e-9)
    assert (value > 0.01, flag) == (True, "")


def test_cider_d_of_odd_pairs_equals_pycocoevalcap():
    said, meant = zip(*ODD_PAIRS, strict=True)
    assert cider_d_of_each(said, meant) == pytest.approx(by_pycocoevalcap(said, meant)[1], abs=1e-9)


def test_identity_is_ten_where_all_four_orders_have_weight_and_less_where_a_text_is_short():
    assert cider_d_of_each(REPORTS, REPORTS) == pytest.approx([10.0] * 4)
    short = ["brow moves", *REPORTS]
    assert cider_d_of_each(short, short)[0] == pytest.approx(5.0)


def test_one_reference_and_references_alike_are_zero_with_a_flag():
    assert cider_d(REPORTS[:1], REPORTS[:1]) == (0.0, "one reference: every n-gram has weight 0")
    assert by_pycocoevalcap(REPORTS[:1], REPORTS[:1])[0] == 0.0
    alike = [REPORTS[0]] * 3
    assert cider_d(REPORTS[:3], alike) == (0.0, "references alike: every n-gram has weight 0")
    assert by_pycocoevalcap(REPORTS[:3], alike)[0] == 0.0
    assert cider_d([], []) == NO_CLIPS


def test_lists_of_different_length_are_refused():
    with pytest.raises(ValueError, match="argument 2"):
        cider_d(REPORTS[:2], REPORTS)
