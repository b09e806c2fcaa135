"""Orbax checkpoints under RUN/checkpoints/STEP: the train state, and the run's config beside it."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import jax
import orbax.checkpoint as ocp
from etils import epath
from ml_collections import ConfigDict

from input_pipeline.errors import UserError
from input_pipeline.paths import absolute
from tramp_jax.models.blocks import Tree
from tramp_jax.training.state import TrainState

FOLDER = "checkpoints"
MODEL_PARTS = ("params", "stats")  # an item of their own: inference reads no moments


class CheckpointStore:
    """Asynchronous saves of a run, newest `keep` kept.

    Args:
      run: the workdir.
      keep: how many checkpoints stay.
      create: makes the folder; False for those who only read.
    """

    def __init__(self, run: Path | epath.Path, keep: int, *, create: bool = True):
        # Orbax says on every restore that it picked the topology of the target, which is what is asked for here.
        logging.getLogger("absl").setLevel(logging.ERROR)
        if not create and not (epath.Path(run) / FOLDER).is_dir():
            raise UserError(f"{run}: no {FOLDER} there: train first, or pass the folder of a run that has some")
        self._manager = ocp.CheckpointManager(
            epath.Path(absolute(run)) / FOLDER,
            options=ocp.CheckpointManagerOptions(max_to_keep=keep, create=create, step_prefix=None),
            item_names=("model", "training", "config"),
        )

    def latest(self) -> int | None:
        """Step of the newest committed checkpoint, None where there is none."""
        return self._manager.latest_step()

    def save(self, state: TrainState, config: ConfigDict) -> None:
        """Starts saving; the caller goes on training. A step that is saved already is left alone."""
        if self.latest() == state.step:
            return
        tree = state.to_tree()
        model = {part: tree.pop(part) for part in MODEL_PARTS}
        items = ocp.args.Composite(
            model=ocp.args.StandardSave(model),
            training=ocp.args.StandardSave(tree),
            config=ocp.args.JsonSave(json.loads(json.dumps(config.to_dict()))),
        )
        self._manager.save(state.step, args=items)

    def restore(self, like: Tree) -> TrainState:
        """Reads the newest checkpoint into shapes, dtypes and shardings of `like`, a `TrainState.to_tree`, abstract or not.

        Raises:
          UserError: no checkpoint, or one that does not fit the config.
        """
        like = dict(like)
        model = {part: like.pop(part) for part in MODEL_PARTS}
        items = self._read(model=ocp.args.StandardRestore(model), training=ocp.args.StandardRestore(like))
        return TrainState.from_tree({**items["model"], **items["training"]})

    def restore_model(self, like: Tree) -> Tree:
        """Reads {"params", "stats"} of the newest checkpoint and no moments.

        Raises:
          UserError: as `restore`.
        """
        return self._read(model=ocp.args.StandardRestore(like))["model"]

    def _read(self, **items: Any) -> Any:
        step = self.latest()
        if step is None:
            raise UserError(
                f"{self._manager.directory}: no checkpoint there: train first, or pass the folder of a run that has one"
            )
        try:
            return self._manager.restore(step, args=ocp.args.Composite(**items))
        except (ValueError, KeyError, FileNotFoundError) as error:
            reason = str(error).splitlines()[0][:300]
            raise UserError(
                f"{self._manager.directory}/{step}: cannot be restored ({reason}): was the config changed?"
            ) from error

    def close(self) -> None:
        """Waits for the save in flight; raises what it raised."""
        self._manager.wait_until_finished()
        self._manager.close()


def abstract(tree: Any) -> Any:
    """Shapes, dtypes and shardings of a tree, for `CheckpointStore.restore`."""

    def leaf(x: Any) -> jax.ShapeDtypeStruct:
        return jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=getattr(x, "sharding", None))

    return jax.tree.map(leaf, tree)
