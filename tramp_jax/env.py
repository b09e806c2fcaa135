"""`python -m tramp_jax.env`: versions and devices, to paste into a bug report."""

from __future__ import annotations

import platform
from collections.abc import Sequence

from input_pipeline import cli
from input_pipeline.errors import UserError
from input_pipeline.versions import version

PACKAGES = (
    "tramp-jax",
    "jax",
    "jaxlib",
    "libtpu",
    "flax",
    "optax",
    "orbax-checkpoint",
    "grain",
    "array-record",
    "numpy",
    "scipy",
    "safetensors",
    "sentencepiece",
    "tokenizers",
    "mediapipe",
    "av",
    "torch",
    "transformers",
    "peft",
    "huggingface-hub",
)


def check_pair() -> None:
    """Raises UserError for the one pair of versions that cannot work together and that pip cannot forbid."""
    jax_version, flax_version = (_numbers(version(name)) for name in ("jax", "flax"))
    if jax_version >= (0, 11, 1) and flax_version < (0, 12, 10):
        raise UserError(
            f"jax {version('jax')} needs flax 0.12.10 or newer, found {version('flax')}: pip install --upgrade 'flax>=0.12.10' "
            "(Python 3.12 or newer), or pip install 'jax<0.11'"
        )


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".") if part.isdigit())


def main(argv: Sequence[str]) -> None:
    """Prints the table."""
    print(f"python     {platform.python_version()} on {platform.platform()}")
    for package in PACKAGES:
        print(f"{package:<18} {version(package)}")
    check_pair()
    import jax

    print(f"devices            {', '.join(f'{d.platform}:{d.device_kind}' for d in jax.devices())}")


if __name__ == "__main__":
    cli.run(main, "python -m tramp_jax.env")
