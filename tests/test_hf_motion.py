"""A TraMP-Former or SkateFormer as released gives here the features and the score that it gives in PyTorch."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from differences import assert_within
from pretrained_factory import randomise
from safetensors.torch import save_file
from torch_tramp_former import TrampFormer

from input_pipeline.errors import UserError
from tramp_jax.hf.sources import open_source
from tramp_jax.models.blocks import Block
from tramp_jax.models.motion_encoder import default_motion_config
from tramp_jax.training.ownership import flatten, unflatten

B, T, HEADS = 2, 32, 8


def small_config():
    config = default_motion_config()
    config.channels, config.depths, config.heads = (32, 64), (2, 1), 16
    config.strided_frames, config.frames = 8, T
    config.tiled_bias = True  # as released
    return config


@pytest.fixture(scope="module")
def theirs():
    model = randomise(TrampFormer(small_config(), fusion_heads=HEADS, fusion_depth=2, rgb_width=24), 0)
    generator = torch.Generator().manual_seed(1)
    for name, buffer in model.named_buffers():
        if "running" in name:
            buffer.copy_(0.5 + torch.rand(buffer.shape, generator=generator))
    return model


@pytest.fixture(scope="module")
def clips():
    rng = np.random.default_rng(0)
    trajectory = rng.normal(size=(B, T, 63, 5)).astype(np.float32)
    time = np.tile(np.linspace(-1, 1, T, dtype=np.float32), (B, 1))
    return trajectory, time, rng.normal(size=(B, 64)).astype(np.float32)


def saved(tensors, folder):
    folder.mkdir()
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, folder / "model.safetensors")
    return folder


def blocks_of(source):
    """(module, parameters, statistics) of each block of the part."""
    tree = unflatten({path: jnp.asarray(make()) for path, make in source.leaves("motion")})
    stats = tree.pop("stats")
    for name, block in source.parts["motion"].items():
        yield name, Block(block.make), tree[name], stats.get(name, {})


def test_the_score_of_a_tramp_former_is_its_own(theirs, clips, tmp_path):
    source = open_source(saved(theirs.state_dict(), tmp_path / "model"))
    source.check()
    config = source.parts["motion"]["motion"].config
    config.frames, config.strided_frames = T, small_config().strided_frames
    assert source.family == "tramp_former"
    (motion, fusion, head) = [block.bind(_whole(block, params), stats) for _, block, params, stats in blocks_of(source)]
    trajectory, time, frame = clips

    @jax.jit
    def score(trajectory, time, frame):
        found = motion(trajectory, time, deterministic=True, key=None)
        # The query as TraMP-Former has it, behind the projection of Former-DFER's features.
        x = frame[:, None]
        for block in fusion.blocks:
            x = block(x, found.pooled[:, None], deterministic=True, key=None)
        return found.pooled, head(x, np.ones((B, 1), bool))["output"]

    pooled, output = score(trajectory, time, frame)
    with torch.no_grad():
        features = theirs.encoder(torch.tensor(trajectory), torch.tensor(time)).numpy()
        expected = theirs(torch.tensor(frame), torch.tensor(trajectory), torch.tensor(time)).numpy()
    assert np.std(features) > 0.05
    row = {"family": "TraMP-Former, imported", "reference": "PyTorch, from the released code's structure"}
    assert_within(pooled, features, what="motion features", **row)
    assert_within(output, expected, what="score", **row)


def _whole(block, params):
    """Parameters with zeros for the leaves that a TraMP-Former has not: the projection of other vision features."""
    shapes = flatten(jax.eval_shape(block.init, jax.random.key(0))[0])
    given = flatten(params)
    assert {path for path in shapes if path not in given} <= {"from_vision/kernel", "from_vision/bias"}
    return unflatten({path: given.get(path, jnp.zeros(leaf.shape)) for path, leaf in shapes.items()})


def test_a_skate_former_alone_is_the_encoder_of_it(theirs, clips, tmp_path):
    pretrained = {f"{name}": x for name, x in theirs.encoder.state_dict().items()} | {
        "evaluator.head.weight": torch.ones(7, 64)
    }
    source = open_source(saved(pretrained, tmp_path / "model"))
    source.check()
    assert (source.family, list(source.parts["motion"])) == ("skateformer", ["motion"])
    whole = open_source(saved(theirs.state_dict(), tmp_path / "whole"))
    expected = {path: make() for path, make in whole.leaves("motion") if "motion/" in path}
    for path, make in source.leaves("motion"):
        np.testing.assert_array_equal(make(), expected[path])


def test_the_sizes_are_read_off_the_tensors(theirs, tmp_path):
    config = open_source(saved(theirs.state_dict(), tmp_path / "model")).parts["motion"]["motion"].config
    wanted = small_config()
    for field in ("features", "landmarks", "regions", "channels", "depths", "heads", "kernel_size", "mlp_ratio"):
        assert config[field] == wanted[field], field
    assert (config.consecutive_frames, config.max_strided_frames) == (8, 32)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda t: t.pop("encoder.stages.0.blocks.1.transformer.proj.bias"),
            "missing: encoder.stages.0.blocks.1.transformer.proj.bias",
        ),
        (lambda t: t.update(extra=torch.ones(2)), "unexpected: extra"),
        (lambda t: t.pop("encoder.stem.0.weight"), "not a whole TraMP-Former"),
        (lambda t: t.pop("encoder.joint_person_embedding"), "neither a TraMP-Former nor a SkateFormer"),
        (lambda t: t.update({"encoder.joint_person_embedding": torch.ones(32, 50)}), "body skeletons"),
        (lambda t: t.pop("evaluator.layer1.weight"), "not a whole TraMP-Former"),
    ],
)
def test_what_is_no_whole_checkpoint_is_told(theirs, tmp_path, change, message):
    tensors = dict(theirs.state_dict())
    change(tensors)
    with pytest.raises(UserError, match=message):
        open_source(saved(tensors, tmp_path / "model")).check()
