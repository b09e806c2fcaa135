"""A run refuses features of a ViT that is not its own, or that it trains."""

import contextlib
import re

import jax
import pytest
from clip_factory import make_clip
from tiny import demo_config, tiny_config
from vit_factory import imported_vit

from input_pipeline.dataset import Dataset
from input_pipeline.errors import UserError
from input_pipeline.shards import write_dataset
from input_pipeline.splits import write_split
from tramp_jax.feature_making import load_vit, make_features
from tramp_jax.models.tramp_llama import TrampLlama
from tramp_jax.sharding.mesh import make_mesh
from tramp_jax.tasks.table import active_tasks
from tramp_jax.training.frozen_vision import check_features, check_frozen, check_weights, vit_digest
from tramp_jax.training.phases import Phases
from tramp_jax.training.setup import train_run


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A data set with the features "tiny" of the ViT in vit/."""
    folder = tmp_path_factory.mktemp("features")
    write_dataset([make_clip(k, stored=4, score=2, report="Moves.") for k in range(6)], folder / "data", "made", 2, {})
    write_split(folder / "data", "default", {"subject00": "train", "subject01": "validation", "subject02": "test"})
    imported_vit(tiny_config(), folder / "vit")
    make_features(configured(folder / "data"))
    return folder / "data"


def configured(data, make=tiny_config, **changes):
    config = make(**{"data__path": str(data), "data__vision_features": "tiny"} | changes)
    config.init_from.vision = str(data.parent / "vit")
    return config


def refused(config, run, words):
    with contextlib.closing(Phases(print, 0)) as phases, pytest.raises(UserError, match=re.escape(words)) as error:
        train_run(config, run, phases)
    assert len(str(error.value).splitlines()) == 1


def test_weights_that_nothing_was_imported_for_are_refused(data):
    config = configured(data)
    fresh, _ = TrampLlama(config.model).init(jax.random.key(0), {"vision"})
    with pytest.raises(UserError, match="made with other weights"):
        check_weights(config, Dataset.open(data), fresh)
    config.init_from.vision = ""
    with pytest.raises(UserError, match=r"whose features\? set --config\.init_from\.vision=FOLDER"):
        make_features(config)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"model__vision__dtype": "bfloat16"}, "model.vision.dtype is 'bfloat16' here and 'float32' there"),
        ({"model__vision__post_layernorm": False}, "model.vision.post_layernorm is False here and True there"),
        ({"data__num_frames": 4}, "made of other frames, with data.num_frames=2; here 4"),
        ({"data__vision_features": "another"}, "has no such features (it has: tiny)"),
        ({"model__vision_kind": "none"}, "model.vision_kind='none' has no ViT"),
    ],
)
def test_another_vit_or_other_frames_are_refused_before_the_run_has_a_folder(data, tmp_path, changes, words):
    refused(configured(data, **changes), tmp_path / "run", words)
    assert not (tmp_path / "run").exists()


def test_how_the_vit_is_compiled_is_no_reason_to_refuse(data):
    config = configured(data, model__vision__remat="full", model__vision__unroll=2)
    check_features(config, Dataset.open(data), [0, 1])


def test_a_vit_that_a_task_trains_is_refused_unless_the_task_is_off(data):
    config = configured(data, make=demo_config)
    with pytest.raises(
        UserError, match=r"config\.ownership gives vision/\S+ \(\d+ such\) to severity: give vision/\.\* to frozen"
    ):
        check_frozen(config, active_tasks(config))
    with pytest.raises(UserError, match="to severity"):
        make_features(config)
    config.schedule.weights.severity = 0
    check_frozen(config, active_tasks(config))


def test_the_digest_is_of_the_parameters_and_not_of_where_they_lie(data):
    config, dataset = configured(data), Dataset.open(data)
    model, mesh = TrampLlama(config.model), make_mesh(config.mesh)
    params = load_vit(config, model, mesh)
    check_weights(config, dataset, {"vision": jax.device_get(params)})
    one_bit = jax.tree.map(lambda x: x, params)
    one_bit["patch_embedding"]["bias"] = one_bit["patch_embedding"]["bias"].at[3].multiply(1 + 1e-7 * 2)
    assert vit_digest(one_bit) != vit_digest(params)
    with pytest.raises(UserError, match="made with other weights"):
        check_weights(config, dataset, {"vision": one_bit})
    bfloat16 = jax.tree.map(lambda x: x.astype("bfloat16"), params)
    assert vit_digest(bfloat16) != vit_digest(params)
