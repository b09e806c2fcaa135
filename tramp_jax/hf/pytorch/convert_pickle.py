"""`python -m tramp_jax.hf.pytorch.convert_pickle FILE.pth|FOLDER --output=FOLDER`: PyTorch pickles rewritten as safetensors.

The one place of the project that opens a pickle, in a process of its own and with `weights_only=True`, which refuses anything
but tensors and plain containers. Only tensors are kept; of a model's folder also its configs and tokenizer.
"""

from __future__ import annotations

import shutil
import warnings
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import numpy as np
from absl import flags

from input_pipeline import cli
from input_pipeline.errors import UserError
from tramp_jax.hf.tensors import PICKLES, new_folder

_OUTPUT = flags.DEFINE_string("output", None, "Folder to make, with model.safetensors.")

USAGE = "python -m tramp_jax.hf.pytorch.convert_pickle FILE.pth|FOLDER --output=FOLDER"
# Where training scripts keep the weights beside their optimizer: TraMP-Former "model", Former-DFER "state_dict".
WRAPPERS = ("model", "state_dict", "model_state_dict")

# Beside the weights in a model's folder: configs, chat template, tokenizer; and what a Trainer leaves there that is no weight.
COMPANIONS = ("*.json", "*.jinja", "*.model")
NOT_WEIGHTS = ("training_args.bin", "optimizer.pt", "scheduler.pt", "rng_state.pth", "scaler.pt")


def main(argv: Sequence[str]) -> None:
    """One positional argument; flags are absl's."""
    if len(argv) != 1:
        raise UserError(f"expected one FILE or FOLDER, got {len(argv)}; usage: {USAGE}")
    count = convert(Path(argv[0]), Path(_OUTPUT.value))
    print(f"{count} tensors: python -m tramp_jax.import_hf --model={_OUTPUT.value} --output=...")


def convert(source: Path, output: Path) -> int:
    """Writes the tensors of a pickle, or of all pickles of a model's folder, as safetensors.

    Names lose the "module." that DataParallel puts in front of all of them.

    Returns:
      How many.

    Raises:
      UserError: torch is absent, or a file is no pickle of tensors.
    """
    files = _pickles(source)
    with new_folder(output) as made:
        count = sum(_convert_file(file, made / _name(i, len(files))) for i, file in enumerate(files))
        for file in _companions(source):
            shutil.copyfile(file, made / file.name)
    return count


def _pickles(source: Path) -> list[Path]:
    if not source.is_dir():
        return [source]
    files = sorted(file for file in source.iterdir() if file.suffix in PICKLES and file.name not in NOT_WEIGHTS)
    if not files:
        raise UserError(f"{source}: no {', '.join(PICKLES)} in it: pass a file, or the folder of a model")
    return files


def _companions(source: Path) -> list[Path]:
    if not source.is_dir():
        return []
    found = [file for pattern in COMPANIONS for file in sorted(source.glob(pattern))]
    return [file for file in found if not file.name.endswith(".index.json")]


def _name(number: int, count: int) -> str:
    return "model.safetensors" if count == 1 else f"model-{number + 1:05}-of-{count:05}.safetensors"


def _convert_file(file: Path, target: Path) -> int:
    tensors = tensors_of(_read(file))
    if not tensors:
        raise UserError(f"{file}: holds no tensors, at the top or under {', '.join(map(repr, WRAPPERS))}: pass a state dict")
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    for name, x in tensors.items():
        if x.layout is not torch.strided or x.is_quantized or x.is_meta:
            raise UserError(f"{file}: {name} is sparse, quantised or without values: save it as a dense tensor")
    # Cloned, since safetensors refuses tensors that share memory (tied embeddings).
    owned = {name: x.detach().clone().contiguous() for name, x in tensors.items()}
    try:
        save_file(owned, target, {"format": "pt"})
    except SafetensorError as error:
        raise UserError(f"{target.parent}: cannot be written ({error}): free some space or choose another --output") from error
    target.chmod(0o644)
    return len(tensors)


def _read(file: Path) -> Any:
    try:
        import torch
    except ImportError as error:
        raise UserError("torch is not installed; it reads the pickle: pip install 'tramp-jax[torch]'") from error
    if not file.is_file():
        raise UserError(f"{file}: no such file: pass a .pth, .pt or .bin")
    try:
        with torch.serialization.safe_globals(_harmless()), warnings.catch_warnings(action="ignore"):
            return torch.load(file, map_location="cpu", weights_only=True)
    except (UnpicklingError, RuntimeError, EOFError, OSError, ValueError, zipfile.BadZipFile) as error:
        paragraphs = [" ".join(text.split()) for text in str(error).split("\n\n")]
        # torch's first paragraph advises reading it unsafely, its last names its documentation.
        known = [text for text in paragraphs if text and "weights_only" not in text]
        reason = (known or [type(error).__name__])[0][:200].rstrip(".")
        raise UserError(
            f"{file}: cannot be read as tensors alone ({reason}); damaged, or it holds other objects: save its state dict again"
        ) from error


class _Recorder:
    """In the place of the curves (a class of its own) that TraMP-Former's training script saves beside the weights."""


def _harmless() -> list[Any]:
    """What TraMP-Former's checkpoints hold beside tensors, none of which runs code: a NumPy number and that recorder."""
    scalar = np.dtype(np.float64).type(0).__reduce__()[0]
    names = [f"numpy.{core}.multiarray.scalar" for core in ("core", "_core")]
    array = [(np.zeros(1).__reduce__()[0], f"numpy.{core}.multiarray._reconstruct") for core in ("core", "_core")]
    dtypes = [np.dtype, np.ndarray, type(np.dtype(np.float64)), type(np.dtype(np.float32))]
    return [*((scalar, name) for name in names), *array, *dtypes, (_Recorder, "utils.vis_tools.RecorderMeter")]


def tensors_of(values: Any) -> dict[str, Any]:
    """The named tensors of a checkpoint, without the wrapper around them and without "module."."""
    import torch

    for wrapper in WRAPPERS:
        if isinstance(values, Mapping) and isinstance(values.get(wrapper), Mapping):
            values = values[wrapper]
            break
    if not isinstance(values, Mapping):
        return {}
    tensors = {str(name): value for name, value in values.items() if isinstance(value, torch.Tensor)}
    wrapped = tensors and all(name.startswith("module.") for name in tensors)
    return {name.removeprefix("module."): value for name, value in tensors.items()} if wrapped else tensors


if __name__ == "__main__":
    flags.mark_flag_as_required("output")
    cli.run(main, USAGE)
