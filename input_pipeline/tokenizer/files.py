"""A tokenizer's files under their Hugging Face names, and what the small ones among them say."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from input_pipeline.errors import UserError

MODEL, JSON = "tokenizer.model", "tokenizer.json"
CONFIG, SPECIAL, GENERATION = "tokenizer_config.json", "special_tokens_map.json", "generation_config.json"
TEMPLATE = "chat_template.jinja"
# Vocabularies last: a folder that holds one was written to the end (see `has_tokenizer`).
NAMES = (CONFIG, SPECIAL, GENERATION, TEMPLATE, MODEL, JSON)
_ROLES = ("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token")


def has_tokenizer(folder: Path) -> bool:
    """Whether the folder holds a tokenizer.json or a tokenizer.model."""
    return (folder / JSON).is_file() or (folder / MODEL).is_file()


def read_files(path: Path) -> dict[str, bytes]:
    """Every tokenizer file of a folder; a .json file with those beside it; any other file alone, as a sentencepiece model.

    A tokenizer.json is never read alone, since it does not say which token ends a text.

    Returns:
      Bytes by name out of NAMES.

    Raises:
      UserError: no tokenizer there, or a file that cannot be read.
    """
    if path.is_dir():
        _check_folder(path)
        found = {name: path / name for name in NAMES if (path / name).is_file()}
    elif path.suffix == ".json":
        beside = {name: path.parent / name for name in NAMES if name != MODEL and (path.parent / name).is_file()}
        found = beside | {JSON: path}
    else:
        found = {MODEL: path}
    try:
        return {name: file.read_bytes() for name, file in found.items()}
    except FileNotFoundError as error:
        raise UserError(
            f"{path}: no such file or folder: pass a sentencepiece .model, a tokenizer.json or a folder that holds one"
        ) from error
    except OSError as error:
        raise UserError(f"{error.filename}: cannot be read ({error.strerror}): make the file readable") from error


def _check_folder(folder: Path) -> None:
    if has_tokenizer(folder):
        return
    if (folder / "vocab.json").is_file() and (folder / "merges.txt").is_file():
        raise UserError(
            f"{folder}: holds vocab.json and merges.txt but no {JSON}: make one with transformers, "
            f"AutoTokenizer.from_pretrained({str(folder)!r}).save_pretrained({str(folder)!r})"
        )
    raise UserError(f"{folder}: no tokenizer there: pass a folder with {JSON} or {MODEL}, or such a file itself")


def parse_json(files: Mapping[str, bytes], name: str, where: str) -> dict[str, Any]:
    """The JSON object in a file; {} without that file.

    Raises:
      UserError: not a JSON object.
    """
    if name not in files:
        return {}
    try:
        found = json.loads(files[name])
    except ValueError as error:
        raise UserError(f"{where}: {name} is not JSON ({error}): get the file anew") from error
    if not isinstance(found, dict):
        raise UserError(f"{where}: {name} holds a {type(found).__name__}, not a JSON object: get the file anew")
    return found


def special_tokens(files: Mapping[str, bytes], where: str) -> dict[str, str]:
    """The named tokens ("bos_token", "eos_token", ...) as text, those that are set; chat templates see them by these names.

    Raises:
      UserError: a file or a token that cannot be read.
    """
    # As in transformers, special_tokens_map.json is the older place.
    stated = parse_json(files, SPECIAL, where) | parse_json(files, CONFIG, where)
    tokens = {}
    for role in _ROLES:
        token = stated.get(role)
        text = token.get("content") if isinstance(token, dict) else token
        if token is not None and not isinstance(text, str):
            raise UserError(f"{where}: {CONFIG}: {role} is {token!r}, not a text: write the token itself there")
        if text:
            tokens[role] = text
    return tokens


def ending_ids(files: Mapping[str, bytes], where: str) -> tuple[int, ...]:
    """generation_config.json's eos_token_id, a number or a list of them; () without.

    Raises:
      UserError: something else stands there.
    """
    stated = parse_json(files, GENERATION, where).get("eos_token_id")
    ids = [] if stated is None else stated if isinstance(stated, list) else [stated]
    if not all(type(i) is int and i >= 0 for i in ids):
        raise UserError(f"{where}: {GENERATION}: eos_token_id is {stated!r}: write a token id or a list of them")
    return tuple(ids)


def chat_template(files: Mapping[str, bytes], where: str) -> str | None:
    """chat_template.jinja, else "chat_template" of tokenizer_config.json (of a list of named ones, "default"), else None.

    Raises:
      UserError: it cannot be read, or a list without a default.
    """
    if TEMPLATE in files:
        try:
            return files[TEMPLATE].decode()
        except UnicodeDecodeError as error:
            raise UserError(f"{where}: {TEMPLATE} is not UTF-8 text: get the file anew") from error
    stated = parse_json(files, CONFIG, where).get("chat_template")
    if isinstance(stated, list):
        named = {entry.get("name"): entry.get("template") for entry in stated if isinstance(entry, dict)}
        if not isinstance(named.get("default"), str):
            raise UserError(f"{where}: {CONFIG}: no chat_template is named default: put the one to use into {TEMPLATE}")
        return named["default"]
    if stated is not None and not isinstance(stated, str):
        raise UserError(f"{where}: {CONFIG}: chat_template is a {type(stated).__name__}: put a template into {TEMPLATE}")
    return stated
