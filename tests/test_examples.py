"""The words of an example: one pair or the whole conversation, and both sides swapped where the pictures are mirrored."""

import itertools

import numpy as np
import pytest
from clip_factory import make_clip
from tokenizer_factory import KINDS

from input_pipeline.errors import UserError
from input_pipeline.pipeline import batches, default_data_config
from input_pipeline.shards import Dataset, write_dataset
from input_pipeline.text import encode_conversation, encode_example
from input_pipeline.tokenizer import Tokenizer

PAIRS = [("Which brow moves?", "The left one."), ("Is the Right lid low?", "Yes, lower than the left."), ("Sure?", "Yes.")]
SWAPPED = [("Which brow moves?", "The right one."), ("Is the Left lid low?", "Yes, lower than the right."), ("Sure?", "Yes.")]
TURNS = tuple({"role": role, "content": text} for pair in PAIRS for role, text in zip(("user", "assistant"), pair, strict=True))
LENGTH = 512


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    return Tokenizer.load(KINDS["llama3"](tmp_path_factory.mktemp("tokenizer")))


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    write_dataset([make_clip(0, turns=TURNS), make_clip(1, report="The left brow rises.")], folder, "made", 1, {})
    return Dataset.open(folder)


def seen(dataset, tokenizer, index, train=True, steps=60, **options):
    """The different texts that a clip is shown with."""
    config = default_data_config()
    config.update({"text_length": LENGTH, "read_threads": 0} | options)
    needs = frozenset({"text"})
    stream = batches(dataset, [index], config, tokenizer, task="t", batch_size=1, seed=0, train=train, needs=needs)
    found = {batch["tokens"].tobytes(): batch for batch in itertools.islice(stream, steps)}
    return [{name: found[key][name][0] for name in ("tokens", "token_mask", "loss_mask", "prompt_length")} for key in found]


def same(found, expected):
    key = lambda text: text["tokens"].tobytes()  # noqa: E731
    assert len(found) == len(expected)
    for first, second in zip(sorted(found, key=key), sorted(expected, key=key), strict=True):
        assert all(np.array_equal(first[name], second[name]) for name in first)


def test_pairs_are_drawn_one_at_a_time_and_mirrored_with_their_questions(dataset, tokenizer):
    alone = [encode_example(tokenizer, *pair, LENGTH) for pair in PAIRS]
    mirrored = [encode_example(tokenizer, *pair, LENGTH) for pair in SWAPPED[:2]]
    same(seen(dataset, tokenizer, 0), alone + mirrored)
    same(seen(dataset, tokenizer, 0, train=False), alone[:1])


def test_a_whole_conversation_is_one_text_and_mirrored_in_all_its_turns(dataset, tokenizer):
    whole, mirrored = (encode_conversation(tokenizer, pairs, LENGTH) for pairs in (PAIRS, SWAPPED))
    same(seen(dataset, tokenizer, 0, conversation="whole"), [whole, mirrored])
    same(seen(dataset, tokenizer, 0, conversation="whole", train=False), [whole])


def test_a_report_is_the_same_text_both_ways(dataset, tokenizer):
    same(seen(dataset, tokenizer, 1, conversation="whole"), seen(dataset, tokenizer, 1))


def test_what_cannot_be_is_told_before_the_first_batch(dataset, tokenizer, tmp_path):
    with pytest.raises(UserError, match=r"data\.conversation='all': expected pairs or whole"):
        seen(dataset, tokenizer, 0, conversation="all")
    (KINDS["qwen"](tmp_path) / "chat_template.jinja").write_text(
        "{{ messages[0].content }}{{ messages[1].content if messages[1] }}"
    )
    seen(dataset, Tokenizer.load(tmp_path), 0)
    with pytest.raises(UserError, match=r"leaves out or changes messages.*data\.conversation"):
        seen(dataset, Tokenizer.load(tmp_path), 0, conversation="whole")
    turns = ({"role": "user", "content": "Why? " * LENGTH}, {"role": "assistant", "content": "So."})
    write_dataset([make_clip(0, turns=turns)], tmp_path / "long", "made", 1, {})
    with pytest.raises(UserError, match=r"data\.text_length=512: a question of clip clip000 alone needs \d+; raise it"):
        seen(Dataset.open(tmp_path / "long"), tokenizer, 0)
