"""`python -m tramp_jax.hf.pytorch.bertscore REQUEST.json --model=FOLDER --layer=L --output=ANSWER.npz`: BERTScore of texts.

In a process of its own that never imports jax and reaches for nothing outside the folder. BERTScore (Zhang et al. 2020)
without idf weights and without rescaling, as bert-score computes it: every token of one text is held against its most similar
token of the other by the cosine of their contextual embeddings; precision is the mean over what is said, recall over the
reference. The begin and end tokens can be matched but are not averaged.

Axes: S tokens, D width.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from absl import flags

from input_pipeline import cli
from input_pipeline.errors import UserError

_MODEL = flags.DEFINE_string("model", None, "A folder of transformers: BERT, RoBERTa and their kin.")
_LAYER = flags.DEFINE_integer("layer", None, "Whose output is compared, from 1.")
_OUTPUT = flags.DEFINE_string("output", None, "File to write.")

USAGE = "python -m tramp_jax.hf.pytorch.bertscore REQUEST.json --model=FOLDER --layer=L --output=ANSWER.npz"
BATCH = 32
# A tokenizer that knows no limit says 1e30.
_NO_LIMIT = 1_000_000


def main(argv: Sequence[str]) -> None:
    """One positional argument: a JSON list of [said, reference]."""
    if len(argv) != 1:
        raise UserError(f"expected one REQUEST.json, got {len(argv)}; usage: {USAGE}")
    pairs = json.loads(Path(argv[0]).read_text(encoding="utf-8"))
    np.savez(_OUTPUT.value, **score(Path(_MODEL.value), _LAYER.value, pairs))


def score(folder: Path, layer: int, pairs: Sequence[Sequence[str]]) -> dict[str, np.ndarray]:
    """ "precision", "recall" and "f1" of each pair, (N,) float64 (0 where a text is empty), and "truncated", (N,) bool.

    Raises:
      UserError: torch or transformers is absent, or the folder holds no encoder.
    """
    try:
        import torch  # noqa: F401
        import transformers
    except ImportError as error:
        raise UserError(f"{error.name} is not installed: pip install 'tramp-jax[torch]'") from error
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    # Pickled weights could run code.
    model = transformers.AutoModel.from_pretrained(folder, local_files_only=True, use_safetensors=True).float().eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)
    texts = sorted({text for pair in pairs for text in pair}, key=len)
    embedded: dict[str, tuple[np.ndarray, np.ndarray, bool]] = {}
    for start in range(0, len(texts), BATCH):
        batch = texts[start : start + BATCH]
        embedded |= dict(zip(batch, embed(model, tokenizer, batch, layer), strict=True))
    rows = [match(*embedded[said][:2], *embedded[meant][:2]) for said, meant in pairs]
    table = np.array(rows, np.float64).reshape(len(rows), 3)
    truncated = np.array([embedded[said][2] or embedded[meant][2] for said, meant in pairs], bool)
    return {"precision": table[:, 0], "recall": table[:, 1], "f1": table[:, 2], "truncated": truncated}


def embed(model: Any, tokenizer: Any, texts: Sequence[str], layer: int) -> list[tuple[np.ndarray, np.ndarray, bool]]:
    """Of each text: unit embeddings (S, D) float32 at a layer, whether each token is averaged (S,), whether it was cut."""
    import torch

    limit = tokenizer.model_max_length
    if limit > _NO_LIMIT:
        # RoBERTa's position embeddings hold two more than it reads.
        limit = model.config.max_position_embeddings - 2
    # The space makes a first word of byte-level tokenizers (RoBERTa) the token that it is elsewhere.
    ids = tokenizer([" " + text.strip() for text in texts])["input_ids"]
    cut = tokenizer(
        [" " + text.strip() for text in texts], truncation=True, max_length=limit, padding=True, return_tensors="pt"
    )
    with torch.no_grad():
        hidden = model(cut["input_ids"], attention_mask=cut["attention_mask"], output_hidden_states=True).hidden_states[layer]
    hidden = (hidden / hidden.norm(dim=-1, keepdim=True)).numpy()
    mask = cut["attention_mask"].numpy().astype(bool)
    counted = ~np.isin(cut["input_ids"].numpy(), [tokenizer.cls_token_id, tokenizer.sep_token_id])
    return [(hidden[i][mask[i]], counted[i][mask[i]], len(ids[i]) > limit) for i in range(len(texts))]


def match(said: np.ndarray, said_counts: np.ndarray, meant: np.ndarray, meant_counts: np.ndarray) -> tuple[float, float, float]:
    """Precision, recall and F1 of unit embeddings (S, D) with the tokens that are averaged (S,)."""
    if not said_counts.any() or not meant_counts.any():
        return 0.0, 0.0, 0.0
    cosine = said.astype(np.float64) @ meant.T.astype(np.float64)
    precision = float(cosine.max(axis=1)[said_counts].mean())
    recall = float(cosine.max(axis=0)[meant_counts].mean())
    return precision, recall, 2.0 * precision * recall / (precision + recall) if precision + recall else 0.0


if __name__ == "__main__":
    flags.mark_flags_as_required(["model", "layer", "output"])
    cli.run(main, USAGE)
