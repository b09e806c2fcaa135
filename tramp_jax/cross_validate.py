"""How good a run's features are on people whom it never saw, under both evaluation protocols: what each would report.

The encoders stay as they are; each fold gets a severity head of its own, trained from scratch. The encoders have learned from
the people of the run's training fold, and its checkpoint may have been chosen on those of its validation fold: their clips are
no held-out clips whatever the folds are, so they are left out. DIR gets results.json, and SCHEME-PROTOCOL.jsonl, the pooled
predictions as a file for `evaluate --predictions`. docs/evaluation.md says what the protocols are.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
from absl import flags

from input_pipeline import cli
from input_pipeline.dataset import Dataset
from input_pipeline.errors import UserError
from input_pipeline.mixture import place_of
from input_pipeline.paths import path_of
from input_pipeline.records import Label
from input_pipeline.whole_files import check_writable, write_whole
from tramp_jax.compilation_cache import use_compilation_cache
from tramp_jax.cross_validation import LOSO, run_protocols, unseen_clips
from tramp_jax.inference import TrainedModel
from tramp_jax.metrics.label_groups import with_groups
from tramp_jax.metrics.protocol_results import pooled_rows
from tramp_jax.metrics.protocol_tables import print_protocols
from tramp_jax.metrics.protocols import FAIR, PROTOCOLS, CrossValidated
from tramp_jax.seen_people import seen_people

TRAINED, FRESH = "trained", "fresh"
USAGE = (
    "python -m tramp_jax.cross_validate --checkpoint=RUN --data=FOLDER --output=DIR [--folds=10,loso] [--protocol=fair] "
    "[--cohorts=41] [--epochs=100] [--seeds=1] [--encoder=trained] [--trained-on=FOLDER]"
)

_CHECKPOINT = flags.DEFINE_string("checkpoint", None, "A run: the --workdir of tramp_jax.train.")
_DATA = flags.DEFINE_string("data", None, "Data set folder; default: the run's own, of which the test fold is used.")
_OUTPUT = flags.DEFINE_string("output", None, "Folder for the results.")
_FOLDS = flags.DEFINE_list("folds", ["10"], "Numbers of folds, and loso for one per subject.")
_PROTOCOL = flags.DEFINE_enum("protocol", FAIR, PROTOCOLS, "Whose predictions are written; both protocols are always told.")
_COHORTS = flags.DEFINE_integer("cohorts", 0, "People of a small study; 0 makes none. PFED5 has 41.", lower_bound=0)
_EPOCHS = flags.DEFINE_integer("epochs", 100, "Epochs of each head (TraMP-Former: 100).", lower_bound=1)
_SEEDS = flags.DEFINE_integer("seeds", 1, "Repetitions of --folds=NUMBER, with other folds and heads.", lower_bound=1)
_ENCODER = flags.DEFINE_enum("encoder", TRAINED, [TRAINED, FRESH], "fresh: as a run starts, whose features are weak.")
_TRAINED_ON = flags.DEFINE_string("trained-on", None, "Where the run's one data set is now, if it has moved.")


def main(argv: Sequence[str]) -> None:
    """Flags are absl's."""
    if argv:
        raise UserError(f"unexpected argument {argv[0]!r}; usage: {USAGE}")
    if _CHECKPOINT.value is None or _OUTPUT.value is None:
        raise UserError(f"expected --checkpoint and --output; usage: {USAGE}")
    wrong = [scheme for scheme in _FOLDS.value if scheme != LOSO and not (scheme.isdecimal() and int(scheme) > 1)]
    if wrong:
        raise UserError(f"--folds={wrong[0]}: expected numbers from 2 on, or {LOSO}; for example --folds=10,{LOSO}")
    check_writable(Path(_OUTPUT.value))
    use_compilation_cache()
    model = TrainedModel(path_of(_CHECKPOINT.value))
    if _ENCODER.value == FRESH:
        model.params, model.stats = model.predictor.model.init(jax.random.key(model.config.seed))
    about = model.config.data
    if _DATA.value is None and about.sources:
        raise UserError(f"--data is missing: the run has several data sets ({place_of(about)}): name the one to evaluate on")
    seen = seen_people(about, _TRAINED_ON.value)
    dataset = Dataset.open(_DATA.value or _TRAINED_ON.value or about.path)
    chosen = unseen_clips(dataset, seen)
    results, pooled = run_protocols(model, dataset, chosen, _FOLDS.value, _COHORTS.value, _EPOCHS.value, _SEEDS.value)
    results |= {"protocol": _PROTOCOL.value, "encoder": _ENCODER.value}
    labels = [dataset.labels[i] for i in chosen]
    _write(Path(_OUTPUT.value), results, {name: _rows(found, labels) for name, found in pooled.items()})
    print_protocols(results)


def _rows(found: CrossValidated, labels: Sequence[Label]) -> list[dict[str, Any]]:
    ids, sets = [label.clip_id for label in labels], [label.dataset for label in labels]
    return with_groups(pooled_rows(found, _PROTOCOL.value, ids, sets), labels)


def _write(folder: Path, results: dict[str, Any], rows: dict[str, list[dict[str, Any]]]) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        texts = {
            folder / f"{scheme}-{results['protocol']}.jsonl": "".join(
                json.dumps(line, ensure_ascii=False) + "\n" for line in lines
            )
            for scheme, lines in rows.items()
        }
        write_whole(texts | {folder / "results.json": json.dumps(results, indent=2, allow_nan=False) + "\n"})
    except OSError as error:
        raise UserError(f"{folder}: cannot be written ({error}): name a folder with room that you may write to") from error
    print(folder / "results.json")


if __name__ == "__main__":
    cli.run(main, USAGE)
