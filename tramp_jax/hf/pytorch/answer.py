"""`python -m tramp_jax.hf.pytorch.answer REQUEST.npz --model=FOLDER --output=ANSWER.npz`: what an export says to given inputs.

The PyTorch side of `export_hf --verify`, in a process of its own that never imports jax. In float32, whatever the
tensors' dtype.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from absl import flags

from input_pipeline import cli
from input_pipeline.errors import UserError

_MODEL = flags.DEFINE_string("model", None, "A folder of export_hf: llm/ or full/.")
_OUTPUT = flags.DEFINE_string("output", None, "File to write.")

USAGE = "python -m tramp_jax.hf.pytorch.answer REQUEST.npz --model=FOLDER --output=ANSWER.npz"


def main(argv: Sequence[str]) -> None:
    """One positional argument: tokens (B, S) and mask (B, S) for a language model, the fields of a batch for the whole one."""
    if len(argv) != 1:
        raise UserError(f"expected one REQUEST.npz, got {len(argv)}; usage: {USAGE}")
    with np.load(argv[0]) as file:
        request = dict(file)
    np.savez(_OUTPUT.value, **answer(Path(_MODEL.value), request))


def answer(folder: Path, request: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Logits (B, S, V), and of a whole model severity (B,) and grade_distribution (B, 5) as well.

    Raises:
      UserError: torch or transformers is absent.
    """
    try:
        import torch
        import transformers
    except ImportError as error:
        raise UserError(
            f"{error.name} is not installed; --verify runs the export with it: pip install 'tramp-jax[torch]'"
        ) from error
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    tensors = {name: torch.from_numpy(values) for name, values in request.items()}
    ids, mask = tensors.pop("tokens").long(), tensors.pop("token_mask")
    with torch.no_grad():
        if not tensors:
            model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
            positions = (mask.long().cumsum(1) - 1).clamp(min=0)
            return {"logits": model(ids, attention_mask=mask.long(), position_ids=positions).logits.numpy()}
        model = transformers.AutoModel.from_pretrained(folder, dtype=torch.float32, trust_remote_code=True).eval()
        found = model(**tensors, input_ids=ids, attention_mask=mask)
    return {name: found[name].numpy() for name in ("logits", "severity", "grade_distribution")}


if __name__ == "__main__":
    flags.mark_flags_as_required(["model", "output"])
    cli.run(main, USAGE)
