"""Small data set folders to mix, and configs that name them."""

from pathlib import Path

from clip_factory import make_clip
from ml_collections import ConfigDict

from input_pipeline.mixture import source
from input_pipeline.pipeline import default_data_config
from input_pipeline.shards import write_dataset
from input_pipeline.splits import write_split

FOLDS = ("train", "train", "train", "validation", "test")


def make_folder(folder: Path, clips: int, *, people: str = "", folds=FOLDS, source_of=None, **label) -> Path:
    """A data set with the name of its folder: clip k is of subject k // 2 and is rated k % 5, unless `label` says otherwise.

    Args:
      people: put before the subjects' keys, so that folders share nobody; the folder's name where it is empty.
      folds: of subjects 0, 1, 2 and so on, from the start again where there are more.
      source_of: what the manifest says of the build.
    """
    fields = {"score": 0.0, "dataset": folder.name} | label
    made = [
        make_clip(
            k,
            **fields | ({} if fields["score"] is None else {"score": float(k % 5)}),
            subject=f"{people or folder.name}-{k // 2}",
        )
        for k in range(clips)
    ]
    write_dataset(made, folder, folder.name, 1, source_of or {})
    subjects = [f"{people or folder.name}-{k}" for k in range(-(-clips // 2))]
    write_split(folder, "default", {subject: folds[k % len(folds)] for k, subject in enumerate(subjects)})
    return folder


def mixed(*folders: Path, **changes: dict) -> ConfigDict:
    """`config.data` of a mixture of the folders, each under its name; `changes` are of sources, by name, or of the config."""
    config = default_data_config()
    config.update({"trajectory_length": 16, "read_threads": 0})
    for folder in folders:
        config.sources[folder.name] = source(str(folder), **changes.pop(folder.name, {}))
    config.update(changes)
    return config
