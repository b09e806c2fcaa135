"""`tfds build` without TensorFlow: what TFDS reads is what our own build holds, clip for clip."""

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from input_pipeline.dataset import Dataset
from input_pipeline.datasets import BUILDERS
from input_pipeline.splits import read_split

tfds = pytest.importorskip("tensorflow_datasets", reason="TensorFlow Datasets is not installed (extra: tfds)")
pytest.importorskip("av", reason="PyAV is not installed (extra: extract)")

ROOT = Path(__file__).parents[1]


def call(*args):
    path = os.pathsep.join([str(ROOT), str(ROOT / "tests"), os.environ.get("PYTHONPATH", "")])
    command = [sys.executable, *map(str, args)]
    return subprocess.run(command, env=os.environ | {"PYTHONPATH": path}, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("name", "split"), [("raf_db", "official"), ("toronto_neuroface", "default"), ("instructions", "default")]
)
def test_tfds_reads_what_our_own_build_holds_without_tensorflow(name, split, tmp_path):
    """Pictures with an official split; landmarks without pictures, and scores; videos, pictures and turns."""
    root = tmp_path / "root"
    BUILDERS[name].make_fixture(root)
    config = json.dumps({"name": "small", "frame_size": 64, "max_frames_stored": 4})
    code = "import sys; from input_pipeline.tfds.__main__ import main; main(); assert 'tensorflow' not in sys.modules"
    made = call("-c", code, "build", name, f"--manual_dir={root}", f"--data_dir={tmp_path / 'tfds'}", f"--config={config}")
    assert made.returncode == 0, made.stderr[-3000:]
    assert not list((tmp_path / "tfds").rglob("*.arrayrecord"))  # of ours, of which TFDS's were made
    flags = [name, f"--root={root}", f"--output={tmp_path / 'ours'}", "--frame_size=64", "--max_frames_stored=4"]
    ours = call("-m", "input_pipeline.build", *flags)
    assert ours.returncode == 0, ours.stderr[-3000:]
    compared = call("-c", f"import test_tfds; test_tfds.compare({str(tmp_path)!r}, {name!r}, {split!r})")
    assert compared.returncode == 0, compared.stderr[-3000:]


def compare(folder, name, split):
    """In a process of its own: all of TFDS's splits against our data set."""
    folder = Path(folder)
    about, dataset = BUILDERS[name].ABOUT, Dataset.open(folder / "ours")
    folds = {path.stem: read_split(path) for path in (folder / "ours" / "splits").glob("*.json")}
    builder = tfds.builder(f"{name}/small", data_dir=folder / "tfds")  # from its files: our builders are not imported
    assert (builder.info.citation, builder.info.redistribution_info.license) == (about.citation, about.terms)
    assert dict(builder.info.metadata)["labels"] == {target: list(words) for target, words in about.labels.items()}
    assert set(builder.info.splits) == set(folds[split].values())
    found = {}
    for fold in builder.info.splits:
        for example in tfds.data_source(f"{name}/small", data_dir=folder / "tfds", split=fold):
            found[example["clip_id"].decode()] = fold, example
    assert sorted(found) == [label.clip_id for label in dataset.labels]
    for index, label in enumerate(dataset.labels):
        clip = dataset.clip(index, with_frames=dataset.manifest.has_frames)
        fold, example = found[label.clip_id]
        assert fold == folds[split][label.subject]
        points = (len(example["times"]), example["points"], 3)
        np.testing.assert_array_equal(example["landmarks"].reshape(points), clip.landmarks, strict=True)
        np.testing.assert_array_equal(example["colours"].reshape(points), clip.colours, strict=True)
        for field in ("times", "tracked", "frame_index"):
            np.testing.assert_array_equal(example[field], np.asarray(vars(clip)[field]), strict=True)
        assert tuple(example["frames"]) == clip.frames
        assert example["layout"].decode() == clip.layout
        for field in ("subject", "expression", "scale_id"):
            assert example[field].decode() == vars(label)[field], field
        assert example["report"].decode() == (label.report or "")
        rated = label.score is not None
        assert example["score"] == np.float32(label.score) if rated else math.isnan(example["score"])
        for field in ("targets", "source"):
            assert json.loads(example[field]) == vars(label)[field]
        assert json.loads(example["turns"]) == list(label.turns)
        assert json.loads(example["folds"]) == {name: split[label.subject] for name, split in folds.items()}
    assert "tensorflow" not in sys.modules


def test_what_is_wrong_is_one_line_and_code_2(tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").write_text("x")
    out = f"--data_dir={tmp_path / 'tfds'}"
    for args, words in {
        ("raf_db", f"--manual_dir={tmp_path / 'no'}"): "does not exist or is empty",
        ("raf_db", f"--manual_dir={tmp_path / 'full'}"): "no basic/EmoLabel/list_patition_label.txt there",
        ("no_such_data", f"--manual_dir={tmp_path / 'full'}"): "no_such_data not found. Those of this project: aff_wild2,",
    }.items():
        refused = call("-m", "input_pipeline.tfds", "build", *args, out)
        assert refused.returncode == 2, refused.stderr[-2000:]
        (line,) = [line for line in refused.stderr.splitlines() if line.startswith("error: ")]
        assert words in line
        assert "Traceback" not in refused.stderr
