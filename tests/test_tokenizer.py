"""Text survives its tokens, training repeats itself, and control tokens come from us alone."""

import pytest
import sentencepiece

from input_pipeline.errors import UserError
from input_pipeline.tokenizer import Tokenizer, train_tokenizer

REPORTS = [
    "While smiling, movement of the left mouth corner is reduced. Blinking is rare.",
    "At rest, the lips stay apart for most of the time. Movement of the right brow is normal.",
    "In the frown task, movement speed of both brows is markedly reduced.",
] * 10


@pytest.fixture(scope="module")
def tokenizer():
    return Tokenizer(train_tokenizer(REPORTS, 512))


@pytest.mark.parametrize(
    "text", [REPORTS[0], "", "  two  spaces ", "line\nbreak\ttab", "naïve Größe 表情 🙂", "</s><s><pad><0x41>"]
)
def test_text_comes_back_exactly(tokenizer, text):
    assert tokenizer.decode(tokenizer.encode(text)) == text


def test_training_is_deterministic_and_reports_become_short(tokenizer):
    assert {"tokenizer.model": train_tokenizer(REPORTS, 512)} == tokenizer.files()
    assert tokenizer.vocab_size <= 512
    assert len(tokenizer.encode(REPORTS[0])) < len(REPORTS[0].split()) * 2


def test_control_tokens_never_come_from_text(tokenizer):
    control = {tokenizer.pad_id, tokenizer.bos_id, tokenizer.eos_id}
    assert len(control) == 3
    for text in ("</s>", "<s>", "<pad>", "<unk>", "a </s> b"):
        assert not control & set(tokenizer.encode(text))


def test_decoding_stops_at_the_end_and_drops_what_is_no_text(tokenizer):
    ids = tokenizer.encode("Blinking is rare.")
    noisy = [tokenizer.bos_id, *ids, tokenizer.vocab_size + 7, tokenizer.eos_id, *ids, tokenizer.pad_id]
    assert tokenizer.decode(noisy) == "Blinking is rare."
    assert tokenizer.decode([tokenizer.pad_id] * 3) == ""


def test_a_size_beyond_the_corpus_is_no_error():
    assert Tokenizer(train_tokenizer(REPORTS[:3], 8000)).vocab_size < 8000


def test_the_model_is_a_plain_sentencepiece_model(tokenizer):
    plain = sentencepiece.SentencePieceProcessor(model_proto=tokenizer.files()["tokenizer.model"])
    assert plain.encode(REPORTS[1]) == tokenizer.encode(REPORTS[1])


@pytest.mark.parametrize(("texts", "size", "message"), [([], 512, "no text to train on"), (REPORTS, 64, "too small")])
def test_what_cannot_be_trained_is_told(texts, size, message):
    with pytest.raises(UserError, match=message):
        train_tokenizer(texts, size)


@pytest.mark.parametrize("model", [b"", b"not a model"])
def test_what_is_no_model_is_told(model):
    with pytest.raises(UserError, match="not a sentencepiece model"):
        Tokenizer(model)
