"""`python -m tramp_jax.export_hf --checkpoint=RUN --output=DIR`: a run's newest checkpoint (or --step=best) for Hugging Face.

    DIR/llm/       the LLaMA with its LoRA merged, plain LlamaForCausalLM or Qwen2ForCausalLM
    DIR/adapter/   the LoRA alone, for PEFT
    DIR/full/      the whole model with code of ours: AutoModel.from_pretrained(DIR, trust_remote_code=True), and a model card

`--format=llm,full` chooses. A folder made by `import_hf` can be given in place of a run: its LLaMA comes out as it went in.
`--verify` runs the LLaMA and the whole model in PyTorch on the run's held-out clips beside the model that they were made from,
compares the adapter's tensors, and fails where they differ.
"""

from __future__ import annotations

from collections.abc import Sequence

from absl import flags

from input_pipeline import cli
from input_pipeline.errors import UserError
from input_pipeline.paths import local_path, path_of

DTYPES = ("bfloat16", "float16", "float32")

_CHECKPOINT = flags.DEFINE_string("checkpoint", None, "A run (the --workdir of tramp_jax.train) or a folder of import_hf.")
_OUTPUT = flags.DEFINE_string("output", None, "Folder to make; one subfolder per format.")
_FORMAT = flags.DEFINE_list("format", [], "Any of llm, adapter, full; default: all that the checkpoint has.")
_STEP = flags.DEFINE_enum("step", "last", ["last", "best"], "Which checkpoint of a run; best: on its validation fold.")
_DTYPE = flags.DEFINE_enum(
    "dtype", None, DTYPES, "Of the LLaMA's tensors; default bfloat16, and as stored for an imported model. The rest is float32."
)
_VERIFY = flags.DEFINE_bool(
    "verify", False, "Compare the exports with the checkpoint, on clips of the run's data (needs torch)."
)
_CLIPS = flags.DEFINE_integer("verify_clips", 4, "Held-out clips to compare on.", lower_bound=1)
_LIMIT = flags.DEFINE_float("verify_limit", 1e-3, "Largest difference of a logit or a score, and largest KL, that passes.")

USAGE = (
    "python -m tramp_jax.export_hf --checkpoint=RUN|IMPORTED --output=FOLDER [--format=llm,adapter,full] [--step=last] "
    "[--verify]"
)


def main(argv: Sequence[str]) -> None:
    """Flags are absl's."""
    if argv:
        raise UserError(f"unexpected argument {argv[0]!r}; usage: {USAGE}")
    from tramp_jax.compilation_cache import use_compilation_cache
    from tramp_jax.hf.exports import export
    from tramp_jax.hf.verify import check_possible, verify

    use_compilation_cache()
    checkpoint, output = path_of(_CHECKPOINT.value), local_path(_OUTPUT.value, "--output")
    if _VERIFY.value:
        check_possible(checkpoint)
    for name in export(checkpoint, output, _FORMAT.value, _DTYPE.value, _STEP.value):
        print(output / name)
    if _VERIFY.value:
        verify(checkpoint, output, clips=_CLIPS.value, limit=_LIMIT.value, which=_STEP.value)


if __name__ == "__main__":
    flags.mark_flags_as_required(["checkpoint", "output"])
    cli.run(main, USAGE)
