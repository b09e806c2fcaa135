"""Instruction data as the field keeps it: JSON or JSONL in LLaVA's or ShareGPT's shape, in and out.

In: a row has its medium under `video`, `videos`, `image` or `images` (a string, a list, or a list of pictures in a list), and
its turns under `conversations` ({"from": "human"|"gpt", "value"}) or `messages` ({"role": "user"|"assistant", "content"}). Out:
`id`, `video` or `image`, `conversations`, or `videos`, `images`, `messages`. Placeholders such as "<image>" are left out on the
way in and stand first on the way out. `subject` and `fps` are ours: what makes splits of people, and seconds of frames.
"""

from __future__ import annotations

import dataclasses
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from input_pipeline.errors import UserError, unreadable

MEDIA = ("video", "videos", "image", "images")
_TURNS = {"conversations": ("from", "value"), "messages": ("role", "content")}
_ROLES = {"human": "user", "user": "user", "gpt": "assistant", "assistant": "assistant", "system": "system"}
_PLACEHOLDER = re.compile(r"\s*<(image|video|video_frames|ImageHere)>\s*")
# The most bytes of one file (ours): FABA-Instruct's is 30 million.
MOST_BYTES = 2**30


@dataclasses.dataclass(frozen=True)
class Row:
    """One example.

    Attributes:
      where: file and row, for errors.
      key: its id, else its number.
      media: paths as written; several are the pictures of one clip in the order of time, and so is what lies in a folder.
      turns: alternating {"role": "user"|"assistant", "content": ...}, without placeholders; a system turn is dropped.
      subject: the person; empty where the row does not say.
      fps: pictures per second; None where the row does not say.
    """

    where: str
    key: str
    media: tuple[str, ...]
    turns: tuple[dict[str, str], ...]
    subject: str = ""
    fps: float | None = None


def read_rows(path: Path) -> Iterator[Row]:
    """The rows of a .json (a list) or .jsonl file.

    Raises:
      UserError: not such a file, or a row is not as it should be: named with its number, the keys found and the fix.
    """
    for number, fields in _rows(path):
        where = f"{path} row {number}"
        if not isinstance(fields, dict):
            raise UserError(f"{where}: is a {type(fields).__name__}, expected an object with {_expected()}")
        key, subject = str(fields.get("id", number)), fields.get("subject")
        subject = "" if subject is None else str(subject)
        yield Row(where, key, _media(where, fields), _turns(where, fields), subject, _fps(where, fields))


def write_rows(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Writes rows as a .json list, or one a line as .jsonl."""
    if path.suffix == ".jsonl":
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    else:
        text = json.dumps(list(rows), indent=1, ensure_ascii=False) + "\n"
    path.write_text(text, encoding="utf-8")


def to_row(key: str, media: Sequence[str], turns: Sequence[Mapping[str, str]], medium: str = "video") -> dict[str, Any]:
    """A row in LLaVA's shape; the first question has the placeholder, <video> or <image>, before it."""
    names = {"user": "human", "assistant": "gpt"}
    conversations = [{"from": names[turn["role"]], "value": turn["content"]} for turn in turns]
    if conversations:
        conversations[0]["value"] = f"<{medium}>\n{conversations[0]['value']}"
    return {"id": key, medium: list(media), "conversations": conversations}


def to_messages_row(key: str, pictures: Sequence[str], turns: Sequence[Mapping[str, str]]) -> dict[str, Any]:
    """A row in the shape of OpenAI's messages, as LLaMA-Factory reads it: the pictures of one clip are a list in a list."""
    medium = "video" if len(pictures) > 1 else "image"
    messages = [dict(turn) for turn in turns]
    messages[0]["content"] = f"<{medium}>\n{messages[0]['content']}"
    return {"id": key, f"{medium}s": [list(pictures)] if len(pictures) > 1 else list(pictures), "messages": messages}


def _rows(path: Path) -> Iterator[tuple[int, Any]]:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise UserError(f"{path}: more than {MOST_BYTES} bytes: cut it into several files")
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise unreadable(path, error, f"cannot be read as text in UTF-8 ({error}): copy the file again") from error
    if path.suffix == ".jsonl":
        for number, line in enumerate(text.splitlines(), 1):
            if line.strip():
                yield number, _parse(f"{path} row {number}", line)
        return
    rows = _parse(str(path), text)
    if not isinstance(rows, list):
        raise UserError(f"{path}: is a JSON {type(rows).__name__}, expected a list of rows; one row a line is .jsonl")
    yield from enumerate(rows, 1)


def _parse(where: str, text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{where}: not JSON ({error}): mend it or export it again") from error


def _media(where: str, fields: Mapping[str, Any]) -> tuple[str, ...]:
    found = [name for name in MEDIA if fields.get(name)]
    if len(found) != 1:
        raise UserError(f"{where}: {_keys(fields)}, expected exactly one of {', '.join(MEDIA)}: name the medium once")
    value = fields[found[0]]
    paths = [value] if isinstance(value, str) else value
    if isinstance(paths, list) and len(paths) == 1 and isinstance(paths[0], list):
        paths = paths[0]
    if not isinstance(paths, list) or not all(isinstance(path, str) and path for path in paths):
        raise UserError(f"{where}: {found[0]} is no path and no list of paths: write the path of a file")
    if len(paths) > 1 and found[0].startswith("video") and not _are_pictures(paths):
        raise UserError(f"{where}: {len(paths)} videos, expected one: write a row for each")
    return tuple(paths)


def _fps(where: str, fields: Mapping[str, Any]) -> float | None:
    value = fields.get("fps")
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not (math.isfinite(value) and value > 0):
        raise UserError(f"{where}: fps {str(value)[:40]!r} is no positive number: write pictures per second, or leave it out")
    return float(value)


def _are_pictures(paths: Sequence[str]) -> bool:
    return all(Path(path).suffix.lower() in (".jpg", ".jpeg", ".png", ".bmp", ".webp") for path in paths)


def _turns(where: str, fields: Mapping[str, Any]) -> tuple[dict[str, str], ...]:
    name = next((name for name in _TURNS if name in fields), None)
    if name is None:
        raise UserError(f"{where}: {_keys(fields)}, expected {_expected()}")
    role_key, text_key = _TURNS[name]
    turns = []
    for turn in fields[name] if isinstance(fields[name], list) else [None]:
        role = _ROLES.get(turn.get(role_key)) if isinstance(turn, dict) else None
        text = _text(turn.get(text_key)) if isinstance(turn, dict) else None
        if role is None or text is None:
            raise UserError(f"{where}: {name} must be a list of {{{role_key!r}: user or assistant, {text_key!r}: text}}")
        if role != "system":
            turns.append({"role": role, "content": _PLACEHOLDER.sub(" ", text).strip()})
    expected = ["user", "assistant"] * (len(turns) // 2)
    if not turns or [turn["role"] for turn in turns] != expected:
        raise UserError(f"{where}: {name} must alternate between question and answer, a question first and an answer last")
    return tuple(turns)


def _text(content: Any) -> str | None:
    """Of a text, or of the text parts of a list, as in OpenAI's messages."""
    if isinstance(content, list) and all(isinstance(part, dict) for part in content):
        return "".join(str(part.get("text", "")) for part in content if part.get("type") == "text")
    return content if isinstance(content, str) else None


def _keys(fields: Mapping[str, Any]) -> str:
    return f"has the keys {', '.join(sorted(map(str, fields)))[:120]}"


def _expected() -> str:
    return "`conversations` ([{from, value}]) or `messages` ([{role, content}])"
