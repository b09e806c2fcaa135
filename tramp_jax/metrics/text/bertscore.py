"""BERTScore (Zhang et al. 2020) of reports with an encoder that the user has: no model is downloaded.

The encoder runs in PyTorch (extra `torch`), in a process of its own: `tramp_jax.hf.pytorch.bertscore`, which has the formula.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from input_pipeline.errors import UserError
from tramp_jax.metrics import bootstrap
from tramp_jax.metrics.bootstrap import SubjectDraws

# Where encoders keep how many layers they have (BERT and RoBERTa; DistilBERT).
_LAYER_COUNTS = ("num_hidden_layers", "n_layers")


def check_possible(model: Path, layer: int | None) -> None:
    """Tells before reports are written, not after it, that they could not be scored.

    Raises:
      UserError: torch or transformers absent, no model with safetensors in the folder, or no such layer.
    """
    for package in ("torch", "transformers"):
        if importlib.util.find_spec(package) is None:
            raise UserError(
                f"--bert_model: {package} is not installed: pip install 'tramp-jax[torch]', or leave --bert_model away"
            )
    file = model / "config.json"
    if not file.is_file():
        raise UserError(
            f"--bert_model={model}: has no config.json: expected a folder of transformers, such as a copy of roberta-large"
        )
    if not list(model.glob("*.safetensors")):
        raise UserError(
            f"--bert_model={model}: has no *.safetensors: rewrite its pickle with "
            f"python -m tramp_jax.hf.pytorch.convert_pickle {model} --output=FOLDER"
        )
    layers = _layers(file)
    if layer is None or not 1 <= layer <= layers:
        raise UserError(
            f"--bert_layer={layer}: expected 1 to {layers}, the layers of {model}; bert-score takes 17 of roberta-large"
        )


def bertscore_results(
    model: Path,
    layer: int,
    subject: Sequence[str] | np.ndarray,
    generated: Sequence[str],
    references: Sequence[str | None],
    baselines: Mapping[str, Sequence[str]],
    *,
    draws: int = bootstrap.DRAWS,
    seed: int = 0,
) -> dict[str, Any]:
    """BERTScore of the generated reports and of the baselines' on the same clips, those that have a reference.

    Args:
      model, layer: that `check_possible` has passed.
      subject: (N,) of the clips.
      generated, references: N texts, a reference is None where there is none.
      baselines: name -> N texts.

    Returns:
      "model" (name of the folder), "layer", "precision", "recall", "f1", "f1_interval", "baselines" name -> "f1",
      "truncated" (clips with a text beyond the encoder's length). No value where no clip has a reference.

    Raises:
      UserError: PyTorch cannot run the model.
    """
    kept = [i for i, reference in enumerate(references) if reference is not None]
    found: dict[str, Any] = {"model": model.name, "layer": layer, "truncated": 0, "baselines": dict.fromkeys(baselines)}
    if not kept:
        return found | dict.fromkeys(("precision", "recall", "f1")) | {"f1_interval": [None, None]}
    writers = {"": generated, **baselines}
    pairs = [[texts[i], references[i]] for texts in writers.values() for i in kept]
    scores = {name: values.reshape(len(writers), len(kept)) for name, values in bert_score(model, layer, pairs).items()}
    low, high, _ = SubjectDraws.of(np.asarray(subject)[kept], draws, seed).interval(bootstrap.mean_of(scores["f1"][0]))
    found |= {name: float(scores[name][0].mean()) for name in ("precision", "recall", "f1")}
    found["baselines"] = {name: float(row.mean()) for name, row in zip(baselines, scores["f1"][1:], strict=True)}
    return found | {"f1_interval": [low, high], "truncated": int(scores["truncated"][0].sum())}


def bert_score(model: Path, layer: int, pairs: Sequence[Sequence[str]]) -> dict[str, np.ndarray]:
    """ "precision", "recall", "f1" (N,) float64 and "truncated" (N,) bool of pairs [said, reference].

    Raises:
      UserError: PyTorch cannot run the model.
    """
    with tempfile.TemporaryDirectory() as scratch:
        asked, answered = Path(scratch) / "request.json", Path(scratch) / "answer.npz"
        asked.write_text(json.dumps(pairs), encoding="utf-8")
        command = [sys.executable, "-m", "tramp_jax.hf.pytorch.bertscore", str(asked)]
        command += [f"--model={model}", f"--layer={layer}", f"--output={answered}"]
        offline = os.environ | {"HF_HUB_OFFLINE": "1"}
        result = subprocess.run(command, capture_output=True, text=True, check=False, env=offline)
        if result.returncode:
            last = result.stderr.strip().splitlines()[-1:] or ["no message"]
            raise UserError(f"--bert_model={model}: PyTorch cannot run it: {last[0].removeprefix('error: ')}")
        with np.load(answered) as file:
            return dict(file)


def _layers(file: Path) -> int:
    try:
        config = json.loads(file.read_text(encoding="utf-8"))
        return next(int(config[name]) for name in _LAYER_COUNTS if name in config)
    except (ValueError, TypeError, StopIteration) as error:
        raise UserError(
            f"{file}: says not how many layers the encoder has ({' or '.join(_LAYER_COUNTS)}): fetch it anew"
        ) from error
