"""A tokenizer is found by file or folder, and its files travel unchanged."""

import pytest
from tokenizer_factory import KINDS, LLAMA2, MARKS, REPORTS, llama2, qwen, sentencepiece_model

from input_pipeline.errors import UserError
from input_pipeline.tokenizer import Tokenizer, has_tokenizer


@pytest.fixture(scope="module")
def model():
    return sentencepiece_model()


def same(one, other):
    for text in [REPORTS[0], *MARKS]:
        assert one.prompt(text) == other.prompt(text)
        assert one.target(text) == other.target(text)
    assert (one.eos_ids, one.pad_id, one.vocab_size) == (other.eos_ids, other.pad_id, other.vocab_size)
    return True


@pytest.mark.parametrize("kind", KINDS)
def test_saved_files_are_the_loaded_ones_byte_for_byte(kind, tmp_path):
    folder = KINDS[kind](tmp_path / "model")
    (folder / "README.md").write_text("not a tokenizer's")
    (folder / "chat_template.jinja").write_text("{% for message in messages %}\r\n{{ message.content }}{% endfor %}\n")
    tokenizer = Tokenizer.load(folder)
    tokenizer.save(tmp_path / "run")
    saved = {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()}
    assert saved == {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "README.md"}
    assert saved == tokenizer.files() == tokenizer.hf_files()
    assert same(Tokenizer.load(tmp_path / "run"), tokenizer)


def test_a_model_file_is_taken_alone_whatever_its_name(tmp_path, model):
    (tmp_path / "vicuna.model").write_bytes(model)
    (tmp_path / "chat_template.jinja").write_text(LLAMA2)
    tokenizer = Tokenizer.load(tmp_path / "vicuna.model")
    assert tokenizer.files() == {"tokenizer.model": model}
    assert same(tokenizer, Tokenizer(model))
    assert tokenizer.prompt("Smile.") == [tokenizer.bos_id, *tokenizer.encode("Smile.")]


def test_a_folder_with_a_model_is_a_run_or_a_slow_tokenizer(tmp_path, model):
    (tmp_path / "tokenizer.model").write_bytes(model)
    (tmp_path / "config.json").write_text("{}")
    assert has_tokenizer(tmp_path)
    assert same(Tokenizer.load(tmp_path), Tokenizer(model))
    (tmp_path / "chat_template.jinja").write_text(LLAMA2)
    chat = Tokenizer.load(tmp_path)
    assert chat.prompt("Smile.") == [chat.bos_id, *chat.encode("[INST] Smile. [/INST]")]


def test_a_tokenizer_json_brings_the_files_beside_it(tmp_path):
    assert same(Tokenizer.load(qwen(tmp_path) / "tokenizer.json"), Tokenizer.load(tmp_path))


def test_with_both_vocabularies_tokenizer_json_is_used_and_both_are_kept(tmp_path, model):
    llama2(tmp_path, "prepend")
    json_only = Tokenizer.load(tmp_path)
    (tmp_path / "tokenizer.model").write_bytes(b"Llama 3's is of another kind")
    both = Tokenizer.load(tmp_path)
    assert same(both, json_only)
    assert both.files()["tokenizer.model"] == b"Llama 3's is of another kind"


@pytest.mark.parametrize(
    ("names", "asked", "message"),
    [
        ([], "", r"no tokenizer there: pass a folder with tokenizer\.json or tokenizer\.model"),
        (["vocab.json", "merges.txt"], "", r"vocab\.json and merges\.txt but no tokenizer\.json: make one with transformers"),
        ([], "absent", "absent: no such file or folder: pass"),
        ([], "absent.model", "absent.model: no such file or folder: pass"),
        ([], "tokenizer.json", "tokenizer.json: no such file or folder: pass"),
        (["tokenizer.model"], "", "not a sentencepiece model"),
    ],
)
def test_what_is_no_tokenizer_is_told(tmp_path, names, asked, message):
    for name in names:
        (tmp_path / name).write_text("{}")
    with pytest.raises(UserError, match=message) as caught:
        Tokenizer.load(tmp_path / asked)
    assert str(caught.value).startswith(str(tmp_path))
    assert "\n" not in str(caught.value)


def test_a_sentencepiece_model_without_an_end_token_is_told():
    with pytest.raises(UserError, match="no end token"):
        Tokenizer(sentencepiece_model(eos_id=-1))
    assert Tokenizer(sentencepiece_model(bos_id=-1)).bos_id is None


def test_a_folder_that_cannot_be_written_is_told(tmp_path, model):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="the tokenizer cannot be saved there"):
        Tokenizer(model).save(tmp_path / "file")
