"""`python -m tramp_jax.import_hf --model=DIR_OR_ID --output=DIR`: pretrained weights for training, from safetensors.

Takes Llama 2 and 3.x, Vicuna, Qwen2 and Qwen2.5; CLIP, SigLIP; VideoLLaMA3 (language model, vision encoder and projector at
once); TraMP-Former and SkateFormer; PEFT adapters and whole models of `export_hf`. A config's `init_from.llm`, `.lora`,
`.vision`, `.motion` and `.projection` name the folders that come out.
"""

from __future__ import annotations

from collections.abc import Sequence

from absl import flags

from input_pipeline import cli
from input_pipeline.errors import UserError
from input_pipeline.paths import local_path

_MODEL = flags.DEFINE_string("model", None, "A folder with safetensors, or an id of the Hugging Face Hub (owner/name).")
_OUTPUT = flags.DEFINE_string("output", None, "Folder to make.")
_REVISION = flags.DEFINE_string("revision", None, "Commit of a hub id, 40 hex digits.")
_IMAGE_SIZE = flags.DEFINE_integer(
    "image_size", None, "Side of the frames for VideoLLaMA3's encoder, which takes any; default 224."
)
_VISION_LAYERS = flags.DEFINE_integer(
    "vision_layers", None, "Layers of the vision tower to keep; default all (LLaVA: 23 of CLIP's 24)."
)

USAGE = "python -m tramp_jax.import_hf --model=FOLDER|OWNER/NAME --output=FOLDER [--revision=COMMIT]"


def main(argv: Sequence[str]) -> None:
    """Flags are absl's."""
    if argv:
        raise UserError(f"unexpected argument {argv[0]!r}; usage: {USAGE}")
    from tramp_jax.hf.hub import local_folder
    from tramp_jax.hf.importing import import_model

    folder = local_folder(_MODEL.value, _REVISION.value)
    manifest = import_model(
        folder,
        local_path(_OUTPUT.value, "--output"),
        name=_MODEL.value,
        revision=_REVISION.value,
        image_size=_IMAGE_SIZE.value,
        vision_layers=_VISION_LAYERS.value,
    )
    for part, about in manifest["parts"].items():
        dtypes = ", ".join(f"{count} {dtype}" for dtype, count in about["dtypes"].items())
        print(f"{part:<18} {about['parameters']:>14,} parameters ({dtypes}): init_from.{part} = {_OUTPUT.value!r}")


if __name__ == "__main__":
    flags.mark_flags_as_required(["model", "output"])
    cli.run(main, USAGE)
