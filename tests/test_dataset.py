"""Reading a data set: no random damage to its files changes a clip or a label unseen."""

import json
import os
import shutil

import faults
import numpy as np
import pytest

from input_pipeline.dataset import Dataset
from input_pipeline.errors import UserError
from input_pipeline.splits import load_split
from input_pipeline.validate import describe, find_problems

CORRUPTIONS = int(os.environ.get("TRAMP_JAX_CORRUPTIONS", "100"))
KINDS = ("flip", "flip", "flip", "flip", "cut", "append", "remove", "swap")


def contents(folder):
    """Everything that training reads, comparable."""
    dataset = Dataset.open(folder)
    folds = load_split(dataset, "default")
    clips = []
    for index in range(len(dataset)):
        clip = dataset.clip(index, with_frames=True)
        clips.append((clip.label, clip.layout, clip.landmarks.tobytes(), np.asarray(clip.times).tobytes(), clip.frames))
    return list(dataset.labels), folds, clips


def damage(path, kind, rng, others):
    blob = path.read_bytes()
    if kind == "flip" and blob:
        place = rng.integers(len(blob))
        path.write_bytes(blob[:place] + bytes([blob[place] ^ (1 << rng.integers(8))]) + blob[place + 1 :])
    elif kind == "cut":
        path.write_bytes(blob[: len(blob) // 2])
    elif kind == "append":
        path.write_bytes(blob + b"\0" * 65536)
    elif kind == "remove":
        path.unlink()
    elif (other := others[rng.integers(len(others))]) != path:
        shutil.copy(other, path)


def test_no_random_damage_changes_what_is_read_unseen(simulated, tmp_path):
    folder = tmp_path / "data"
    shutil.copytree(simulated, folder)
    right, rng = contents(simulated), np.random.default_rng(0)
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    counts = {"seen": 0, "harmless": 0}
    for _ in range(CORRUPTIONS):
        path, kind = files[rng.integers(len(files))], KINDS[rng.integers(len(KINDS))]
        family = [other for other in files if other.suffix == path.suffix]
        damage(path, kind, rng, family)
        try:
            found = contents(folder)
        except UserError:
            counts["seen"] += 1
        else:
            assert found == right, (kind, path.name)
            counts["harmless"] += 1
        shutil.copy(simulated / path.relative_to(folder), path)
    outcome = f"{counts['seen']} errors, {counts['harmless']} without effect, 0 silent"
    faults.note("data set: bits flipped, files cut, appended, removed, swapped", CORRUPTIONS, outcome)
    assert counts["seen"] > CORRUPTIONS // 4


def test_a_changed_label_index_is_named(simulated, tmp_path):
    folder = tmp_path / "data"
    shutil.copytree(simulated, folder)
    path = folder / "labels.jsonl"
    text = path.read_text()
    path.write_text(text.replace('"score": 2', '"score": 3', 1) if '"score": 2' in text else text.replace("smile", "frown", 1))
    with pytest.raises(UserError, match=r"labels\.jsonl: SHA-256 is"):
        Dataset.open(folder)


@pytest.mark.parametrize(
    ("entry", "name"),
    [
        ("labels", "../outside.jsonl"),
        ("dead_letter", "/etc/passwd"),
        ("landmarks", "../simulated/landmarks-00000-of-00001.arrayrecord"),
        ("frames", "sub/frames-00000-of-00001.arrayrecord"),
    ],
)
def test_a_manifest_cannot_name_files_elsewhere(simulated, tmp_path, entry, name):
    folder = tmp_path / "data"
    shutil.copytree(simulated, folder)
    fields = json.loads((folder / "manifest.json").read_text())
    (fields[entry] if entry in ("labels", "dead_letter") else fields[entry][0])["name"] = name
    (folder / "manifest.json").write_text(json.dumps(fields))
    with pytest.raises(UserError, match=f"names the file '{name}', expected '"):
        Dataset.open(folder)


def test_who_has_withdrawn_is_read_nowhere(simulated, tmp_path):
    folder = tmp_path / "data"
    shutil.copytree(simulated, folder)
    before = load_split(Dataset.open(folder), "default")
    subject = Dataset.open(folder).labels[before["train"][0]].subject
    (folder / "withdrawn.txt").write_text(f"{subject}\n")
    dataset = Dataset.open(folder)
    gone = {index for index, label in enumerate(dataset.labels) if label.subject == subject}
    assert gone
    assert load_split(dataset, "default") == {fold: [i for i in clips if i not in gone] for fold, clips in before.items()}
    with pytest.raises(UserError, match="its subject has withdrawn"):
        dataset.clip(min(gone))
    assert not list(find_problems(folder))
    assert "1 subjects withdrawn" in describe(folder)
    (folder / "withdrawn.txt").write_text("nobody\n")
    with pytest.raises(UserError, match="no clip here is of subject 'nobody'"):
        Dataset.open(folder)
