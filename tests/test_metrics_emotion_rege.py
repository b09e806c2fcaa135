"""REGE's legacy variant does what the authors' script does, faults and all; the fixed one does not have them."""

import json

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix

from input_pipeline.errors import UserError
from tramp_jax.metrics.emotion import rege
from tramp_jax.metrics.emotion.rouge import rouge_l

# A lexicon of our own: the classes below are what the authors' functions return with it.
LEXICON = {
    "happiness": ("happy", "smile"),
    "neutral": ("calm",),
    "surprise": ("wide", "curious"),
    "fear": ("panic", "curious"),
    "disgust": ("sour",),
    "anger": ("glare",),
    "sadness": ("tears",),
}
HAPPINESS, SADNESS, SURPRISE, ANGER, NEUTRAL, DISGUST, FEAR = range(7)


@pytest.mark.parametrize(
    ("text", "legacy", "fixed"),
    [
        ("The smile is broad. Tears are absent.", HAPPINESS, HAPPINESS),
        ("The nose is wrinkled in a sour way. A calm face.", NEUTRAL, DISGUST),  # "nose" holds "no"
        ("He shows no smile. The eyes are wide.", SURPRISE, SURPRISE),
        ("A plain face.", HAPPINESS, rege.UNREAD),  # the first of seven zeros
        ("Lips part. A glare. A glare, then panic.", ANGER, ANGER),
        ("It is a curious look.", SURPRISE, SURPRISE),  # in two lexicons: the order of classes decides
        ("Not a smile.", HAPPINESS, HAPPINESS),  # nothing is left, so all is read
        ("The look isn't sour. Tears.", SADNESS, SADNESS),
        ("A smile", None, HAPPINESS),  # the script stops
        ("Another day. Eyes filled with tears! Calm.", SADNESS, rege.UNREAD),  # "another" too; else a tie
        ("Brows drawn.\nA glare. Sour.", ANGER, rege.UNREAD),
        ("Dr. Who has a glare. Is it panic? Tears.", SADNESS, rege.UNREAD),
    ],
)
def test_which_emotion_a_text_names(text, legacy, fixed):
    assert rege.legacy_emotion(text, LEXICON) == legacy
    assert rege.fixed_emotion(text, LEXICON) == fixed


@pytest.mark.parametrize(
    ("meant", "said", "score"),
    [  # scores that the package rouge 1.0.1 gives
        ("The brows are raised. The mouth is open.", "The mouth is open. The brows are lowered.", 0.8571428521428571),
        ("a b c d", "a c b d", 0.749999995),
        ("Lips up, eyes wide.", "lips up eyes wide", 0.4999999950000001),
        ("the the the cat", "the cat sat", 0.7999999952000001),
        ("Score 0.5 and 0.5.", "0.5 is the score", 0.4444444395061729),
        ("x y. y x.", "y x. z", 0.7999999952000001),
        ("a b c a b", "b a c b a", 0.6666666616666668),
        ("a b b", "d b a d b", 0.39999999520000007),  # of two equally long sequences, the one without "a"
        ("...", "a", None),
        (" ", "a b", 0.0),
    ],
)
def test_rouge_is_that_of_the_package(meant, said, score):
    assert rouge_l(said, meant) == (None if score is None else pytest.approx(score, abs=1e-12))


def test_denied_units_count_in_the_legacy_variant_only():
    text = "No AU4 here, but AU12 - Lip Corner Puller: strong. AU06 is not seen; au25 - Lips part: not wide."
    assert rege.legacy_units(text) == ["4", "12", "06"]
    assert rege.fixed_units(text) == ["12", "25"]


def test_scores_of_emotion_in_percent():
    texts = ["A smile.", "A plain face.", "No end", ""]
    references = ["A smile.", "A plain face.", "x", "x"]
    found = rege.emotion_rege(np.array([HAPPINESS, HAPPINESS, ANGER, FEAR]), texts, references, LEXICON)
    assert found["legacy"].s_re == (50.0, "the authors' script stops on 2 texts: counted as wrong")
    assert found["legacy"].stops == 2
    assert found["legacy"].s_ge == (pytest.approx(200 / 3, abs=1e-6), "1 texts that ROUGE refuses left out")
    assert found["fixed"].s_re == (25.0, "")
    assert found["fixed"].unread == 3
    assert found["fixed"].s_ge == (pytest.approx(50.0, abs=1e-6), "1 texts that ROUGE refuses count as 0")
    for score in found.values():
        assert score.s_rege.value == pytest.approx(score.s_re.value + score.s_ge.value)


@pytest.mark.filterwarnings("ignore:A single label")
def test_f1_of_units_is_the_authors_formula_on_scikit_learns_matrix():
    rng = np.random.default_rng(0)
    units = ("1", "2", "4", "6", "9", "43")
    shares = [0.5, 0.2, 0.3, 0.0, 0.0, 1.0]  # the last three: of one kind
    truth = rng.random((30, 6)) < shares
    said = rng.random((30, 6)) < [0.5, 0.3, 0.2, 0.0, 0.1, 1.0]
    texts = [" ".join(f"AU{unit}" for unit, there in zip(units, row, strict=True) if there) for row in said]
    found = rege.units_rege([[u for u, t in zip(units, row, strict=True) if t] for row in truth], texts, ["x"] * 30, units)
    scores = []
    for k in range(6):
        matrix = confusion_matrix(truth[:, k], said[:, k])
        if matrix.shape == (2, 2):  # else the script's index fails, and it goes on to the next unit
            hits, wrong, missed = matrix[1, 1], matrix[0, 1], matrix[1, 0]
            scores.append(2 * hits / (2 * hits + wrong + missed))
    assert len(scores) == 4
    assert found["legacy"].s_re == (pytest.approx(100 * np.mean(scores), abs=1e-9), "2 units of one kind only left out")
    # Unit 6 is never there and never said, 0; unit 43 always both, 1.
    assert found["fixed"].s_re.value == pytest.approx(100 * (sum(scores) + 0 + 1) / 6, abs=1e-9)


def test_nothing_is_measured_of_no_texts():
    none = np.zeros(0, int)
    for found in (rege.emotion_rege(none, [], [], LEXICON), rege.units_rege([], [], [], ("1",))):
        assert {score.s_rege for score in found.values()} == {(None, "no clips")}


def test_without_references_there_is_no_generation_score():
    found = rege.emotion_rege(np.array([HAPPINESS]), ["A smile."], [""], LEXICON)["fixed"]
    assert found.s_re.value == 100.0
    assert found.s_ge == found.s_rege == (None, "no reference texts")


def test_the_words_are_read_from_a_script_without_running_it(tmp_path):
    table = {name: list(words) for name, words in LEXICON.items()}
    (tmp_path / "eval_FABA.py").write_text(f"import torch_that_is_not_there\nemotion_list = {table!r}\nraise SystemExit(1)\n")
    (tmp_path / "words.json").write_text(json.dumps(table))
    assert rege.read_lexicon(tmp_path / "eval_FABA.py") == rege.read_lexicon(tmp_path / "words.json") == LEXICON


@pytest.mark.parametrize(
    "text",
    [
        "",
        "emotion_list = open('x')",
        "emotion_list = {1: ['a'], 'fear': ['b']}",
        "emotion_list = {'fear': ['b']}",
        "def (",
        "\0",
    ],
)
def test_a_file_without_the_words_is_refused(tmp_path, text):
    (tmp_path / "x.py").write_text(text)
    with pytest.raises(UserError, match="eval_FABA"):
        rege.read_lexicon(tmp_path / "x.py")
