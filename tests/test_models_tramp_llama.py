"""Either input can be left out: what stands in for it is the same for every clip, and nothing of it is read."""

import jax
import numpy as np
import pytest
from tiny import demo_config, tiny_batch, tiny_config

from input_pipeline.errors import UserError
from input_pipeline.motion.kinematics import mirrored_features
from tramp_jax.models.tramp_llama import TrampLlama
from tramp_jax.tasks import report, severity

BLIND = {"model__motion_kind": "none"}


def scores(config, batch):
    model = TrampLlama(config.model)
    params, stats = model.init(jax.random.key(0))
    encoded, _ = model.encode(params, stats, batch, train=False, key=None)
    return np.asarray(model.severity(params, encoded)["raw"]), model.prefix(params, encoded)[0]


@pytest.mark.parametrize(
    ("changes", "unseen", "seen"),
    [(BLIND, ("trajectory", "trajectory_time"), "frames"), ({"model__vision_kind": "none"}, ("frames",), "trajectory")],
)
def test_a_model_of_one_input_needs_and_reads_no_other(changes, unseen, seen):
    config = tiny_config(**changes)
    batch = tiny_batch(0)
    without = {name: x for name, x in batch.items() if name not in unseen and name != "frame_mask"}
    without |= {"frame_mask": batch["frame_mask"]} if seen == "frames" else {}
    told, prefix = scores(config, without)
    assert np.all(np.isfinite(prefix))
    assert len(np.unique(told)) == len(told)
    other = without | {seen: tiny_batch(1)[seen]}
    assert np.all(scores(config, other)[0] != told)
    for task in (severity, report):
        assert not task.needs(config.model) & set(unseen)
        assert seen in task.needs(config.model)


def test_a_batch_of_a_model_with_both_inputs_needs_both():
    assert severity.needs(tiny_config().model) == {"trajectory", "frames", "score"}


def test_tokens_of_the_sides_hold_what_differs_between_them_and_nothing_else():
    config = tiny_config(model__kinematic_tokens=2, model__kinematic_sides=True)
    model, batch = TrampLlama(config.model), tiny_batch(0, size=3)
    params, stats = model.init(jax.random.key(0))
    clip, other = batch["kinematics"][:2]
    # A clip, one with the same difference between the sides and all else other, and the first one's mirror image.
    batch["kinematics"] = np.stack([clip, clip + other + mirrored_features(other), mirrored_features(clip)]).astype(np.float32)
    encoded, _ = model.encode(params, stats, batch, train=False, key=None)
    tokens = np.asarray(model.prefix(params, encoded)[0], np.float32)
    everything, sides = tokens[:, :2], tokens[:, 2:4]
    np.testing.assert_allclose(sides[1], sides[0], atol=0.02)
    assert np.abs(everything[1] - everything[0]).max() > 0.1
    assert np.abs(sides[2] - sides[0]).max() > 0.1
    config.model.kinematic_sides = False
    np.testing.assert_array_equal(TrampLlama(config.model).prefix(params, encoded)[0][:, :2], everything)


def test_what_stands_in_for_motion_learns_and_has_no_statistics():
    config = demo_config(**BLIND)
    config.model.head.kinematics_weight = 0.0
    model = TrampLlama(config.model)
    params, stats = model.init(jax.random.key(0))
    assert set(params["motion"]) == {"tokens"}
    assert stats == {}
    batch = tiny_batch(0)

    def loss(params):
        value, _, _, after = severity.loss(model, params, stats, batch, jax.random.key(1))
        return value, after

    gradient, new = jax.grad(loss, has_aux=True)(params)
    assert np.any(np.asarray(gradient["motion"]["tokens"]) != 0)
    assert new == {}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({**BLIND, "model__vision_kind": "none"}, "both 'none': the model would see nothing"),
        ({**BLIND, "model__head__kinematics_weight": 3.0}, r"model\.head\.kinematics_weight=3: .*set it to 0"),
        ({"model__motion_kind": "lstm"}, r"model\.motion_kind='lstm': unknown; use one of skate, none"),
        ({"model__vision_kind": "clip"}, r"model\.vision_kind='clip': unknown; use one of vit, none"),
    ],
)
def test_a_model_that_cannot_be_is_refused(changes, words):
    with pytest.raises(UserError, match=words):
        TrampLlama(tiny_config(**changes).model)
