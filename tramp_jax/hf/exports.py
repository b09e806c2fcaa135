"""What can be exported, and how: a training run, or a model that `import_hf` brought in."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
from ml_collections import ConfigDict

from input_pipeline.errors import UserError
from input_pipeline.tokenizer import Tokenizer, has_tokenizer
from tramp_jax.hf import llama, parts
from tramp_jax.hf.adapter import write_adapter
from tramp_jax.hf.card import model_card
from tramp_jax.hf.full import LANGUAGE_MODEL, write_full
from tramp_jax.hf.keymap import block_shapes
from tramp_jax.hf.language import token_ids, write_language_model
from tramp_jax.hf.leaves import StoredLeaf, merged_leaves
from tramp_jax.hf.sources import read_json
from tramp_jax.hf.tensors import TensorFolder, new_folder
from tramp_jax.inference import LAST, TrainedModel
from tramp_jax.models.blocks import Block
from tramp_jax.models.llama import Llama, default_llama_config
from tramp_jax.training.ownership import flatten

FORMATS = ("llm", "adapter", "full")
RUN_DTYPE = "bfloat16"  # of a run's LLaMA unless asked otherwise: what its users load


def export(
    checkpoint: Path, output: Path, formats: Sequence[str] = (), dtype: str | None = None, which: str = LAST
) -> list[str]:
    """Writes the exports.

    Args:
      checkpoint: a run, or a folder of `import_hf`.
      output: made; must not exist, or be empty.
      formats: out of FORMATS; none for all that the checkpoint has.
      dtype: of the LLaMA's tensors; None for bfloat16, and as stored for an imported model.
      which: of a run's checkpoints, see `inference.TrainedModel`.

    Returns:
      The formats written.

    Raises:
      UserError: neither of both, a format that it does not have, or a folder that cannot be written.
    """
    unknown = [name for name in formats if name not in FORMATS]
    if unknown:
        raise UserError(f"--format={unknown[0]}: unknown; use any of {', '.join(FORMATS)}")
    source = open_export(checkpoint, which)
    missing = [name for name in formats if name not in source.formats]
    if missing:
        raise UserError(f"--format={missing[0]}: {checkpoint} has only {', '.join(source.formats)}{source.why_not(missing[0])}")
    chosen = list(dict.fromkeys(formats)) or list(source.formats)
    with new_folder(output) as made:
        for name in chosen:
            (made / name).mkdir()
            source.write(name, made / name, dtype)
    return chosen


def open_export(checkpoint: Path, which: str = LAST) -> ImportedExport | RunExport:
    """A run or a folder of `import_hf`, whichever it is.

    Raises:
      UserError: neither.
    """
    if parts.is_imported(checkpoint):
        return ImportedExport(checkpoint)
    if any(checkpoint.glob("*.safetensors")):
        raise UserError(
            f"--checkpoint={checkpoint}: a Hugging Face model; first python -m tramp_jax.import_hf --model={checkpoint}"
        )
    return RunExport(checkpoint, which)


class ImportedExport:
    """The LLaMA of an imported folder, as it was.

    Args:
      folder: of `import_hf`.

    Attributes:
      formats: what it has.
    """

    def __init__(self, folder: Path):
        self._folder = folder
        manifest = parts.read_manifest(folder)
        if "llm" not in manifest["parts"]:
            held = ", ".join(manifest["parts"])
            raise UserError(f"--checkpoint={folder}: holds {held} and no llm, which alone is exported from an import")
        self._config = ConfigDict({**default_llama_config().to_dict(), **manifest["parts"]["llm"]["config"]["llm"]})
        self._check()
        self._published = manifest["family"] in llama.MODEL_TYPES
        self.formats = ("llm",)

    def _check(self) -> None:
        shapes, _ = block_shapes(Block(lambda rngs: Llama(self._config, rngs=rngs)))
        found = {path.removeprefix("llm/"): shape for path, shape in TensorFolder(self._folder / "llm").shapes.items()}
        wrong = sorted(path for path in shapes.keys() | found.keys() if shapes.get(path) != found.get(path))
        if wrong:
            raise UserError(
                f"{self._folder}: {len(wrong)} leaves of llm do not fit import.json ({wrong[0]}): import the model again"
            )

    def language(self) -> tuple[ConfigDict, dict[str, Any]]:
        """Config and leaves by path of the LLaMA."""
        source = TensorFolder(self._folder / "llm")
        return self._config, {path.removeprefix("llm/"): StoredLeaf(source, path) for path in source.shapes}

    def why_not(self, name: str) -> str:
        """The end of a message about a format that is not there."""
        return ": an imported model has no severity head and no LoRA of ours; pass a training run"

    def write(self, name: str, folder: Path, dtype: str | None) -> None:
        """Writes the one format; see `write_language_model`."""
        tokenizer = Tokenizer.load(self._folder) if has_tokenizer(self._folder) else None
        ids = token_ids(tokenizer) or self._source_ids()
        write_language_model(folder, *self.language(), dtype, tokenizer, ids, self._source_files(dtype))

    def _source_ids(self) -> dict[str, Any]:
        path = self._folder / parts.SOURCE / "config.json"
        values = read_json(path) if path.is_file() else {}
        return {name: values[name] for name in ("bos_token_id", "eos_token_id", "pad_token_id") if name in values}

    def _source_files(self, dtype: str | None) -> dict[str, bytes]:
        # A config.json that says another dtype, or is of a whole VideoLLaMA3, is no longer the one of this folder.
        names = ["generation_config.json", *(["config.json"] if self._published and dtype is None else [])]
        found = {name: self._folder / parts.SOURCE / name for name in names}
        return {name: path.read_bytes() for name, path in found.items() if path.is_file()}


class RunExport:
    """A checkpoint of a training run.

    Args:
      run: its folder.
      which: see `inference.TrainedModel`.

    Attributes:
      config, params, stats, tokenizer: of the run.
      formats: what it has.
    """

    def __init__(self, run: Path, which: str = LAST):
        self._run = run
        # Sums over parts of an array round otherwise, and an export is the same wherever it is made.
        self._model = TrainedModel(run, which, jax.devices()[:1])
        self.config, self.params, self.stats = self._model.config, self._model.params, self._model.stats
        self.tokenizer = self._model.predictor.tokenizer
        without = {"adapter"} if not self.config.model.use_lora else set()
        without |= {"full"} if self.config.model.motion_kind == "none" else set()
        self.formats = tuple(name for name in FORMATS if name not in without)

    def why_not(self, name: str) -> str:
        """The end of a message about a format that is not there."""
        if name == "full":
            return ": a model without landmarks (model.motion_kind='none') has no export of its own"
        return ": it trained the LLaMA itself and no LoRA (model.use_lora=False)"

    def write(self, name: str, folder: Path, dtype: str | None) -> None:
        """Writes one format."""
        if name == "llm":
            ids = token_ids(self.tokenizer)
            write_language_model(folder, *self.language(), dtype or RUN_DTYPE, self.tokenizer, ids, {})
        elif name == "adapter":
            write_adapter(folder, self.config.model, flatten(self.params["lora"]), *self._base())
        else:
            self._write_full(folder, dtype or RUN_DTYPE)

    def language(self) -> tuple[ConfigDict, dict[str, Any]]:
        """Config and leaves by path of the LLaMA, its LoRA merged."""
        model, llm = self.config.model, flatten(self.params["llm"])
        return model.llm, merged_leaves(llm, flatten(self.params["lora"]), model.lora) if model.use_lora else llm

    def _write_full(self, folder: Path, dtype: str) -> None:
        params = {name: tree for name, tree in self.params.items() if name not in ("lora", "llm")}
        whole = flatten(params) | {f"llm/{path}": leaf for path, leaf in self.language()[1].items()}
        heads = dict.fromkeys((name for name in params), "float32")
        write_full(
            folder,
            whole,
            flatten(self.stats),
            self.config,
            self.tokenizer,
            {**heads, LANGUAGE_MODEL: dtype},
        )
        (folder / "README.md").write_text(model_card(self.config, self._model.step, self._results()))

    def _results(self) -> dict[str, Any] | None:
        """Of this very checkpoint, None where it was not evaluated: a run that went on still has those of an older one."""
        paths = [self._run / name / "results.json" for name in ("eval", "eval-best")]
        found = [json.loads(path.read_text()) for path in paths if path.is_file()]
        return next((results for results in found if results.get("model", {}).get("step") == self._model.step), None)

    def _base(self) -> tuple[str, str | None]:
        """Name and revision of the model that PEFT can put the adapter on; none where it is part of a larger one."""
        found = self.config.pretrained.get("llm", {})
        return (found["source"], found["revision"]) if found.get("family") in llama.MODEL_TYPES else ("", None)
