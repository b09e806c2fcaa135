"""Begin, instruction, report, end; only report and end are learned."""

import numpy as np
import pytest

from input_pipeline.errors import UserError
from input_pipeline.records import EXPRESSIONS
from input_pipeline.text import check_text_length, encode_example, instruction
from input_pipeline.tokenizer import Tokenizer, train_tokenizer

REPORT = "Movement of the left mouth corner is reduced. Blinking is rare."


@pytest.fixture(scope="module")
def tokenizer():
    return Tokenizer(train_tokenizer([REPORT, *map(instruction, EXPRESSIONS)] * 5, 400))


def test_the_layout_is_begin_instruction_report_end_padding(tokenizer):
    text = encode_example(tokenizer, instruction("smile"), REPORT, 128)
    prompt = [tokenizer.bos_id, *tokenizer.encode(instruction("smile"))]
    report = [*tokenizer.encode(REPORT), tokenizer.eos_id]
    used = len(prompt) + len(report)
    assert text["tokens"].tolist() == [*prompt, *report, *[tokenizer.pad_id] * (128 - used)]
    assert text["token_mask"].tolist() == [True] * used + [False] * (128 - used)
    assert text["loss_mask"].tolist() == [0] * len(prompt) + [1] * len(report) + [0] * (128 - used)
    assert text["prompt_length"] == len(prompt)
    assert text["truncated"] == 0
    assert "smile" in tokenizer.decode(text["tokens"][: len(prompt)])
    assert tokenizer.decode(text["tokens"][len(prompt) :]) == REPORT


def test_truncation_keeps_the_end_and_is_counted(tokenizer):
    full = encode_example(tokenizer, instruction("rest"), REPORT, 128)
    length = int(full["token_mask"].sum()) - 4
    text = encode_example(tokenizer, instruction("rest"), REPORT, length)
    assert text["truncated"] == 4
    assert text["tokens"][-1] == tokenizer.eos_id
    assert text["tokens"][:-1].tolist() == full["tokens"][: length - 1].tolist()
    assert text["loss_mask"][-1] == 1


def test_a_report_that_just_fits_is_not_cut(tokenizer):
    full = encode_example(tokenizer, instruction("rest"), REPORT, 128)
    assert encode_example(tokenizer, instruction("rest"), REPORT, int(full["token_mask"].sum()))["truncated"] == 0


def test_without_a_report_the_instruction_stands_alone_and_nothing_is_learned(tokenizer):
    text = encode_example(tokenizer, instruction("clench"), None, 64)
    assert text["token_mask"].sum() == text["prompt_length"]
    assert not text["loss_mask"].any()
    assert tokenizer.eos_id not in text["tokens"]


def test_a_length_without_room_for_a_report_is_refused(tokenizer):
    with pytest.raises(UserError, match=r"data\.text_length=8: .*raise it"):
        check_text_length(tokenizer, 8)
    check_text_length(tokenizer, 128)
    assert np.all([len(tokenizer.encode(instruction(name))) < 120 for name in EXPRESSIONS])
