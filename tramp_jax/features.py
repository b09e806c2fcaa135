"""`python -m tramp_jax.features --config=FILE --config.data.vision_features=NAME --config.init_from.vision=FOLDER`.

Runs the frozen ViT once over every clip of `config.data.path` and keeps its patch features in features/NAME of that folder.
Training with the same flags reads those and never runs the ViT. Killed, the same command goes on where it was.
"""

from __future__ import annotations

from collections.abc import Sequence

from absl import flags
from ml_collections import config_flags

from input_pipeline import cli
from input_pipeline.errors import UserError

_CONFIG = config_flags.DEFINE_config_file("config", None, "The experiment, for example configs/pfed5_plus_8b.py.")
_SHARD = flags.DEFINE_integer("shard-megabytes", 256, "Of one file, which is all that a kill loses; 0: a clip.", lower_bound=0)

USAGE = (
    "python -m tramp_jax.features --config=FILE --config.data.vision_features=NAME --config.init_from.vision=FOLDER "
    "[--config.KEY=VALUE ...]"
)


def main(argv: Sequence[str]) -> None:
    """Flags are absl's."""
    if argv:
        raise UserError(f"unexpected argument {argv[0]!r}; usage: {USAGE}")
    from tramp_jax.compilation_cache import use_compilation_cache
    from tramp_jax.config import config_from_flag
    from tramp_jax.feature_making import make_features

    use_compilation_cache()
    make_features(config_from_flag(_CONFIG.value), _SHARD.value * 2**20)


if __name__ == "__main__":
    flags.mark_flag_as_required("config")
    cli.run(main, USAGE)
