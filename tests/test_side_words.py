"""Side words weigh what they are told to, both ways round, and clips that name a side come as often as they are told to."""

import collections
import itertools

import numpy as np
import pytest
from clip_factory import make_clip

from input_pipeline.errors import UserError
from input_pipeline.pipeline import batches, default_data_config, shares
from input_pipeline.shards import Dataset, write_dataset
from input_pipeline.side_words import names_a_side, side_word_ids
from input_pipeline.tokenizer import Tokenizer, train_tokenizer
from input_pipeline.transforms import flip_report

SIDED, EVEN = "Left of all, the right brow moves.", "Both brows move brightly."
CLIPS = 12  # the first two name a side
NEEDS = frozenset({"text"})


@pytest.fixture(scope="module")
def tokenizer():
    return Tokenizer(train_tokenizer([SIDED, flip_report(SIDED), EVEN] * 20, 340))


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    write_dataset([make_clip(k, score=1, report=SIDED if k < 2 else EVEN) for k in range(CLIPS)], folder, "made", 1, {})
    return Dataset.open(folder)


def stream(dataset, tokenizer, needs=NEEDS, train=True, indices=range(CLIPS), steps=CLIPS, **options):
    config = default_data_config()
    config.update({"text_length": 96, "read_threads": 0} | options)
    made = batches(dataset, list(indices), config, tokenizer, task="t", batch_size=1, seed=0, train=train, needs=needs)
    return list(itertools.islice(made, steps))


def test_side_words_alone_weigh_more_in_training_as_filmed_and_mirrored(dataset, tokenizer):
    texts = set()
    for batch in stream(dataset, tokenizer, indices=[0], side_word_weight=5.0):
        tokens, mask = batch["tokens"][0], batch["loss_mask"][0]
        heavy = [tokenizer.decode([token]).strip() for token in tokens[mask == 5]]
        texts.add(tuple(heavy))
        assert set(mask) == {0, 1, 5}
    assert texts == {("Left", "right"), ("Right", "left")}
    (plain,) = stream(dataset, tokenizer, indices=[0], train=False, side_word_weight=5.0)
    assert set(plain["loss_mask"][0]) == {0, 1}


def test_a_word_that_only_holds_a_side_word_is_none(tokenizer):
    assert {tokenizer.decode([token]).strip().lower() for token in side_word_ids(tokenizer)} == {"left", "right"}
    assert names_a_side("weaker on the Left.")
    assert not names_a_side(EVEN)


def test_a_tokenizer_that_writes_a_side_in_pieces_is_refused(dataset):
    pieces = Tokenizer(train_tokenizer(["Both brows move. Even so, the left."] * 20, 320))
    with pytest.raises(UserError, match=r"data\.side_word_weight: the tokenizer has no token for right: set it to 1"):
        stream(dataset, pieces, side_word_weight=2.0)


def test_clips_that_name_a_side_have_their_share_of_an_epoch(dataset, tokenizer):
    drawn = collections.Counter(int(b["clip_index"][0]) < 2 for b in stream(dataset, tokenizer, balance_by="side"))
    assert drawn == {True: CLIPS / 2, False: CLIPS / 2}
    config = default_data_config()
    config.balance_by = "side"
    assert shares(dataset, range(CLIPS), config, NEEDS, task="t") == {"even": (10, 6), "one-sided": (2, 6)}


def test_a_weight_that_is_none_is_told(dataset, tokenizer):
    with pytest.raises(UserError, match=r"data\.side_word_weight=0\.0: must be positive"):
        stream(dataset, tokenizer, side_word_weight=0.0)


def test_every_other_token_keeps_its_place_and_text(dataset, tokenizer):
    for light, heavy in zip(stream(dataset, tokenizer), stream(dataset, tokenizer, side_word_weight=3.0), strict=True):
        np.testing.assert_array_equal(light["tokens"], heavy["tokens"])
