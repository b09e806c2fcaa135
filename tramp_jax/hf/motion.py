"""TraMP-Former's and SkateFormer's released checkpoints: motion encoder, cross-fusion and head.

Names follow from the public repositories (references: tramp_lineage.md 2.3, 2.5): a TraMP-Former has `encoder.` (its
SkateFormer), `fusion.`, `evaluator.`, and with `rgb_encoder.` and `rgb_transform.` a Former-DFER, which is no encoder of
ours; a SkateFormer alone has the names of `encoder.` without that prefix, and the head of what it was trained on.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from ml_collections import ConfigDict

from input_pipeline.errors import UserError
from tramp_jax.hf.keymap import LINEAR, POINTWISE, Entry, KeyMap, linear, norm, time_conv
from tramp_jax.models.cross_fusion import default_fusion_config
from tramp_jax.models.heads import default_head_config
from tramp_jax.models.motion_encoder import default_motion_config

Shapes = Mapping[str, tuple[int, ...]]
_ANCHOR = "joint_person_embedding"
_ATTENTION = "transformer.attention.{}.relative_position_bias_table"


def motion_prefix(names: Iterable[str], where: str) -> str:
    """What stands before the encoder's names.

    Raises:
      UserError: neither a TraMP-Former nor a SkateFormer.
    """
    found = [name.removesuffix(_ANCHOR) for name in names if name.endswith(_ANCHOR)]
    if not found:
        raise UserError(
            f"{where}: no tensor ends in {_ANCHOR}, so this is neither a TraMP-Former nor a SkateFormer with a time index: "
            "pass one, or a folder with a config.json"
        )
    return found[0]


def motion_config(shapes: Shapes, prefix: str, where: str) -> ConfigDict:
    """The encoder's config, read off its tensors' shapes (a checkpoint has no config.json).

    `frames`, `strided_frames` and the dropout rates leave no trace in the shapes and keep TraMP-Former's values.

    Raises:
      UserError: a tensor missing, or sizes that this encoder cannot have.
    """
    config, default = default_motion_config(), default_motion_config()
    config.tiled_bias = True  # what released weights were trained with
    block = f"{prefix}stages.{{}}.blocks.{{}}.transformer."
    try:
        config.features = shapes[f"{prefix}stem.0.weight"][1]
        config.landmarks = shapes[prefix + _ANCHOR][1]
        stages = 1 + max(int(m[1]) for name in shapes if (m := re.match(rf"{re.escape(prefix)}stages\.(\d+)\.", name)))
        config.depths = tuple(_depth(shapes, f"{prefix}stages.{i}.blocks.") for i in range(stages))
        config.channels = tuple(shapes[block.format(i, 0) + "norm_1.weight"][0] for i in range(stages))
        first = block.format(0, 0)
        config.heads = 4 * shapes[f"{first}gconv"][0]
        config.kernel_size = shapes[f"{first}tconv.weight"][2]
        config.mlp_ratio = shapes[f"{first}mlp.fc1.weight"][0] // config.channels[0]
        tables = [shapes[prefix + "stages.0.blocks.0." + _ATTENTION.format(i)] for i in range(4)]
        config.regions = tables[1][1]
        config.consecutive_frames = (tables[0][0] + 1) // 2
        config.max_strided_frames = (tables[2][0] + 1) // 2
    except (KeyError, IndexError, ValueError) as error:
        raise UserError(
            f"{where}: not a whole TraMP-Former or SkateFormer ({error} not found): convert the checkpoint again"
        ) from error
    if config.max_strided_frames < config.strided_frames:
        config.strided_frames = config.max_strided_frames
    if (config.landmarks, config.regions) != (default.landmarks, default.regions):
        raise UserError(
            f"{where}: {config.landmarks} landmarks in {config.regions} regions, expected {default.landmarks} in "
            f"{default.regions}: a SkateFormer of body skeletons cannot read faces; pass TraMP-Former's"
        )
    return config


def _depth(shapes: Shapes, prefix: str) -> int:
    return len({name[len(prefix) :].split(".")[0] for name in shapes if name.startswith(prefix)})


def encoder_keys(config: ConfigDict, prefix: str) -> tuple[KeyMap, KeyMap]:
    """Tables of the encoder's parameters and of its running statistics."""
    rows = [Entry("landmark_embedding", prefix + _ANCHOR, LINEAR)]
    for ours, theirs in ((0, 0), (1, 2), (2, 4)):
        rows.append(Entry(f"stem/{ours}/kernel", f"{prefix}stem.{theirs}.weight", POINTWISE))
        rows.append(Entry(f"stem/{ours}/bias", f"{prefix}stem.{theirs}.bias"))
    running = []
    for stage, depth in enumerate(config.depths):
        for block in range(depth):
            path, name = f"stages/{stage}/blocks/{block}", f"{prefix}stages.{stage}.blocks.{block}"
            rows += _block(path, f"{name}.transformer.", config.heads // 4)
            if stage and not block:
                rows += _downsample(f"{path}/downsample", f"{name}.downsample")
                bn = f"{name}.downsample.bn"
                running.append(Entry(f"{path}/downsample/norm/mean", f"{bn}.running_mean"))
                running.append(Entry(f"{path}/downsample/norm/var", f"{bn}.running_var"))
    start = re.escape(prefix)
    ignored = (
        rf"{start}.*\.(relative_position_index|num_batches_tracked)",
        # Heads of what a SkateFormer was pretrained on, Former-DFER, and the projection of its features.
        rf"{start}head\..*|evaluator\.head\..*|rgb_encoder\..*|rgb_transform\..*",
    )
    return KeyMap(tuple(rows), ignored), KeyMap(tuple(running))


def _block(path: str, name: str, groups: int) -> list[Entry]:
    rows = [
        Entry(f"{path}/graph_conv/adjacency", f"{name}gconv"),
        Entry(f"{path}/time_conv/kernel", f"{name}tconv.weight", time_conv(groups)),
        Entry(f"{path}/time_conv/bias", f"{name}tconv.bias"),
    ]
    rows += [Entry(f"{path}/attention/{i}/bias_table", f"{name}attention.{i}.relative_position_bias_table") for i in range(4)]
    for ours, theirs in (("mapping", "mapping"), ("projection", "proj"), ("mlp/up", "mlp.fc1"), ("mlp/down", "mlp.fc2")):
        rows += linear(f"{path}/{ours}", name + theirs, bias=True)
    return [*rows, *norm(f"{path}/norm_1", f"{name}norm_1"), *norm(f"{path}/norm_2", f"{name}norm_2")]


def _downsample(path: str, name: str) -> list[Entry]:
    return [
        Entry(f"{path}/conv/kernel", f"{name}.reduction.weight", time_conv(1)),
        Entry(f"{path}/conv/bias", f"{name}.reduction.bias"),
        *norm(f"{path}/norm", f"{name}.bn"),
    ]


def fusion_config(shapes: Shapes) -> ConfigDict:
    """Cross-fusion's config of a TraMP-Former; its 8 heads leave no trace in the shapes."""
    config = default_fusion_config()
    config.mode = "pooled"  # TraMP-Former
    config.depth = _depth(shapes, "fusion.model.")
    config.width = config.motion_width = shapes["fusion.model.0.norm_q.weight"][0]
    config.mlp_ratio = shapes["fusion.model.0.mlp.fc1.weight"][0] // config.width
    return config


def fusion_keys(config: ConfigDict) -> KeyMap:
    """The table of TraMP-Former's cross-fusion, without the projection of Former-DFER's features."""
    rows: list[Entry] = []
    for i in range(config.depth):
        path, name = f"blocks/{i}", f"fusion.model.{i}"
        for ours, theirs in (("norm_query", "norm_q"), ("norm_motion", "norm_v"), ("norm_mlp", "norm2")):
            rows += norm(f"{path}/{ours}", f"{name}.{theirs}")
        for ours, theirs in (("query", "q_map"), ("key", "k_map"), ("value", "v_map")):
            rows += linear(f"{path}/{ours}", f"{name}.attn.{theirs}", bias=False)
        for ours, theirs in (("out", "attn.proj"), ("mlp/up", "mlp.fc1"), ("mlp/down", "mlp.fc2")):
            rows += linear(f"{path}/{ours}", f"{name}.{theirs}", bias=True)
    return KeyMap(tuple(rows))


def head_config(shapes: Shapes) -> ConfigDict:
    """The regression head's config of a TraMP-Former."""
    config = default_head_config()
    config.kind = "regression"  # TraMP-Former
    config.input_width = shapes["evaluator.layer1.weight"][1]
    config.widths = (shapes["evaluator.layer1.weight"][0], shapes["evaluator.layer2.weight"][0])
    return config


def head_keys() -> KeyMap:
    """The table of TraMP-Former's head. It has no regression projection: `import_hf` writes the identity in that place."""
    return KeyMap(tuple(row for i in range(3) for row in linear(f"layers/{i}", f"evaluator.layer{i + 1}", bias=True)))
