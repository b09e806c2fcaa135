"""Begin, instruction, report, end; only report and end are learned, of a whole conversation every answer and its end."""

import numpy as np
import pytest
import transformers
from tokenizer_factory import FIXED_DAY, KINDS, LLAMA2, LLAMA3, MARKS, QWEN, REPORTS, random_texts, sentencepiece_model

from input_pipeline.errors import UserError
from input_pipeline.records import EXPRESSIONS, Label
from input_pipeline.text import check_questions, check_text_length, encode_conversation, encode_example, instruction
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


# The templates with transformers' own marks around what the assistant says, the end of its turn included.
_SPOKEN = "{%- if message.role == 'assistant' %}{{- HEAD }}{% generation %}{{- TEXT }}{% endgeneration %}{{- REST }}{%- else %}"
_LLAMA3_LINE = (
    "{{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n'+ message['content'] | trim + '<|eot_id|>' }}"
)
_QWEN_LINE = "{{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>' + '\\n' }}"
_LLAMA2_LINE = "{{ ' '  + content.strip() + ' ' + eos_token }}"


def marked(template, line, head, text, rest):
    assert template.count(line) == 1
    spoken = _SPOKEN.replace("HEAD", head).replace("TEXT", text).replace("REST", rest)
    return template.replace(line, f"{spoken}{line}{{%- endif %}}")


MARKED = {
    "llama3": marked(
        LLAMA3,
        _LLAMA3_LINE,
        "'<|start_header_id|>assistant<|end_header_id|>\\n\\n'",
        "message['content'] | trim + '<|eot_id|>'",
        "''",
    ),
    "qwen": marked(QWEN, _QWEN_LINE, "'<|im_start|>assistant\\n'", "message.content + '<|im_end|>'", "'\\n'"),
}
MARKED |= dict.fromkeys(
    ("llama2 prepend", "llama2 first"),
    LLAMA2.replace(_LLAMA2_LINE, "{% generation %}{{ ' '  + content.strip() + ' ' + eos_token }}{% endgeneration %}"),
)


def conversations():
    """Of one to four pairs: reports, marks of templates as ordinary text, anything; answers as readers give them, stripped."""
    texts = [text for text in random_texts(160, seed=1) if text.strip()]
    yield [("What moves?", REPORTS[0])]
    yield [("What moves?", REPORTS[0]), ("  And the brow?\n", REPORTS[2]), ("Sure?", "Yes.")]
    yield [(mark, mark) for mark in MARKS[:4]]
    yield from ([(texts[k], texts[k + 1].strip()), (texts[k + 2], texts[k + 3].strip())] for k in range(0, 120, 4))


@pytest.mark.parametrize("kind", KINDS)
def test_a_whole_conversation_is_that_of_transformers_with_its_mask_of_the_assistant(kind, tmp_path):
    folder = KINDS[kind](tmp_path)
    ours = Tokenizer.load(folder)
    reference = transformers.PreTrainedTokenizerFast.from_pretrained(folder)
    controls = set(reference.added_tokens_decoder)
    compared = 0
    for pairs in conversations():
        roles = ("user", "assistant")
        messages = [{"role": role, "content": text} for pair in pairs for role, text in zip(roles, pair, strict=True)]
        template = {"chat_template": MARKED[kind], "return_assistant_tokens_mask": True}
        applied = reference.apply_chat_template(messages, return_dict=True, **template, **FIXED_DAY)
        ids, mask = applied["input_ids"], applied["assistant_masks"]
        assert ids == reference.apply_chat_template(messages, return_dict=False, **FIXED_DAY)
        text = encode_conversation(ours, pairs, 2048)
        used = int(text["token_mask"].sum())
        # transformers takes marks in a message for control tokens; we never do.
        if not any(mark in part for pair in pairs for part in pair for mark in reference.get_added_vocab()):
            # Behind the last end some templates write a line break, and Llama 2's a space before each end.
            last = max(k for k, learned in enumerate(mask) if learned)
            kept = [k for k in range(last + 1) if not (kind.startswith("llama2") and ids[k + 1 : k + 2] == [ours.eos_id])]
            assert text["tokens"][:used].tolist() == [ids[k] for k in kept], pairs
            assert text["loss_mask"][:used].tolist() == [mask[k] for k in kept], pairs
            compared += 1
        learned = text["tokens"][:used][text["loss_mask"][:used] > 0]
        assert learned.tolist() == [token for _, answer in pairs for token in ours.target(answer)]
        assert sum(token in controls for token in learned) == len(pairs)
        assert not text["loss_mask"][used:].any()
        assert text["prompt_length"] == len(ours.prompt(pairs[0][0]))
    assert compared > 25


def test_a_later_question_without_a_begin_token_is_tokenised_as_within_the_text(tmp_path):
    """Vicuna's template; a Llama 2 tokenizer writes a space before the whole text alone."""
    template = (
        "{% for m in messages %}{{ 'USER: ' + m.content + ' ASSISTANT:' if m.role == 'user' else ' ' + m.content + '</s>' }}"
    )
    (KINDS["llama2 first"](tmp_path) / "chat_template.jinja").write_text(template + "{% endfor %}")
    reference = transformers.PreTrainedTokenizerFast.from_pretrained(tmp_path)
    pairs = [("What moves?", "The brow."), ("Sure?", "Yes.")]
    roles = ("user", "assistant")
    messages = [{"role": role, "content": text} for pair in pairs for role, text in zip(roles, pair, strict=True)]
    text = encode_conversation(Tokenizer.load(tmp_path), pairs, 256)
    assert text["tokens"][text["token_mask"]].tolist() == reference.apply_chat_template(messages, return_dict=False)


def test_without_a_template_questions_and_answers_follow_each_other_after_one_begin(tokenizer):
    pairs = [("What moves?", REPORT), ("Sure?", "Yes.")]
    text = encode_conversation(tokenizer, pairs, 256)
    expected = [tokenizer.bos_id, *tokenizer.encode("What moves?"), *tokenizer.target(REPORT)]
    expected += [*tokenizer.encode("Sure?"), *tokenizer.target("Yes.")]
    assert text["tokens"][text["token_mask"]].tolist() == expected


def test_a_single_pair_is_the_same_text_both_ways(tokenizer, tmp_path):
    for each in (tokenizer, *(Tokenizer.load(KINDS[kind](tmp_path / kind)) for kind in KINDS)):
        for length in (len(each.prompt("Why?")) + 3, 400):
            for report in (REPORT, None):
                alone = encode_example(each, "Why?", report, length)
                whole = encode_conversation(each, [("Why?", report)], length)
                assert all(np.array_equal(alone[name], whole[name]) for name in alone)


def test_what_is_too_long_is_cut_at_a_turn_and_every_lost_token_is_counted(tmp_path):
    tokenizer = Tokenizer.load(KINDS["llama3"](tmp_path))
    pairs = [("What moves?", REPORTS[0]), ("And the brow?", REPORTS[2]), ("Sure?", "Yes.")]
    full = encode_conversation(tokenizer, pairs, 4096)
    whole, learned = int(full["token_mask"].sum()), int(full["loss_mask"].sum())
    targets = [len(tokenizer.target(answer)) for _, answer in pairs]
    assert (full["truncated"], learned) == (0, sum(targets))
    seen = set()
    for length in range(int(full["prompt_length"]) + 2, whole + 1):
        text = encode_conversation(tokenizer, pairs, length)
        used = int(text["token_mask"].sum())
        kept = int(text["loss_mask"].sum())
        assert kept + text["truncated"] == learned
        assert len(text["tokens"]) == length
        # Always behind an end token; only the first answer is ever shortened, where it does not fit.
        assert text["tokens"][used - 1] == tokenizer.target("")[0]
        assert kept in {targets[0], sum(targets[:2]), learned} or (kept < targets[0] and used == length)
        assert text["tokens"][: used - 1].tolist() == full["tokens"][: used - 1].tolist()
        seen.add(kept)
    assert {targets[0], sum(targets[:2]), learned} <= seen


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("{{ messages[0].content }}{{ messages[1].content if messages[1] }}", "leaves out or changes messages"),
        (
            "{% for m in messages %}{{ m.content }}{% if m.role == 'assistant' %}"
            "{{ bos_token if messages | length > 2 else eos_token }}{% endif %}{% endfor %}",
            "ends the last answer otherwise",
        ),
    ],
)
def test_a_template_for_one_question_alone_is_told(template, words):
    tokenizer = Tokenizer({"tokenizer.model": sentencepiece_model(), "chat_template.jinja": template.encode()}, "some/folder")
    tokenizer.prompt("Why?")
    with pytest.raises(UserError, match=rf"^some/folder: .*{words}.*data\.conversation"):
        tokenizer.prompts(["Why?", "And?"])


def test_a_question_without_room_for_an_answer_is_told_with_its_clip(tokenizer):
    turns = ({"role": "user", "content": "Why? " * 100}, {"role": "assistant", "content": "So."})
    labels = [Label("a", "s", "smile", "made", report=REPORT), Label("b", "s", "smile", "made", turns=turns)]
    needed = len(tokenizer.prompt("Why? " * 100)) + 2
    with pytest.raises(UserError, match=f"text_length=128: a question of clip b alone needs {needed}; raise it"):
        check_questions(tokenizer, labels, 128)
    check_questions(tokenizer, labels, needed)
    with pytest.raises(UserError, match="clip b"):
        check_questions(tokenizer, labels, needed - 1)
    encode_example(tokenizer, "Why? " * 100, "So.", needed)
