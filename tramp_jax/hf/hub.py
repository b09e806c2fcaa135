"""Models from the Hugging Face Hub, at a revision that cannot move. The one place with network access, and only on request."""

from __future__ import annotations

import re
from pathlib import Path

from input_pipeline.errors import UserError

# Weights as safetensors, configs, tokenizers. Never pickles, never code.
PATTERNS = ["*.safetensors", "*.safetensors.index.json", "*.json", "*.jinja", "*.model"]
_ID = re.compile(r"[\w.-]+/[\w.-]+")


def local_folder(model: str, revision: str | None) -> Path:
    """The folder of a model: the one named, or a download of a hub id.

    Args:
      model: folder, or "owner/name" on the Hub.
      revision: the full commit, 40 hex digits; needed for a hub id, an error for a folder.

    Raises:
      UserError: no such folder, no pinned revision, huggingface_hub absent, or the download failed.
    """
    path = Path(model)
    if path.exists():
        if revision is not None:
            raise UserError(f"--revision={revision}: {model} is a local path; leave the flag away")
        return path
    if not _ID.fullmatch(model):
        raise UserError(f"--model={model}: no such folder, and no id of the Hub (owner/name) either")
    if revision is None or not re.fullmatch(r"[0-9a-f]{40}", revision):
        raise UserError(
            f"--model={model}: no such folder; to fetch it from the Hub add --revision=COMMIT (40 hex digits, on the model's "
            "page under Files), so that the same command gives the same weights later"
        )
    return _download(model, revision)


def _download(model: str, revision: str) -> Path:
    try:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError
    except ImportError as error:
        raise UserError("huggingface_hub is not installed: pip install 'tramp-jax[hub]', or pass a local folder") from error
    try:
        # Meta's own files under original/ hold the same weights a second time.
        return Path(snapshot_download(model, revision=revision, allow_patterns=PATTERNS, ignore_patterns=["original/*"]))
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError, ValueError) as error:
        raise UserError(
            f"--model={model} --revision={revision}: not fetched ({' '.join(str(error).split())[:300]}): check the id, the "
            "revision and your access (hf auth login)"
        ) from error
