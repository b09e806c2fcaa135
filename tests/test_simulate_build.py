"""A data set is complete, split by subject, and the same whoever wrote its shards."""

import subprocess
import sys

import numpy as np
import pytest

from input_pipeline.dataset import Dataset
from input_pipeline.simulate.build import Plan, simulate
from input_pipeline.splits import load_split


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    folders = {}
    for workers in (1, 2):
        folder = tmp_path_factory.mktemp(f"by{workers}")
        counts = []
        plan = Plan(str(folder), subjects=6, takes=1, seed=5, frames=2, frame_size=48)
        simulate(plan, workers, counts.append)
        folders[workers] = (folder, counts)
    return folders


def test_the_number_of_workers_does_not_change_the_data(built):
    one, two = (Dataset.open(folder) for folder, _ in built.values())
    assert list(one.labels) == list(two.labels)
    for number in range(len(one)):
        a, b = (dataset.clip(number, with_frames=True) for dataset in (one, two))
        assert a.frames == b.frames
        for field in ("landmarks", "colours", "times", "tracked", "frame_index"):
            np.testing.assert_array_equal(getattr(a, field), getattr(b, field))


def test_every_subject_poses_every_expression_and_is_in_one_fold(built):
    dataset = Dataset.open(built[1][0])
    assert dataset.verify() == []
    assert dataset.manifest.name == "simulated"
    assert len(dataset) == 6 * 5
    assert len({label.subject for label in dataset.labels}) == 6
    folds = load_split(dataset, "default")
    assert sorted(index for fold in folds.values() for index in fold) == list(range(30))
    assert dataset.clip(0, with_frames=True).frames


def test_progress_counts_every_clip(built):
    assert built[1][1][-1] == 30


def test_a_wrong_flag_is_one_line_and_exit_code_2():
    command = [sys.executable, "-m", "input_pipeline.simulate", "--subjects=2"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1
    assert "subjects" in done.stderr
