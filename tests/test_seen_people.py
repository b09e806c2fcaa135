"""Nobody whom a run has learned from, or was chosen by, is among the people whom its figures are of, or it is told."""

import shutil
from pathlib import Path

import pytest
from mixture_factory import make_folder, mixed
from tiny import tiny_config

from input_pipeline.dataset import Dataset
from input_pipeline.errors import UserError
from input_pipeline.splits import write_split
from tramp_jax.config import load_config, save_config
from tramp_jax.evaluator import evaluate
from tramp_jax.seen_people import check_unseen, seen_people
from tramp_jax.trainer import run_training


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run of one step on a folder of twenty people, whose split is train, train, train, validation, test and so on."""
    folder = tmp_path_factory.mktemp("seen")
    data = make_folder(folder / "clinic", 40, expression="spread", report="The mouth corners rise little.")
    config = tiny_config(data__path=str(data), model__vision_kind="none", data__features=("x", "y"), model__motion__features=2)
    config.total_steps = config.checkpoint.every = 1
    run_training(config, folder / "run")
    return folder / "run"


def _copy(run, tmp_path, folds):
    """The run's data elsewhere under another split."""
    path = Path(load_config(run).data.path)
    shutil.copytree(path, tmp_path / path.name)
    write_split(tmp_path / path.name, "default", {f"clinic-{k}": fold for k, fold in enumerate(folds)})
    return str(tmp_path / path.name)


def test_other_data_of_people_whom_the_run_has_learned_from_are_refused(run, tmp_path):
    data = _copy(run, tmp_path, ["test", "train", "validation", *["train"] * 17])
    with pytest.raises(UserError, match=r"subject 'clinic-0' of fold 'test' is in the run's own .* \(1 of 1 such\)") as error:
        evaluate(run, data, "test", with_reports=False)
    assert "\n" not in str(error.value)


def test_people_whom_it_was_chosen_by_may_be_validated_on_and_not_tested_on(run, tmp_path):
    data = _copy(
        run, tmp_path, ["train", "train", "train", "test", "validation", *["train"] * 3, "validation", *["train"] * 11]
    )
    with pytest.raises(UserError, match="subject 'clinic-3' of fold 'test'"):
        evaluate(run, data, "test", with_reports=False)
    found = evaluate(run, data, "validation", with_reports=False)
    assert (found["counts"]["subjects"], found["model"]["notes"]) == (2, [])


def test_its_own_test_people_elsewhere_are_evaluated(run, tmp_path):
    data = _copy(run, tmp_path, ["train"] * 4 + ["test"] + ["train"] * 14 + ["validation"])
    found = evaluate(run, data, "test", with_reports=False)
    assert (found["counts"]["subjects"], found["model"]["notes"]) == (1, [])


def test_where_its_own_data_are_gone_it_is_told_that_nothing_is_known(run, tmp_path, capsys):
    again = Path(shutil.copytree(run, tmp_path / "run"))
    config = load_config(again)
    data, config.data.path = config.data.path, str(tmp_path / "gone")
    save_config(config, again / "config.json")
    (note,) = evaluate(again, data, "test", with_reports=False)["model"]["notes"]
    assert note.startswith("not known whether the run has seen these people: ")
    assert "note: not known whether the run" in capsys.readouterr().out


def test_a_split_that_has_changed_since_training_is_told(run, tmp_path):
    again = Path(shutil.copytree(run, tmp_path / "run"))
    config = load_config(again)
    assert evaluate(again, None, "test", with_reports=False)["model"]["notes"] == []
    config.data.path = _copy(run, tmp_path, ["test", "validation", *["train"] * 18])
    save_config(config, again / "config.json")
    (note,) = evaluate(again, None, "test", with_reports=False)["model"]["notes"]
    assert "clinic has changed since training: people whom the run has learned from may be among those evaluated" in note


def test_the_people_of_every_source_are_seen_by_the_sources_own_split(tmp_path):
    one, two = (make_folder(tmp_path / name, 10) for name in ("one", "two"))
    write_split(two, "turned", {f"two-{k}": "test" if k < 3 else "train" for k in range(5)})
    config = mixed(one, two, two={"split": "turned", "own_people": True})
    assert seen_people(config) == {("one", f"one-{k}") for k in range(4)} | {("two", f"two-{k}") for k in (3, 4)}
    with pytest.raises(UserError, match=r"the run has several data sets .*one, two.*: leave it away"):
        seen_people(config, str(one))
    dataset = Dataset.open(two)
    assert check_unseen(config, dataset, [0, 1, 2], "test") == []
    with pytest.raises(UserError, match="subject 'two-3'"):
        check_unseen(config, dataset, [6], "test")
