import pytest
from report_factory import as_clip, assess, smile_face

from input_pipeline.motion.facts import ATTRIBUTES, REGIONS_OF_FACTS, UNITS
from input_pipeline.records import EXPRESSIONS
from tramp_jax.report import words


def test_the_whole_vocabulary_has_words():
    assert set(words.ATTRIBUTE_WORDS) == set(ATTRIBUTES)
    assert set(words.REGIONS) == set(REGIONS_OF_FACTS)
    assert set(words.TASKS) == set(EXPRESSIONS)
    assert set(words.UNITS) <= set(UNITS)


def test_a_row_shows_both_sides_and_says_which_is_weaker():
    assessment, _ = assess(as_clip(*smile_face(left=0.05)))
    rows = {row["what"]: row for row in words.finding_rows(assessment["findings"], assessment["measurements"])}
    reach = rows["Range of movement"]
    assert float(reach["left"]) == pytest.approx(0.05, abs=0.005)
    assert float(reach["right"]) == pytest.approx(0.2, abs=0.005)
    assert reach["levels"] == [("left: markedly reduced", True), ("right: normal", False)]
    assert reach["normal"] == "0.12 or more"
    assert rows["Left-right difference"]["levels"] == [("asymmetric, weaker on the left", True)]
    assert rows["Blink rate"]["left"] is None


@pytest.mark.parametrize(
    ("ends", "said"), [([0.12, None], "0.12 or more"), ([None, 10.0], "below 10"), ([4.0, 9.0], "4 to 9"), ([], "")]
)
def test_normal_ranges_in_words(ends, said):
    assert words.range_words({"normal_range": ends}) == said


def test_a_finding_in_a_line():
    finding = {"region": "mouth_corner", "side": "left", "attribute": "amplitude", "level": "markedly_reduced"}
    line = words.describe({**finding, "value": 0.05, "unit": "IOD", "abnormal": True})
    assert line == "range of movement of the left mouth corner: markedly reduced (0.050 IOD)"
