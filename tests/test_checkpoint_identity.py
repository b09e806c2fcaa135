"""What a run must not change while it goes on: each change is found, named, and let through only by its name."""

import re
import shutil

import pytest

from input_pipeline.dataset import Dataset
from input_pipeline.errors import UserError
from input_pipeline.mixture import open_data, source
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
    with pytest.raises(UserError, match="--allow-changed=sead: sead is unknown; name some of data, split"):
        check_identity("run", identity(setting), identity(setting), ["sead"])


def test_an_option_that_is_newer_than_the_checkpoint_had_its_default(setting):
    before = identity(setting)
    del before["transforms"]["balance_by"]
    assert check_identity("run", before, identity(setting), []) == []
    setting[0].data.balance_by = "score"
    with pytest.raises(UserError, match=r"balance_by  -> score"):
        check_identity("run", before, identity(setting), [])


def test_options_of_mixtures_are_no_part_of_a_run_on_one_folder(setting):
    """So that checkpoints from before there were mixtures, and runs from after, are each other's."""
    config = setting[0]
    before = identity(setting)
    assert not [key for key in before["transforms"] if "source" in key or "mix" in key]
    config.data.mixture_exponent, config.data.mixed_scales = 0.5, True
    assert identity(setting) == before


@pytest.fixture
def mixed_setting(simulated, tmp_path):
    """(config, folder of the source "one", tokenizer)."""
    config = tiny_config()
    for name in ("one", "two"):
        shutil.copytree(simulated, tmp_path / name)
        config.data.sources[name] = source(str(tmp_path / name))
    return config, tmp_path / "one", run_tokenizer(config, tmp_path, open_data(config.data)[0], list(range(20)))


def mixed_identity(mixed_setting):
    config, _, tokenizer = mixed_setting
    return identity_of(config, open_data(config.data)[0], tokenizer)


def swap_both(config, folder):
    swap_folds(config, folder)
    swap_folds(config, folder.with_name("two"))


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        ("data", withdraw, "one.withdrawn"),
        ("split", swap_both, " -> "),
        ("transforms", lambda config, _: config.data.sources.one.update({"weight": 2.0}), "sources.one.weight 0.0 -> 2.0"),
        ("transforms", lambda config, _: config.data.sources.two.update({"cap": 5}), "sources.two.cap 0 -> 5"),
        ("transforms", lambda config, _: config.data.sources.two.update({"tasks": ("report",)}), "sources.two.tasks"),
        ("transforms", lambda config, _: config.data.update({"mixture_exponent": 0.5}), "mixture_exponent 1.0 -> 0.5"),
    ],
)
def test_a_change_of_a_mixture_is_named(mixed_setting, name, change, words):
    before = mixed_identity(mixed_setting)
    change(*mixed_setting[:2])
    if words == "sources.one.weight 0.0 -> 2.0":
        mixed_setting[0].data.sources.two.weight = 1.0
    now = mixed_identity(mixed_setting)
    assert [key for key in now if now[key] != before[key]] == [name]
    with pytest.raises(UserError, match=f"{name}: .*{re.escape(words)}"):
        check_identity("run", before, now, [])


def test_a_source_that_is_added_is_named_and_one_that_has_moved_is_not(mixed_setting, tmp_path):
    before = mixed_identity(mixed_setting)
    config, folder, _ = mixed_setting
    config.data.sources.one.path = str(shutil.move(folder, tmp_path / "elsewhere"))
    assert mixed_identity(mixed_setting) == before
    config.data.sources.three = source(str(tmp_path / "two"))
    with pytest.raises(UserError, match=r"data: .*three\.files None -> .*transforms: .*sources\.three\.weight None -> 0\.0"):
        check_identity("run", before, mixed_identity(mixed_setting), [])
