"""From a sentencepiece model to the files that transformers' AutoTokenizer reads, for exports.

The ids are the same for every text. sentencepiece joins the neighbours whose joint piece has the best score, tokenizer.json
those whose pair stands first in a list: so every pair of pieces that makes a piece is listed, by the score of what it makes.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, processors

from input_pipeline.errors import UserError
from input_pipeline.tokenizer.files import CONFIG, JSON, TEMPLATE

try:
    from sentencepiece.sentencepiece_model_pb2 import ModelProto
except Exception as error:  # ImportError, or protobuf's own error where it is older than sentencepiece's file
    raise UserError(f"sentencepiece models cannot be read ({error}): pip install -U protobuf") from error

_SPACE = "▁"
_Piece = ModelProto.SentencePiece
# The plain format of `Tokenizer.prompt` and `target`. GAP is the space that the model puts before every text by itself.
_PLAIN_TEMPLATE = """\
{%- for message in messages -%}
{%- if message.role == 'user' -%}
{{- bos_token -}}{{- message.content -}}
{%- elif message.role == 'assistant' -%}
{{- GAP -}}{{- message.content -}}{{- eos_token -}}
{%- else -%}
{{- raise_exception('only user and assistant messages are supported') -}}
{%- endif -%}
{%- endfor -%}
"""


def converted_files(model: bytes, template: str | None, where: str) -> dict[str, bytes]:
    """tokenizer.json, tokenizer_config.json and chat_template.jinja of a sentencepiece model.

    Args:
      template: the model's chat template; None for this project's plain format.

    Raises:
      UserError: see `tokenizer_json`.
    """
    config = json.dumps(tokenizer_config(model), indent=2, ensure_ascii=False) + "\n"
    texts = {JSON: tokenizer_json(model, where), CONFIG: config, TEMPLATE: template or plain_template(model)}
    return {name: text.encode() for name, text in texts.items()}


def tokenizer_json(model: bytes, where: str) -> str:
    """The tokenizers library's form of the model.

    Raises:
      UserError: a model that is not byte-fallback BPE over unchanged text, the kind of Llama 2 and of `train_tokenizer`.
    """
    proto = ModelProto.FromString(model)
    reasons = "; ".join(_unsupported(proto))
    if reasons:
        raise UserError(
            f"{where}: this sentencepiece model cannot become a {JSON}: {reasons}: train with a {JSON} (tokenizer.path)"
        )
    pieces = {piece.piece: i for i, piece in enumerate(proto.pieces)}
    unknown = proto.trainer_spec.unk_piece
    bpe = models.BPE(pieces, _merges(proto), unk_token=unknown, fuse_unk=True, byte_fallback=True)
    tokenizer = Tokenizer(bpe)
    to_space = [decoders.Replace(_SPACE, " "), decoders.ByteFallback(), decoders.Fuse()]
    if proto.normalizer_spec.add_dummy_prefix:
        tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend(_SPACE), normalizers.Replace(" ", _SPACE)])
        tokenizer.decoder = decoders.Sequence([*to_space, decoders.Strip(" ", 1, 0)])
    else:
        tokenizer.normalizer = normalizers.Replace(" ", _SPACE)
        tokenizer.decoder = decoders.Sequence(to_space)
    control = [piece.piece for piece in proto.pieces if piece.type in (_Piece.CONTROL, _Piece.UNKNOWN)]
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in control])
    begin = tokenizer_config(model).get("bos_token")
    if begin:
        tokenizer.post_processor = processors.TemplateProcessing(
            single=f"{begin} $A", pair=f"{begin} $A {begin}:1 $B:1", special_tokens=[(begin, pieces[begin])]
        )
    return tokenizer.to_str()


def tokenizer_config(model: bytes) -> dict[str, Any]:
    """What tokenizer_config.json says beside `tokenizer_json`; models without a padding token pad with the end token."""
    proto = ModelProto.FromString(model)
    roles = {role: getattr(proto.trainer_spec, f"{role}_id") for role in ("bos", "eos", "unk", "pad")}
    tokens = {f"{role}_token": proto.pieces[i].piece for role, i in roles.items() if i >= 0}
    return {
        # LlamaTokenizer would put rules of its own in the place of tokenizer.json's.
        "tokenizer_class": "PreTrainedTokenizerFast",
        "add_bos_token": "bos_token" in tokens,
        "add_eos_token": False,
        "clean_up_tokenization_spaces": False,
        "pad_token": tokens["eos_token"],
    } | tokens


def plain_template(model: bytes) -> str:
    """This project's format without a chat template, begin, instruction, report, end, as a chat template."""
    gap = " " if ModelProto.FromString(model).normalizer_spec.add_dummy_prefix else ""
    return _PLAIN_TEMPLATE.replace("GAP", repr(gap))


def _merges(proto: ModelProto) -> list[tuple[str, str]]:
    """Pairs of pieces that make a piece, the best first.

    Of equal scores sentencepiece takes the leftmost in the text, which a list cannot say in general. For runs of one
    character (Llama 2's runs of spaces all have the score -1e9) that is: grow the leftmost run, the longer the sooner.
    """
    scores = _scores(proto)
    pairs = [(piece[:i], piece[i:]) for piece in scores for i in range(1, len(piece))]
    known = [pair for pair in pairs if pair[0] in scores and pair[1] in scores]
    return sorted(known, key=lambda pair: (-scores["".join(pair)], -len("".join(pair)), -len(pair[0])))


def _scores(proto: ModelProto) -> dict[str, float]:
    return {piece.piece: piece.score for piece in proto.pieces if piece.type == _Piece.NORMAL}


def _unsupported(proto: ModelProto) -> Iterator[str]:
    trainer, rules = proto.trainer_spec, proto.normalizer_spec
    if trainer.model_type != trainer.BPE:
        yield f"model type {trainer.ModelType.Name(trainer.model_type).lower()}, not bpe"
    if not trainer.byte_fallback:
        yield "no byte_fallback"
    if rules.precompiled_charsmap or proto.denormalizer_spec.precompiled_charsmap:
        yield f"normaliser {rules.name or 'of its own'}, not identity"
    if rules.remove_extra_whitespaces or not rules.escape_whitespaces or trainer.treat_whitespace_as_suffix:
        yield "spaces that are removed, kept unescaped or put behind words"
    if any(piece.type in (_Piece.USER_DEFINED, _Piece.UNUSED) for piece in proto.pieces):
        yield "user-defined or unused pieces"
    scores, equal = _scores(proto), defaultdict(set)
    for piece, score in scores.items():
        if len(piece) > 1:
            equal[score].add(piece[0] if len(set(piece)) == 1 else piece)
    if any(len(kinds) > 1 for kinds in equal.values()):
        yield "different pieces with equal scores"
    if any(character not in scores for piece in scores for character in piece):
        yield "pieces of characters that are no pieces"
