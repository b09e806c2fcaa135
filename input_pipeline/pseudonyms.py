"""Keyed hashes in place of names: what a data set calls people and clips, and who may know whom it means.

Without the key a name cannot be found by trying names; with it the same person is the same in every data set of the house.
Clips stay personal data all the same: a face is one, and so is how it moves.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
import stat
from pathlib import Path

from input_pipeline.errors import UserError

_BYTES = 32
_KEY = re.compile(rf"[0-9a-f]{{{2 * _BYTES}}}")


def default_key_file() -> Path:
    """Where a user's key lies unless they say otherwise: ~/.config/tramp-jax/subject.key, or below XDG_CONFIG_HOME."""
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "tramp-jax" / "subject.key"


class PartNames:
    """What is kept of a video while a data set is being built, by a key of its own: whoever has that learns of no person."""

    def __init__(self, key: bytes):
        self.key = key

    def part(self, content: str, *about: str) -> str:
        """The name of a part: of the video's SHA-256, and what else decides what is made of it."""
        return _hash(self.key, "part", content, *about)


class Pseudonyms:
    """HMAC-SHA256 of names under one key, 64 bits of it.

    Attributes:
      key_id: tells keys apart and nothing about them; two data sets know the same people as the same only under one key.
      parts: the names of parts, for processes that need not know more.
    """

    def __init__(self, key: bytes):
        self._key = key
        self.key_id = self._hash("key", "")[:8]
        self.parts = PartNames(hmac.digest(key, b"parts", hashlib.sha256))

    @classmethod
    def open(cls, path: Path) -> tuple[Pseudonyms, bool]:
        """The key in a file, which is made, readable by its owner alone, where there is none; and whether it was made.

        Raises:
          UserError: the file cannot be read or made, others may read it, or it holds no key.
        """
        try:
            made = _make(path) if not path.exists() else False
            mode = stat.S_IMODE(path.stat().st_mode)
            text = path.read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is no text"
            raise UserError(f"--subject-key-file={path}: cannot be read or made ({reason}): name another file") from error
        if mode & 0o077:
            raise UserError(f"--subject-key-file={path}: others may read it (mode {mode:03o}): chmod 600 {path}")
        if not _KEY.fullmatch(text):
            raise UserError(
                f"--subject-key-file={path}: no key in it, expected {2 * _BYTES} hexadecimal digits: name the file that was "
                "made for your first data set, or one that is not there yet"
            )
        return cls(bytes.fromhex(text)), made

    def subject(self, name: str) -> str:
        """A person's key."""
        return f"s{self._hash('subject', name)}"

    def clip(self, subject: str, expression: str, content: str) -> str:
        """A clip's id: of a person's name, what they pose, and the video's SHA-256 (or its name, where it cannot be read)."""
        return f"c{self._hash('clip', subject, expression, content)}"

    def _hash(self, *parts: str) -> str:
        return _hash(self._key, *parts)


def _hash(key: bytes, *parts: str) -> str:
    message = b"".join(len(part.encode()).to_bytes(4) + part.encode() for part in parts)
    return hmac.digest(key, message, hashlib.sha256).hex()[:16]


def _make(path: Path) -> bool:
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:  # somebody was faster
        return False
    with open(descriptor, "w", encoding="ascii") as file:
        file.write(secrets.token_hex(_BYTES) + "\n")
    return True
