"""Every builder, on its fixture, through to a training batch; and what it says where files are missing."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from input_pipeline.dataset import Dataset
from input_pipeline.datasets import BUILDERS
from input_pipeline.datasets.__main__ import page
from input_pipeline.errors import UserError
from input_pipeline.extract.building import Building, build
from input_pipeline.extract.pool import Settings
from input_pipeline.pipeline import batches, default_data_config
from input_pipeline.splits import FOLDS, load_split
from input_pipeline.tokenizer import Tokenizer, train_tokenizer
from input_pipeline.validate import find_problems

pytest.importorskip("av", reason="PyAV is not installed (extra: extract)")
NAMES = sorted(BUILDERS)


@pytest.fixture(scope="module")
def fixtures(tmp_path_factory):
    """Name -> root of its fixture, made when asked for."""
    made = {}

    def root(name):
        if name not in made:
            made[name] = tmp_path_factory.mktemp(name)
            BUILDERS[name].make_fixture(made[name])
        return made[name]

    return root


@pytest.mark.parametrize("name", NAMES)
def test_a_fixture_becomes_a_training_batch(name, fixtures, tmp_path, capsys):
    items = list(BUILDERS[name].items(fixtures(name)))
    plan = Building(tmp_path / "data", name, "", tmp_path / "key", tmp_path / "ledger.csv", Settings(64, 16), workers=1)
    manifest = build(items, plan, {"builder": name})
    assert (manifest.clips, manifest.rejected) == (len(items), 0), capsys.readouterr().out
    assert list(find_problems(tmp_path / "data")) == []
    dataset = Dataset.open(tmp_path / "data")
    folds = load_split(dataset, "default", need=("train", "test"))
    config = default_data_config()
    config.update({"trajectory_length": 16, "num_frames": 2, "image_size": 32, "text_length": 512, "read_threads": 0})
    has_text = any(label.turns or label.report for label in dataset.labels)
    needs = {"frames"} if dataset.manifest.has_frames else {"trajectory"}
    texts = [turn["content"] for label in dataset.labels for turn in label.turns] + [
        label.report or "" for label in dataset.labels
    ]
    tokenizer = Tokenizer(train_tokenizer([text for text in texts if text], 400)) if has_text else None
    if not dataset.manifest.has_frames:
        config.features = ("x", "y")
    stream = batches(
        dataset,
        folds["train"],
        config,
        tokenizer,
        task="t",
        batch_size=4,
        seed=0,
        train=True,
        needs=frozenset(needs | ({"text"} if has_text else set())),
    )
    batch = next(stream)
    assert all(len(values) == 4 for values in batch.values())
    if "frames" in needs:
        assert np.ptp(batch["frames"]) > 0
    if has_text:
        assert batch["loss_mask"].sum(axis=1).min() > 0


def count_or_error(name, root):
    """How many items there are; -1 where a line tells that something is missing."""
    try:
        return len(list(BUILDERS[name].items(root)))
    except UserError as error:
        return -1 if str(root) in str(error) and "\n" not in str(error) else 2**31


@pytest.mark.parametrize("name", NAMES)
def test_what_is_missing_is_told_with_how_it_is_obtained(name, fixtures, tmp_path):
    root = tmp_path / "root"
    shutil.copytree(fixtures(name), root)
    top = sorted(root.iterdir())
    whole = len(list(BUILDERS[name].items(root)))
    for path in top:
        moved = path.rename(tmp_path / "moved")
        # A part of several, that the whole set can be without, must lessen it: what is missing is never missed in silence.
        assert count_or_error(name, root) < whole, path.name
        moved.rename(path)
    with pytest.raises(UserError, match="to obtain it: "):
        list(BUILDERS[name].items(Path(tmp_path / "nothing")))


@pytest.mark.parametrize("name", NAMES)
def test_a_builder_says_what_it_is(name, fixtures):
    about, items = BUILDERS[name].ABOUT, list(BUILDERS[name].items(fixtures(name)))
    for field in ("title", "content", "splits", "citation", "terms", "obtain", "certainty"):
        text = getattr(about, field)
        assert text, field
        assert "\n" not in text, field
    assert about.name == name
    assert about.layout
    assert len({item.key for item in items}) == len(items)
    for item in items:
        assert item.key
        assert item.subject
        assert set(item.folds.values()) <= set(FOLDS)
        assert set(item.targets) <= set(about.labels)
        assert all(label in about.groups[group] for group, label in item.groups.items())
        if words := about.labels.get("emotion"):
            assert item.targets.get("emotion", words[0]) in words


@pytest.mark.parametrize("name", NAMES)
def test_a_fixture_is_the_same_for_the_same_seed(name, fixtures, tmp_path):
    (tmp_path / "again").mkdir()
    BUILDERS[name].make_fixture(tmp_path / "again")
    ours = {path.relative_to(fixtures(name)): path.read_bytes() for path in fixtures(name).rglob("*") if path.is_file()}
    again = {
        path.relative_to(tmp_path / "again"): path.read_bytes() for path in (tmp_path / "again").rglob("*") if path.is_file()
    }
    assert ours.keys() == again.keys()
    assert sum(path.stat().st_size for path in fixtures(name).rglob("*") if path.is_file()) < 3_000_000
    text = [name for name in ours if name.suffix in (".txt", ".csv", ".json", ".jsonl")]
    assert all(ours[each] == again[each] for each in text)


def test_the_page_is_what_the_builders_say():
    assert (Path(__file__).parents[1] / "docs" / "datasets.md").read_text() == page()
