"""Small tokenizers of every kind, in folders as Hugging Face lays them out, with the chat templates of their families."""

import io
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import sentencepiece
import tokenizers
from sentencepiece.sentencepiece_model_pb2 import ModelProto
from tokenizers import AddedToken, decoders, models, normalizers, pre_tokenizers, processors, trainers

REPORTS = [
    "While smiling, movement of the left mouth corner is reduced. Blinking is rare.",
    "At rest, the lips stay apart for most of the time. Movement of the right brow is normal.",
    "In the frown task, movement speed of both brows is markedly reduced.",
] * 10
# What Llama 3's template writes where the day is unknown; transformers would tell it today's.
FIXED_DAY = {"date_string": "26 Jul 2024"}
MARKS = ["</s>", "<s>", "<unk>", "<|eot_id|>", "<|end_of_text|>", "<|im_end|>", "<|im_start|>user\n", "<tool_call>", "<0x41>"]

# Llama 3.2 without tools; Llama 3 is the same from the user's message on.
LLAMA3 = """{{- bos_token }}
{%- if not date_string is defined %}
    {%- if strftime_now is defined %}
        {%- set date_string = strftime_now("%d %b %Y") %}
    {%- else %}
        {%- set date_string = "26 Jul 2024" %}
    {%- endif %}
{%- endif %}
{%- if messages[0]['role'] == 'system' %}
    {%- set system_message = messages[0]['content']|trim %}
    {%- set messages = messages[1:] %}
{%- else %}
    {%- set system_message = "" %}
{%- endif %}
{{- "<|start_header_id|>system<|end_header_id|>\\n\\n" }}
{%- if tools is not none %}
    {{- "Environment: ipython\\n" }}
{%- endif %}
{{- "Cutting Knowledge Date: December 2023\\n" }}
{{- "Today Date: " + date_string + "\\n\\n" }}
{{- system_message }}
{{- "<|eot_id|>" }}
{%- for message in messages %}
    {{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n'+ message['content'] | trim + '<|eot_id|>' }}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}
{%- endif %}
"""
# Qwen2.5 without tools.
QWEN = """{%- if messages[0]['role'] == 'system' %}
    {{- '<|im_start|>system\\n' + messages[0]['content'] + '<|im_end|>\\n' }}
{%- else %}
    {{- '<|im_start|>system\\nYou are Qwen, created by Alibaba Cloud. You are a helpful assistant.<|im_end|>\\n' }}
{%- endif %}
{%- for message in messages %}
    {%- if (message.role == "user") or (message.role == "system" and not loop.first) or (message.role == "assistant") %}
        {{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>' + '\\n' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
{%- endif %}
"""
LLAMA2 = (
    "{% if messages[0]['role'] == 'system' %}{% set loop_messages = messages[1:] %}{% set system_message = "
    "messages[0]['content'] %}{% else %}{% set loop_messages = messages %}{% set system_message = false %}{% endif %}"
    "{% for message in loop_messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}{% endif %}"
    "{% if loop.index0 == 0 and system_message != false %}{% set content = '<<SYS>>\\n' + system_message + "
    "'\\n<</SYS>>\\n\\n' + message['content'] %}{% else %}{% set content = message['content'] %}{% endif %}"
    "{% if message['role'] == 'user' %}{{ bos_token + '[INST] ' + content.strip() + ' [/INST]' }}"
    "{% elif message['role'] == 'assistant' %}{{ ' '  + content.strip() + ' ' + eos_token }}{% endif %}{% endfor %}"
)
_LLAMA3_SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def random_texts(count: int, seed: int = 0) -> list[str]:
    """Words, spaces, line breaks, accents, scripts, emoji, joiners and rare characters, in any order."""
    rng = random.Random(seed)
    parts = ["smile", "brow", " ", "  ", "\n", "\n\n", "\t", "\r\n", "é", "e\u0301", "表情", "🙂", "👨\u200d👩", "ß", "▁", "12",
             "345", ".", ", ", "'s", "<", ">", "|", "\u00a0", "\u200b", "\ufeff", "ﬁ", "Ω", "عر", "\x00", "\x7f"]  # fmt: skip
    anything = [chr(c) for c in rng.sample([*range(0x20, 0xD800), *range(0xE000, 0x20000)], 200)]
    return ["".join(rng.choices(parts * 6 + anything, k=rng.randint(0, 24))) for _ in range(count)]


def sentencepiece_model(texts: list[str] = REPORTS, **options: Any) -> bytes:
    """A model trained with Llama 2's settings: identity, no padding token, split digits, byte fallback."""
    model = io.BytesIO()
    settings = {
        "model_type": "bpe",
        "vocab_size": 420,
        "hard_vocab_limit": False,
        "byte_fallback": True,
        "character_coverage": 0.99995,
        "split_digits": True,
        "allow_whitespace_only_pieces": True,
        "normalization_rule_name": "identity",
        "remove_extra_whitespaces": False,
        "unk_id": 0,
        "bos_id": 1,
        "eos_id": 2,
        "pad_id": -1,
        "minloglevel": 2,
    }
    sentencepiece.SentencePieceTrainer.train(sentence_iterator=iter(texts), model_writer=model, **settings | options)
    return model.getvalue()


def llama2_model() -> bytes:
    """With Llama 2's runs of spaces, which all have one score: 2 to 16 of them, 15 left out."""
    proto = ModelProto.FromString(sentencepiece_model())
    for count in (2, 4, 8, 5, 16, 6, 12, 13, 10, 14, 3, 9, 7, 11):
        proto.pieces.add(piece="▁" * count, score=-1e9)
    return proto.SerializeToString()


def write(
    folder: Path, tokenizer: tokenizers.Tokenizer, config: dict[str, Any], generation: dict[str, Any] | None = None
) -> Path:
    """A folder with tokenizer.json, tokenizer_config.json and, where given, generation_config.json."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {"tokenizer_class": "PreTrainedTokenizerFast", "clean_up_tokenization_spaces": False} | config
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    if generation:
        (folder / "generation_config.json").write_text(json.dumps(generation))
    return folder


def llama3(folder: Path) -> Path:
    """Byte-level BPE with Llama 3's split, `ignore_merges`, control tokens beyond the vocabulary and three end tokens."""
    tokenizer = _byte_level(_LLAMA3_SPLIT, normalizer=None)
    names = ["begin_of_text", "end_of_text", "start_header_id", "end_header_id", "eom_id", "eot_id"]
    tokenizer.add_special_tokens([AddedToken(f"<|{name}|>", special=True, normalized=False) for name in names])
    ids = {name: tokenizer.token_to_id(f"<|{name}|>") for name in names}
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<|begin_of_text|> $A", special_tokens=[("<|begin_of_text|>", ids["begin_of_text"])]
    )
    config = {"bos_token": "<|begin_of_text|>", "eos_token": "<|eot_id|>", "chat_template": LLAMA3}
    ends = [ids["end_of_text"], ids["eom_id"], ids["eot_id"]]
    return write(folder, tokenizer, config, {"eos_token_id": ends})


def qwen(folder: Path) -> Path:
    """Byte-level BPE with NFC, no begin token, control tokens that are not "special", and a padding token that also ends."""
    tokenizer = _byte_level(_LLAMA3_SPLIT.replace("{1,3}", ""), normalizer=normalizers.NFC())
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in special])
    tokenizer.add_tokens([AddedToken(token, special=False, normalized=False) for token in ("<tool_call>", "</tool_call>")])
    config = {
        "tokenizer_class": "Qwen2Tokenizer",
        "add_bos_token": False,
        "bos_token": None,
        "eos_token": "<|im_end|>",
        "pad_token": "<|endoftext|>",
        "chat_template": QWEN,
    }
    ends = [tokenizer.token_to_id("<|im_end|>"), tokenizer.token_to_id("<|endoftext|>")]
    return write(folder, tokenizer, config, {"eos_token_id": ends})


def llama2(folder: Path, prefix: str) -> Path:
    """A fast Llama 2: "prepend" writes a space before every stretch (legacy), "first" only before the whole text."""
    from input_pipeline.tokenizer.conversion import tokenizer_json

    tokenizer = tokenizers.Tokenizer.from_str(tokenizer_json(llama2_model(), "test"))
    if prefix == "first":
        tokenizer.normalizer = None
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="first", split=False)
    config = {"bos_token": "<s>", "eos_token": {"__type": "AddedToken", "content": "</s>"}, "unk_token": "<unk>"}
    return write(folder, tokenizer, config | {"chat_template": [{"name": "default", "template": LLAMA2}]})


KINDS: dict[str, Callable[[Path], Path]] = {
    "llama3": llama3,
    "qwen": qwen,
    "llama2 prepend": lambda folder: llama2(folder, "prepend"),
    "llama2 first": lambda folder: llama2(folder, "first"),
}


def _byte_level(split: str, normalizer: normalizers.Normalizer | None) -> tokenizers.Tokenizer:
    tokenizer = tokenizers.Tokenizer(models.BPE(ignore_merges=True))
    if normalizer:
        tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(tokenizers.Regex(split), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    tokenizer.train_from_iterator(REPORTS, trainers.BpeTrainer(vocab_size=400, initial_alphabet=alphabet, show_progress=False))
    return tokenizer
