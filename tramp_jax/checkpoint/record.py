"""What a checkpoint says of itself, in JSON beside its arrays: steps, identity, versions, and the digest of every array."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from typing import Any

from input_pipeline.versions import version

FORMAT = 1
PACKAGES = ("tramp-jax", "jax", "jaxlib", "flax", "optax", "orbax-checkpoint")


class DamagedError(Exception):
    """A checkpoint that is not what was saved; the text says what differs."""


@dataclasses.dataclass(frozen=True)
class Record:
    """The record of one checkpoint.

    Attributes:
      step: global steps taken.
      task_steps: task -> steps taken: where its data, its random numbers and its learning rate go on.
      identity: see `tramp_jax.checkpoint.identity`.
      versions: package -> version that saved it.
      digests: path -> "float32[2,8] 0123456789abcdef", see `tramp_jax.checkpoint.digests`.
      config: SHA-256 of the config beside it.
    """

    step: int
    task_steps: dict[str, int]
    identity: dict[str, Any]
    versions: dict[str, str]
    digests: dict[str, str]
    config: str

    def to_json(self) -> dict[str, Any]:
        """With the format's number and a seal over everything."""
        content = {"format": FORMAT, **dataclasses.asdict(self)}
        return {**content, "seal": sha256_of(content)}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Record:
        """The inverse of `to_json`.

        Raises:
          DamagedError: the seal is broken, or the format another.
        """
        content = dict(content)
        if content.pop("seal", None) != sha256_of(content):
            raise DamagedError("its record is not as it was written")
        if content.pop("format") != FORMAT:
            raise DamagedError(f"its record has another format than {FORMAT}: it was written by a newer version")
        return cls(**content)


def versions() -> dict[str, str]:
    """Of what takes part in a step."""
    return {package: version(package) for package in PACKAGES}


def sha256_of(value: Any) -> str:
    """Of a value as JSON."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
