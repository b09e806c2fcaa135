"""What a run must not change while it goes on: each change is found, named, and let through only by its name."""

import shutil

import pytest

from input_pipeline.dataset import Dataset
from input_pipeline.errors import UserError
from tests.tiny import tiny_config
from tramp_jax.checkpoint.identity import MEANING, check_identity, identity_of
from tramp_jax.training.setup import run_tokenizer


@pytest.fixture
def setting(simulated, tmp_path):
    """(config, data set folder, tokenizer)."""
    folder = tmp_path / "data"
    shutil.copytree(simulated, folder)
    config = tiny_config(data__path=str(folder))
    return config, folder, run_tokenizer(config, tmp_path, Dataset.open(folder), list(range(20)))


def identity(setting):
    config, folder, tokenizer = setting
    return identity_of(config, Dataset.open(folder), tokenizer)


def withdraw(config, folder):
    (folder / "withdrawn.txt").write_text(Dataset.open(folder).labels[0].subject)


def swap_folds(config, folder):
    path = folder / "splits" / "default.json"
    text = path.read_text().replace('"test"', '"x"').replace('"validation"', '"test"').replace('"x"', '"validation"')
    path.write_text(text)


CHANGES = {
    "data": withdraw,
    "split": swap_folds,
    "transforms": lambda config, folder: config.data.update({"landmark_noise": 0.5}),
    "seed": lambda config, folder: config.update({"seed": 1}),
    "batch_size": lambda config, folder: config.batch_size.update({"report": 8}),
    "schedule": lambda config, folder: config.schedule.weights.update({"report": 2}),
    "horizon": lambda config, folder: config.update({"total_steps": 99}),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_is_named_and_let_through_by_its_name_alone(name, setting):
    before = identity(setting)
    assert check_identity("run", before, identity(setting), []) == []
    CHANGES[name](*setting[:2])
    now = identity(setting)
    assert [key for key in now if now[key] != before[key]] == [name]
    with pytest.raises(UserError, match=f"run: changed since its checkpoint: {name}: .*--allow-changed={name}$"):
        check_identity("run", before, now, [])
    (said,) = check_identity("run", before, now, [name])
    assert f"goes on although {name} changed" in said


def test_another_tokenizer_is_another_run(setting, tmp_path):
    config, folder, _ = setting
    before = identity(setting)
    config.tokenizer.vocab_size = 310
    (tmp_path / "other").mkdir()
    tokenizer = run_tokenizer(config, tmp_path / "other", Dataset.open(folder), list(range(20)))
    now = identity_of(config, Dataset.open(folder), tokenizer)
    assert [key for key in now if now[key] != before[key]] == ["tokenizer"]


def test_a_longer_run_keeps_its_horizon(setting):
    config = setting[0]
    before = identity(setting)
    config.horizon, config.total_steps = config.total_steps, 10 * config.total_steps
    assert identity(setting) == before


def test_speed_and_place_are_no_part_of_it(setting):
    config = setting[0]
    before = identity(setting)
    config.data.read_threads, config.data.cache_clips, config.log_every = 7, 9, 1
    config.mesh.fsdp, config.checkpoint.every = 1, 3
    assert identity(setting) == before


def test_every_part_has_words_and_an_unknown_one_is_told(setting):
    assert set(identity(setting)) == set(MEANING)
    with pytest.raises(UserError, match="--allow-changed=sead: sead is unknown; there are data, split"):
        check_identity("run", identity(setting), identity(setting), ["sead"])


def test_an_option_that_is_newer_than_the_checkpoint_had_its_default(setting):
    before = identity(setting)
    del before["transforms"]["balance_by"]
    assert check_identity("run", before, identity(setting), []) == []
    setting[0].data.balance_by = "score"
    with pytest.raises(UserError, match=r"balance_by  -> score"):
        check_identity("run", before, identity(setting), [])
