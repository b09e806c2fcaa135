"""A sentencepiece model and its tokenizer.json read and write every text alike, in transformers too."""

import itertools
import json
import random

import pytest
import sentencepiece
import tokenizers
import transformers
from sentencepiece.sentencepiece_model_pb2 import ModelProto
from tokenizer_factory import LLAMA2, REPORTS, llama2_model, random_texts, sentencepiece_model

from input_pipeline.errors import UserError
from input_pipeline.tokenizer import Tokenizer, train_tokenizer
from input_pipeline.tokenizer.conversion import tokenizer_json

TEXTS = [
    "",
    " ",
    "   ",
    "\n",
    "\n\n  x",
    " lead",
    "trail  ",
    "two  spaces",
    "naïve Größe 表情 🙂",
    "▁",
    "a▁b",
    "\x00",
    "smile" * 40,
]
MODELS = {
    "ours": lambda: train_tokenizer(REPORTS, 512),
    "llama2": llama2_model,
    "no prefix": lambda: sentencepiece_model(add_dummy_prefix=False),
    "no begin": lambda: sentencepiece_model(bos_id=-1),
    "runs": lambda: sentencepiece_model(
        ["ab aab abb", "aaaa  aaaaaaaa    bbbbb", "a" * 30 + " " * 9 + "b" * 21] * 20, vocab_size=300
    ),
}


@pytest.fixture(scope="module", params=MODELS)
def model(request):
    return MODELS[request.param]()


@pytest.fixture(scope="module")
def exported(model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("exported")
    for name, content in Tokenizer(model).hf_files().items():
        (folder / name).write_bytes(content)
    return folder


def test_ids_and_text_are_those_of_sentencepiece(model):
    slow = sentencepiece.SentencePieceProcessor(model_proto=model)
    fast = tokenizers.Tokenizer.from_str(tokenizer_json(model, "test"))
    rng = random.Random(0)
    runs = ["".join(rng.choices("aab  ", k=rng.randint(1, 40))) for _ in range(2000)]
    runs += [f"{before}{character * count}x" for character in " a" for count in range(70) for before in ("", "a", "\n")]
    short = ["".join(letters) for length in range(1, 7) for letters in itertools.product("ab ", repeat=length)]
    for text in [*REPORTS[:3], *TEXTS, *random_texts(300), *runs, *short]:
        ids = fast.encode(text, add_special_tokens=False).ids
        assert ids == slow.encode(text), repr(text)
        assert fast.decode(ids) == slow.decode(ids) == text.replace("▁", " "), repr(text)


@pytest.mark.parametrize("model_type", [None, "llama", "tramp_llama"])
def test_transformers_reads_the_export_and_gives_our_prompts(model, exported, model_type):
    if model_type:
        (exported / "config.json").write_text(json.dumps({"model_type": model_type}))
    ours, reference = Tokenizer(model), transformers.AutoTokenizer.from_pretrained(exported)
    for text in [*REPORTS[:3], "  Describe \n", *random_texts(100)]:
        assert reference(text, add_special_tokens=False)["input_ids"] == ours.encode(text), repr(text)
        user = {"role": "user", "content": text}
        assert reference.apply_chat_template([user], add_generation_prompt=True, return_dict=False) == ours.prompt(text)
        assert reference(text)["input_ids"] == ours.prompt(text)
        ids = ours.encode(text)
        assert reference.decode(ids) == ours.decode(ids)
    assert reference.eos_token_id == ours.eos_id
    assert reference.pad_token_id == ours.pad_id
    assert reference.bos_token_id == ours.bos_id


@pytest.mark.parametrize("kind", ["ours", "llama2", "no begin"])
def test_a_whole_conversation_is_prompt_and_target(kind, tmp_path):
    ours = Tokenizer(MODELS[kind]())
    for name, content in ours.hf_files().items():
        (tmp_path / name).write_bytes(content)
    chat = [{"role": "user", "content": "Describe the smile."}, {"role": "assistant", "content": REPORTS[0]}]
    whole = transformers.AutoTokenizer.from_pretrained(tmp_path).apply_chat_template(chat, return_dict=False)
    assert whole == ours.prompt("Describe the smile.") + ours.target(REPORTS[0])


def test_the_export_loads_as_the_tokenizer_that_it_came_from(model, exported):
    before, after = Tokenizer(model), Tokenizer.load(exported)
    for text in [*TEXTS, "</s>", "<s> a", *random_texts(100)]:
        assert after.prompt(text) == before.prompt(text)
        assert after.target(text) == before.target(text)
    assert (after.bos_id, after.eos_ids, after.pad_id) == (before.bos_id, before.eos_ids, before.pad_id)
    assert after.files() == after.hf_files() == before.hf_files()
    assert after.files()["tokenizer.model"] == model


def test_an_export_keeps_the_chat_template_and_end_tokens_of_its_folder():
    files = {"chat_template.jinja": LLAMA2.encode(), "generation_config.json": b'{"eos_token_id": [2, 5]}'}
    chat = Tokenizer({"tokenizer.model": sentencepiece_model(), "tokenizer_config.json": b'{"legacy": false}'} | files)
    exported = Tokenizer(chat.hf_files())
    assert exported.prompt("Smile.") == chat.prompt("Smile.")
    assert exported.eos_ids == chat.eos_ids == (2, 5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"model_type": "unigram", "vocab_size": 300}, "model type unigram, not bpe"),
        ({"byte_fallback": False, "vocab_size": 120}, "no byte_fallback"),
        ({"normalization_rule_name": "nmt_nfkc"}, "normaliser nmt_nfkc, not identity"),
        ({"remove_extra_whitespaces": True}, "spaces that are removed"),
        ({"treat_whitespace_as_suffix": True}, "put behind words"),
        ({"user_defined_symbols": ["<image>"]}, "user-defined"),
    ],
)
def test_a_model_that_tokenizer_json_cannot_express_is_told(options, message):
    with pytest.raises(UserError, match=f"cannot become a tokenizer.json: .*{message}"):
        Tokenizer(sentencepiece_model(**options)).hf_files()


@pytest.mark.parametrize(
    ("piece", "message"), [("by", "different pieces with equal scores"), ("b表", "pieces of characters that are no pieces")]
)
def test_pieces_that_merges_cannot_express_are_told(piece, message):
    proto = ModelProto.FromString(llama2_model())
    proto.pieces.add(piece=piece, score=-1e9 if piece == "by" else -2e9)
    with pytest.raises(UserError, match=message):
        tokenizer_json(proto.SerializeToString(), "test")
