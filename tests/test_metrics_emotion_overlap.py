"""Overlap by words is set arithmetic; a judge's scores are read strictly, and what cannot be read is told."""

import numpy as np
import pytest

from tramp_jax.metrics.emotion import overlap


def test_clue_overlap_is_the_f1_of_content_words():
    # {brow, raise, mouth, open} and {brow, lower, mouth, open, wide}: 2 * 3 / 9. "raised" loses its ending.
    found = overlap.clue_overlap(["The brows are raised, the mouth is open."], ["His brows lower; mouth open wide."])
    assert found == pytest.approx([2 * 3 / 9])
    assert overlap.clue_overlap(["The mouth."] * 2, ["", "of the"]).tolist() == [0.0, 0.0]


def test_label_overlap_knows_spellings_and_denials():
    truths = overlap.label_sets(["He seems glad, happy even, but is anxious.", "calm", "sad and angry"])
    said = overlap.label_sets(["anxiety, joy", "A plain face.", "not sad but angry, and afraid"])
    assert said == [{"anxiety", "happiness"}, set(), {"anger", "fear"}]
    assert overlap.label_overlap(truths, said) == pytest.approx([1.0, 1.0, 1 / 3])
    assert overlap.set_precision(truths, said) == pytest.approx([1.0, 0.0, 0.5])
    assert overlap.set_recall(truths, said) == pytest.approx([1.0, 1.0, 0.5])


@pytest.mark.parametrize(
    ("reply", "score"),
    [
        ("'score': 7; 'reason': 3 of 5 clues", 7.0),
        ("8.5/10", 8.5),
        ("Score: 10", 10.0),
        ("<think>perhaps 3</think>9", 9.0),
        ("<think>perhaps 3", None),
        ("0", None),
        ("11", None),
        ("very good", None),
        ("", None),
    ],
)
def test_a_reply_is_read_or_not(reply, score):
    assert overlap.read_score(reply) == score


def test_the_mean_is_over_replies_that_were_read_and_says_so():
    assert overlap.mean_score([7.0, None, 8.0]) == (7.5, "1 of 3 replies unread")
    assert overlap.mean_score([None]) == (None, "1 of 1 replies unread")
    assert overlap.mean_score([]) == (None, "no clips")


def test_labels_are_first_taken_out_of_either_text_then_scored():
    asked = []

    def ask(question):
        asked.append(question)
        return ["happy", "anxious", "score: 2"][len(asked) - 1]

    found = overlap.judged_labels(ask, ["TRUE TEXT {x}"], ["SAID"])
    assert found.scores == [2.0]
    assert "TRUE TEXT {x}" in asked[0]
    assert "SAID" in asked[1]
    assert "happy" in asked[2]
    assert "anxious" in asked[2]
    assert "TRUE TEXT" not in asked[2]


def test_no_texts_give_no_values():
    assert np.array_equal(overlap.clue_overlap([], []), np.zeros(0))
