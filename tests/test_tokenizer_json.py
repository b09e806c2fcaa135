"""tokenizer.json gives the ids of transformers, and what cannot be used is told in one line."""

import json

import pytest
import tokenizers
import transformers
from tokenizer_factory import FIXED_DAY, KINDS, MARKS, REPORTS, llama2, llama3, qwen, random_texts, write

from input_pipeline.errors import UserError
from input_pipeline.tokenizer import Tokenizer


@pytest.fixture(scope="module", params=KINDS)
def folder(request, tmp_path_factory):
    return KINDS[request.param](tmp_path_factory.mktemp("tokenizer"))


@pytest.fixture(scope="module")
def tokenizer(folder):
    return Tokenizer.load(folder)


@pytest.fixture(scope="module")
def reference(folder):
    return transformers.PreTrainedTokenizerFast.from_pretrained(folder)


def test_ids_and_text_are_those_of_transformers(tokenizer, reference):
    for text in [*REPORTS[:3], *random_texts(200)]:
        ids = tokenizer.encode(text)
        assert ids == reference(text, add_special_tokens=False)["input_ids"], repr(text)
        assert tokenizer.decode(ids) == reference.decode(ids)


@pytest.mark.parametrize("build", [llama3, qwen])
def test_ids_are_those_of_the_class_that_transformers_chooses(build, tmp_path):
    tokenizer, reference = Tokenizer.load(build(tmp_path)), transformers.AutoTokenizer.from_pretrained(tmp_path)
    for text in [*REPORTS[:3], *random_texts(50)]:
        assert tokenizer.encode(text) == reference(text, add_special_tokens=False)["input_ids"], repr(text)
        message = [{"role": "user", "content": text}]
        expected = reference.apply_chat_template(message, add_generation_prompt=True, return_dict=False, **FIXED_DAY)
        assert tokenizer.prompt(text) == expected, repr(text)


def test_decoding_stops_at_every_end_and_drops_what_is_no_text(tokenizer, reference):
    ids = tokenizer.encode("Blinking is rare.")
    control = sorted(set(reference.added_tokens_decoder) - set(tokenizer.eos_ids))
    for end in tokenizer.eos_ids:
        noisy = [*control, *ids, tokenizer.vocab_size + 7, -1, end, *ids]
        assert tokenizer.decode(noisy) == "Blinking is rare."


def test_special_tokens_are_those_of_the_model(tmp_path):
    llama, chat = Tokenizer.load(llama3(tmp_path / "llama3")), Tokenizer.load(qwen(tmp_path / "qwen"))
    names = tokenizers.Tokenizer.from_file(str(tmp_path / "llama3/tokenizer.json"))
    assert llama.bos_id == names.token_to_id("<|begin_of_text|>")
    assert llama.eos_id == llama.pad_id == names.token_to_id("<|eot_id|>")
    assert set(llama.eos_ids) == {names.token_to_id(f"<|{name}|>") for name in ("eot_id", "eom_id", "end_of_text")}
    assert llama.vocab_size == names.get_vocab_size(with_added_tokens=True)
    assert chat.bos_id is None
    assert chat.pad_id != chat.eos_id
    assert chat.eos_ids == (chat.eos_id, chat.pad_id)


def test_without_a_template_the_prompt_is_begin_and_instruction(tmp_path):
    for build in (llama3, qwen):
        folder = build(tmp_path / build.__name__)
        config = json.loads((folder / "tokenizer_config.json").read_text())
        (folder / "tokenizer_config.json").write_text(json.dumps(config | {"chat_template": None}))
        tokenizer = Tokenizer.load(folder)
        begin = [] if tokenizer.bos_id is None else [tokenizer.bos_id]
        assert tokenizer.prompt("Smile.") == [*begin, *tokenizer.encode("Smile.")]
        assert tokenizer.target("Smile.") == [*tokenizer.encode("Smile."), tokenizer.eos_id]


def test_control_tokens_inside_the_vocabulary_are_out_of_reach(tmp_path):
    """`ignore_merges` looks whole words up, and here the vocabulary holds control tokens and even merges that lead to one."""
    rules = json.loads((llama3(tmp_path) / "tokenizer.json").read_text())
    size = len(rules["model"]["vocab"])
    rules["model"]["vocab"] |= {"<|": size + 6, "end": size + 7, "<|end": size + 8, "|>": size + 9, "<|end|>": size + 10}
    rules["model"]["merges"] += [["<", "|"], ["e", "n"], ["en", "d"], ["<|", "end"], ["|", ">"], ["<|end", "|>"]]
    rules["model"]["vocab"].setdefault("en", size + 11)
    rules["pre_tokenizer"] = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
    rules["added_tokens"] += [rules["added_tokens"][0] | {"id": size + 10, "content": "<|end|>"}]
    (tmp_path / "tokenizer.json").write_text(json.dumps(rules))
    tokenizer = Tokenizer.load(tmp_path)
    assert size + 10 not in tokenizer.encode("<|end|>")
    assert size + 8 in tokenizer.encode("<|end|>")
    assert size + 10 in tokenizers.Tokenizer.from_file(str(tmp_path / "tokenizer.json")).encode("<|end|>").ids


def test_merges_may_be_written_in_the_older_way(tmp_path):
    new = Tokenizer.load(llama2(tmp_path, "prepend"))
    rules = json.loads((tmp_path / "tokenizer.json").read_text())
    rules["model"]["merges"] = [" ".join(pair) for pair in rules["model"]["merges"]]
    (tmp_path / "tokenizer.json").write_text(json.dumps(rules))
    for text in [*REPORTS[:3], *MARKS]:
        assert Tokenizer.load(tmp_path).encode(text) == new.encode(text)


def edited(name, change):
    def edit(folder):
        content = json.loads((folder / name).read_text())
        (folder / name).write_text(json.dumps(change(content)))

    return edit


def added(**flags):
    return edited("tokenizer.json", lambda c: c | {"added_tokens": [c["added_tokens"][0] | flags, *c["added_tokens"][1:]]})


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder: (folder / "tokenizer.json").write_text("{"), "tokenizer.json is not JSON"),
        (lambda folder: (folder / "tokenizer.json").write_text("[]"), "tokenizer.json holds a list, not a JSON object"),
        (edited("tokenizer.json", lambda c: {"vocab": 1}), "model type None: only BPE"),
        (edited("tokenizer.json", lambda c: c | {"model": {"type": "Unigram", "vocab": []}}), "model type Unigram: only BPE"),
        (edited("tokenizer.json", lambda c: c | {"decoder": {"type": "New"}}), "is not one that tokenizers .* reads"),
        (added(lstrip=True), "added token with lstrip, rstrip or single_word"),
        (lambda folder: (folder / "tokenizer_config.json").write_text("{'a': 1}"), "tokenizer_config.json is not JSON"),
        (lambda folder: (folder / "tokenizer_config.json").unlink(), "no end token: name the model's eos_token"),
        (edited("tokenizer_config.json", lambda c: c | {"eos_token": None}), "no end token: name the model's eos_token"),
        (edited("tokenizer_config.json", lambda c: c | {"eos_token": 7}), "eos_token is 7, not a text"),
        (edited("tokenizer_config.json", lambda c: c | {"eos_token": "<end>"}), "eos_token <end> .* is not in tokenizer.json"),
        (edited("tokenizer_config.json", lambda c: c | {"chat_template": [{"name": "rag", "template": ""}]}), "named default"),
        (edited("tokenizer_config.json", lambda c: c | {"chat_template": {}}), "chat_template is a dict"),
        (edited("generation_config.json", lambda c: {"eos_token_id": "2"}), "eos_token_id is '2': write a token id or a list"),
    ],
)
def test_what_cannot_be_used_is_told(damage, message, tmp_path):
    damage(llama3(tmp_path))
    with pytest.raises(UserError, match=message) as caught:
        Tokenizer.load(tmp_path)
    assert str(caught.value).startswith(str(tmp_path))
    assert "\n" not in str(caught.value)


def test_the_end_token_may_stand_in_special_tokens_map(tmp_path):
    folder = llama3(tmp_path)
    eos_id = Tokenizer.load(folder).eos_id
    edited("tokenizer_config.json", lambda c: {k: v for k, v in c.items() if k != "eos_token"})(folder)
    (folder / "special_tokens_map.json").write_text(json.dumps({"eos_token": {"content": "<|eot_id|>"}}))
    assert Tokenizer.load(folder).eos_id == eos_id


def test_an_empty_vocabulary_is_told(tmp_path):
    write(tmp_path, tokenizers.Tokenizer(tokenizers.models.BPE()), {})
    with pytest.raises(UserError, match="no end token"):
        Tokenizer.load(tmp_path)
