"""What a run must not change while it goes on, kept in each checkpoint and compared on resume.

A run that goes on with another seed, other clips or another tokenizer would be neither the old run nor a new one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from ml_collections import ConfigDict

from input_pipeline import pipeline
from input_pipeline.errors import UserError
from input_pipeline.mixture import Data, Mixture
from input_pipeline.splits import read_split, split_path
from input_pipeline.tokenizer import Tokenizer

# Options of config.data that change how fast batches come, or from where, and never what is in them.
_SAME_BATCHES = ("path", "split", "read_threads", "cache_clips", "max_bad_clips", "mixed_scales")

MEANING = {
    "data": "the data set's files, or who has withdrawn",
    "split": "who is in which fold",
    "tokenizer": "the tokenizer",
    "transforms": "how clips become batches (config.data, or a newer version of the code)",
    "seed": "config.seed",
    "batch_size": "config.batch_size",
    "schedule": "config.schedule, which gives the tasks their steps",
    "horizon": "the steps over which learning rates fall (config.horizon, or total_steps where that is 0)",
}


def identity_of(config: ConfigDict, dataset: Data, tokenizer: Tokenizer) -> dict[str, Any]:
    """Name out of MEANING -> a value or a digest, for JSON."""
    return {
        "data": _parts(dataset),
        "split": split_digest(config.data),
        "tokenizer": _digest({name: hashlib.sha256(blob).hexdigest() for name, blob in tokenizer.files().items()}),
        "transforms": {"version": pipeline.VERSION, **_options(config.data)},
        "seed": config.seed,
        "batch_size": config.batch_size.to_dict(),
        "schedule": config.schedule.to_dict(),
        "horizon": config.horizon or config.total_steps,
    }


def split_digest(config: ConfigDict) -> str:
    """Of who is in which fold now, by `config.data` of a run.

    Raises:
      UserError: a split is not there.
    """
    if not config.sources:
        return _digest(read_split(split_path(config.path, config.split)))
    return _digest({name: read_split(split_path(about.path, about.split)) for name, about in config.sources.items()})


def check_identity(where: str, before: Mapping[str, Any], now: Mapping[str, Any], allowed: Sequence[str]) -> list[str]:
    """Compares a checkpoint's identity with what the run would go on with.

    Returns:
      One line per difference that is allowed.

    Raises:
      UserError: a difference that is not allowed, or a name in `allowed` that is unknown.
    """
    unknown = [name for name in allowed if name not in MEANING]
    if unknown:
        raise UserError(f"--allow-changed={','.join(allowed)}: {unknown[0]} is unknown; name some of {', '.join(MEANING)}")
    before = _filled(before)
    changed = {name: _difference(before.get(name), now[name]) for name in now if before.get(name) != now[name]}
    refused = {name: text for name, text in changed.items() if name not in allowed}
    if refused:
        texts = "; ".join(f"{name}: {MEANING[name]} ({text})" for name, text in refused.items())
        raise UserError(
            f"{where}: changed since its checkpoint: {texts}: undo it, start another --workdir, or say "
            f"--allow-changed={','.join([*allowed, *refused])}"
        )
    return [f"{where}: goes on although {name} changed ({text})" for name, text in changed.items()]


def _filled(before: Mapping[str, Any]) -> dict[str, Any]:
    """With the defaults of options that are newer than the checkpoint: they are what the run did."""
    known = _options(pipeline.default_data_config())
    return {**before, "transforms": {**known, **before["transforms"]}} if "transforms" in before else dict(before)


def _options(data: ConfigDict) -> dict[str, Any]:
    """What of config.data changes batches; of a mixture "sources.NAME.KEY" each, and nothing of one where there is none."""
    options = {key: value for key, value in json.loads(json.dumps(data.to_dict())).items() if key not in _SAME_BATCHES}
    sources, exponent = options.pop("sources"), options.pop("mixture_exponent")
    for name, about in sources.items():
        options |= {f"sources.{name}.{key}": value for key, value in about.items() if key not in _SAME_BATCHES}
    return options | ({"mixture_exponent": exponent} if sources else {})


def _parts(data: Data) -> dict[str, Any]:
    if isinstance(data, Mixture):
        return {f"{name}.{key}": value for name, part in data.parts.items() for key, value in _parts(part).items()}
    return {"files": data.manifest.sha256(), "withdrawn": sorted(map(_digest, data.withdrawn))}


def _difference(before: Any, now: Any) -> str:
    if isinstance(before, dict) and isinstance(now, dict):
        keys = [key for key in {**before, **now} if before.get(key) != now.get(key)]
        return ", ".join(f"{key} {before.get(key)} -> {now.get(key)}" for key in keys)
    shown = [f"{value[:12]}…" if isinstance(value, str) and len(value) > 40 else str(value) for value in (before, now)]
    return " -> ".join(shown)


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
