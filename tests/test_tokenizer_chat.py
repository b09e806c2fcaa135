"""Prompts are transformers' own, and control tokens come out of the template alone."""

import json

import pytest
import transformers
from tokenizer_factory import (
    FIXED_DAY,
    KINDS,
    LLAMA2,
    MARKS,
    REPORTS,
    llama2,
    llama2_model,
    llama3,
    random_texts,
    sentencepiece_model,
)

from input_pipeline.errors import UserError
from input_pipeline.tokenizer import Tokenizer

END = {"llama3": "<|eot_id|>", "qwen": "<|im_end|>", "llama2 prepend": "</s>", "llama2 first": "</s>"}
OUTER = ["Smile.", "  Smile.\n", "\tSmile. ", "\u2003Smile.\u2003", "\nSmile.\n\n"]


@pytest.fixture(scope="module", params=KINDS)
def kind(request):
    return request.param


@pytest.fixture(scope="module")
def folder(kind, tmp_path_factory):
    return KINDS[kind](tmp_path_factory.mktemp("tokenizer"))


@pytest.fixture(scope="module")
def tokenizer(folder):
    return Tokenizer.load(folder)


@pytest.fixture(scope="module")
def reference(folder):
    return transformers.PreTrainedTokenizerFast.from_pretrained(folder)


def applied(reference, *texts, generate=True):
    roles = ["user", "assistant"] * len(texts)
    messages = [{"role": role, "content": text} for role, text in zip(roles, texts, strict=False)]
    return reference.apply_chat_template(
        messages, tokenize=True, add_generation_prompt=generate, return_dict=False, **FIXED_DAY
    )


def test_prompts_are_those_of_transformers(tokenizer, reference):
    for text in [*REPORTS[:3], *OUTER, *random_texts(200)]:
        assert tokenizer.prompt(text) == applied(reference, text), repr(text)


def test_a_prompt_and_its_target_begin_the_whole_conversation(kind, tokenizer, reference):
    prompt, target = tokenizer.prompt("Describe the smile."), tokenizer.target(REPORTS[0])
    whole = applied(reference, "Describe the smile.", REPORTS[0], generate=False)
    end = whole.index(target[-1], len(prompt))
    # Llama 2's template writes a space before the end token, which the target leaves out.
    spaces = 1 if kind.startswith("llama2") else 0
    assert [*whole[: end - spaces], whole[end]] == prompt + target


def test_the_end_of_the_turn_ends_target_and_generation(kind, tokenizer, reference):
    end = reference.convert_tokens_to_ids(END[kind])
    assert tokenizer.target("Blinking is rare.") == [*tokenizer.encode("Blinking is rare."), end]
    assert end in tokenizer.eos_ids


def test_a_turn_may_end_with_another_token_than_the_text(tmp_path):
    config = llama3(tmp_path) / "tokenizer_config.json"
    turn = Tokenizer.load(tmp_path).eos_id
    config.write_text(json.dumps(json.loads(config.read_text()) | {"eos_token": "<|end_of_text|>"}))
    tokenizer = Tokenizer.load(tmp_path)
    assert tokenizer.target("Rare.") == [*tokenizer.encode("Rare."), turn]
    assert tokenizer.eos_id != turn
    assert tokenizer.eos_ids[:2] == (tokenizer.eos_id, turn)


@pytest.mark.parametrize("text", [*MARKS, *(f"a {mark} b" for mark in MARKS), "".join(MARKS), "<|eot_id", "|>"])
def test_control_tokens_never_come_from_the_message(tokenizer, reference, text):
    def controls(ids):
        return [i for i in ids if i in set(reference.added_tokens_decoder)]

    assert controls(tokenizer.prompt(text)) == controls(tokenizer.prompt("Smile."))
    assert controls(tokenizer.encode(text)) == []
    assert len(controls(tokenizer.target(text))) == 1
    assert tokenizer.decode(tokenizer.encode(text)) == text


def test_a_message_cannot_complete_a_control_token_of_the_template(tmp_path):
    folder = KINDS["qwen"](tmp_path)
    (folder / "chat_template.jinja").write_text(
        "<|im_{{ messages[0].content }}|><|im_end|>{{ messages[1].content if messages[1] }}"
    )
    tokenizer = Tokenizer.load(folder)
    *text, end = tokenizer.prompt("end")
    assert tokenizer.decode(text) == "<|im_end|>"
    assert end == tokenizer.eos_id not in text


def test_a_message_with_the_stand_in_stays_as_it_is(tokenizer, reference):
    assert tokenizer.prompt("a \ue123 b") == applied(reference, "a \ue123 b")


def test_a_sentencepiece_model_takes_a_template_as_its_fast_version_does(tmp_path):
    fast = Tokenizer.load(llama2(tmp_path, "prepend"))
    slow = Tokenizer({"tokenizer.model": llama2_model(), "chat_template.jinja": LLAMA2.encode()})
    for text in ["Smile.", *MARKS, *random_texts(50)]:
        assert slow.prompt(text) == fast.prompt(text)
        assert slow.target(text) == fast.target(text)


def test_a_template_that_ends_no_turn_leaves_it_to_the_end_token():
    template = b"USER: {{ messages[0].content }} ASSISTANT:{% if messages[1] %} {{ messages[1].content }}{% endif %}"
    tokenizer = Tokenizer({"tokenizer.model": sentencepiece_model(), "chat_template.jinja": template})
    assert tokenizer.prompt("Smile.") == tokenizer.encode("USER: Smile. ASSISTANT:")
    assert tokenizer.target("Rare.")[-1] == tokenizer.eos_id


def test_loop_controls_and_generation_marks_are_understood():
    template = (
        b"{% for message in messages %}{% if message.role == 'system' %}{% continue %}{% endif %}"
        b"{% generation %}{{ bos_token }}{{ message.content }}{% endgeneration %}{% endfor %}"
    )
    tokenizer = Tokenizer({"tokenizer.model": sentencepiece_model(), "chat_template.jinja": template})
    assert tokenizer.prompt("Smile.") == [tokenizer.bos_id, *tokenizer.encode("Smile.")]


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{% for %}", "the chat template is not Jinja"),
        ("{{ raise_exception('no user messages here') }}", r"fails \(no user messages here\): mend it"),
        ("{{ messages[0].content + 1 }}", "the chat template fails"),
        ("{{ messages.append(1) }}", "the chat template fails"),
        ("Hello!", "leaves out or changes the message"),
        ("{{ messages[0].content | length }}", "leaves out or changes the message"),
        (b"\xff", "is not UTF-8"),
    ],
)
def test_a_template_that_cannot_be_used_is_told(template, message):
    files = {"tokenizer.model": sentencepiece_model(), "chat_template.jinja": template}
    files["chat_template.jinja"] = template if isinstance(template, bytes) else template.encode()
    with pytest.raises(UserError, match=message) as caught:
        Tokenizer(files, "some/folder")
    assert str(caught.value).startswith("some/folder: ")
    assert "\n" not in str(caught.value)
