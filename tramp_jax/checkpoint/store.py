"""Orbax checkpoints under RUN/checkpoints/STEP: the model, the rest of the train state, the run's config, and a record.

TensorStore restores damaged arrays without a word, so every array is compared with its digest in the record when it is read. A
checkpoint that is not what was saved is left for the one before, which is said; a run never starts from zero beside one.
"""

from __future__ import annotations

import itertools
import json
import logging
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np
import orbax.checkpoint as ocp
from etils import epath
from jax.experimental import multihost_utils
from ml_collections import ConfigDict
from orbax.checkpoint.checkpoint_managers import preservation_policy

from input_pipeline.errors import UserError
from input_pipeline.paths import absolute, is_folder
from tramp_jax.checkpoint.digests import described, differences, digests_of, paths_of
from tramp_jax.checkpoint.quiet import drop_what_is_raised
from tramp_jax.checkpoint.record import DamagedError, Record, sha256_of, versions
from tramp_jax.models.blocks import Tree
from tramp_jax.training.ownership import unflatten
from tramp_jax.training.state import TrainState

FOLDER = "checkpoints"
DAMAGED = "damaged"  # where a run puts what it cannot use, or has given up
MODEL_PARTS = ("params", "stats")  # an item of their own: inference reads no moments
# What keeps a whole checkpoint from being read: by type, and by the status that TensorStore and XLA put into their texts.
_PASSING = (MemoryError, PermissionError, TimeoutError, ConnectionError)
_PASSING_STATUS = ("UNAVAILABLE", "DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED", "PERMISSION_DENIED", "UNAUTHENTICATED")


def tell(line: str) -> None:
    """A line on standard error."""
    print(line, file=sys.stderr, flush=True)


class CheckpointStore:
    """Asynchronous saves of a run, newest `keep` kept and the best.

    Args:
      run: the workdir.
      keep: how many checkpoints stay.
      create: makes the folder, and moves damaged checkpoints out of it; False for those who only read.
      say: where lines about checkpoints go.

    Attributes:
      restored: step of the checkpoint that was restored last.
      best: step of the checkpoint that stays however old it is (see `checkpoint.best`), None for none.
    """

    def __init__(self, run: Path | epath.Path, keep: int, *, create: bool = True, say: Callable[[str], None] = tell):
        # Orbax says on every restore that it picked the topology of the target, which is what is asked for here.
        logging.getLogger("absl").setLevel(logging.ERROR)
        # What a damaged file makes Orbax raise is caught here; asyncio would print it once more, with a traceback.
        logging.getLogger("asyncio").setLevel(logging.CRITICAL)
        drop_what_is_raised()
        if not create and not is_folder(epath.Path(run) / FOLDER):
            raise UserError(f"{run}: no {FOLDER} there: train first, or pass the folder of a run that has some")
        self.say = say
        self.restored: int | None = None
        self.best: int | None = None
        self._run, self._owner, self._saving = epath.Path(absolute(run)), create, None
        self._manager = ocp.CheckpointManager(
            self._run / FOLDER,
            options=ocp.CheckpointManagerOptions(
                preservation_policy=_NewestAndBest(self, keep),
                create=create,
                step_prefix=None,
                cleanup_tmp_directories=create,
                # Else a folder that cannot be made leaves threads that wait ten minutes for it.
                async_options=ocp.AsyncOptions(create_directories_asynchronously=False),
            ),
            item_handlers={
                "model": ocp.StandardCheckpointHandler(),
                "training": ocp.StandardCheckpointHandler(),
                "config": ocp.JsonCheckpointHandler(),
                "record": ocp.JsonCheckpointHandler(),
            },
        )

    def steps(self) -> list[int]:
        """Steps of the checkpoints that are on the disk now, whole or damaged, in order."""
        self._manager.reload()
        return sorted(self._manager.all_steps(read=True))

    def latest(self) -> int | None:
        """Step of the newest committed checkpoint, None where there is none."""
        return max(self.steps(), default=None)

    def last_good(self) -> str:
        """The newest committed checkpoint, in words."""
        newest = self.latest()
        return "there is no checkpoint" if newest is None else f"the last good checkpoint is of step {newest}"

    def save(self, state: TrainState, config: ConfigDict, identity: dict[str, Any]) -> None:
        """Starts saving; the caller goes on training. A step that is saved already is left alone.

        Raises:
          UserError: this save cannot start, or the one before has failed.
        """
        self.settle()
        if self.latest() == state.step:
            return
        items = _items(state.to_tree())
        plain = json.loads(json.dumps(config.to_dict()))
        record = Record(state.step, dict(state.task_steps), identity, versions(), digests_of(items), sha256_of(plain))
        arguments = ocp.args.Composite(
            model=ocp.args.StandardSave(items["model"]),
            training=ocp.args.StandardSave(items["training"]),
            config=ocp.args.JsonSave(plain),
            record=ocp.args.JsonSave(record.to_json()),
        )
        try:
            self._manager.save(state.step, args=arguments)
        except Exception as error:  # of the file system, Orbax or TensorStore
            raise self._failure(state.step, error) from error
        self._saving = state.step

    def poll(self) -> None:
        """Between steps: says that a save has committed, or raises UserError if it has failed. Waits for nothing."""
        if self._saving is not None and not self._manager.is_saving_in_progress():
            self.settle()

    def settle(self) -> None:
        """Waits for the save in flight.

        Raises:
          UserError: it has failed; a save that is not on the disk has failed, whatever the libraries say.
        """
        step, self._saving = self._saving, None
        if step is None:
            return
        try:
            self._manager.wait_until_finished()
            self._manager.check_for_errors()
        except Exception as error:  # of the file system, Orbax or TensorStore
            raise self._failure(step, error) from error
        if step not in self.steps():
            raise self._failure(step, FileNotFoundError("it is not there"))
        self.say(f"checkpoint of step {step} saved")

    def record(self) -> Record | None:
        """The record of the newest checkpoint that has a whole one; None without any checkpoint."""
        for step in reversed(self.steps()):
            try:
                return self._record(step)
            except DamagedError:
                continue
        return None

    def restore(self, like: Tree) -> TrainState:
        """Reads the newest intact checkpoint into shapes, dtypes and shardings of `like`, a `TrainState.to_tree`.

        Raises:
          UserError: no checkpoint, none that is intact, or one that does not fit the config.
        """
        found = self._newest_intact(_items(like))
        leaves = paths_of({**found["model"], **found["training"]})
        return TrainState.from_tree(jax.tree.unflatten(jax.tree.structure(like), [leaves[path] for path in paths_of(like)]))

    def restore_model(self, like: Tree) -> Tree:
        """Reads {"params", "stats"} of the newest intact checkpoint and no moments.

        Raises:
          UserError: as `restore`.
        """
        return self._newest_intact({"model": like})["model"]

    def restore_model_of(self, step: int, like: Tree) -> Tree:
        """As `restore_model`, of one step and no other.

        Raises:
          UserError: it is damaged, or does not fit the config.
        """
        items = {"model": like}
        try:
            self._check_fit(step, items)
            found = self._read(step, items)
        except DamagedError as error:
            raise UserError(f"{self._run / FOLDER / str(step)}: DAMAGED ({error}): bring it back from a copy") from error
        self.restored = step
        return found["model"]

    def rewind(self, step: int) -> None:
        """Puts checkpoints past a step aside, for a run that goes back to it. Without a checkpoint of that step, or a start
        (step 0) that needs none, the newest stays the one to go on from."""
        steps = self.steps()
        _all_agree(True)  # has seen them, before one process moves any
        for later in (found for found in steps if found > step and (step == 0 or step in steps)):
            self._put_aside(later, f"given up: the run went back to step {step}")

    def find_damage(self, step: int) -> str | None:
        """Reads a checkpoint into memory as it was saved; what is wrong with it, or None."""
        try:
            items = unflatten({path: _leaf(text) for path, text in self._record(step).digests.items()})
            self._read(step, items)
        except DamagedError as error:
            return str(error)
        return None

    def close(self) -> None:
        """Waits for the save in flight.

        Raises:
          UserError: as `settle`.
        """
        try:
            self.settle()
        finally:
            self._manager.close()

    def _newest_intact(self, items: dict[str, Tree]) -> Any:
        folder = self._run / FOLDER
        steps = self.steps()
        if not steps:
            raise UserError(f"{folder}: no checkpoint there: train first, or pass the folder of a run that has one")
        for step in reversed(steps):
            reason, found = "", None
            try:
                self._check_fit(step, items)
                found = self._read(step, items)
            except DamagedError as error:
                reason = str(error)
            # Another process may read other files, and all must go on from the same step.
            if _all_agree(not reason):
                self.restored = step
                return found
            self.say(f"{folder / str(step)}: DAMAGED ({reason or 'in another process'}): going back to the checkpoint before")
            self._put_aside(step, reason)
        raise UserError(
            f"{folder}: no checkpoint of {steps} is intact: bring one back from a copy, or begin anew in another --workdir"
        )

    def _check_fit(self, step: int, items: dict[str, Tree]) -> None:
        saved = {path: text.split()[0] for path, text in self._record(step).digests.items() if path.split("/")[0] in items}
        wanted = {path: described(leaf) for path, leaf in paths_of(items).items()}
        if wrong := differences(saved, wanted):
            path = wrong[0]
            raise UserError(
                f"{self._run / FOLDER / str(step)}: cannot be restored ({path}: {saved.get(path, 'nothing')} there, "
                f"{wanted.get(path, 'nothing')} asked for; {len(wrong)} such): was config.model changed? set it as it was, "
                "or begin anew in another --workdir"
            )

    def _read(self, step: int, items: dict[str, Tree]) -> Any:
        """Raises DamagedError where an array, the config or the record is not what was saved."""
        record = self._record(step)
        arguments = {name: ocp.args.StandardRestore(tree) for name, tree in items.items()}
        try:
            found = self._manager.restore(step, args=ocp.args.Composite(config=ocp.args.JsonRestore(), **arguments))
        except Exception as error:  # whatever a damaged file makes the libraries raise
            raise self._unreadable(step, error) from error
        if sha256_of(found["config"]) != record.config:
            raise DamagedError("its config is not as it was written")
        expected = {path: digest for path, digest in record.digests.items() if path.split("/")[0] in items}
        if wrong := differences(expected, digests_of({name: found[name] for name in items})):
            raise DamagedError(f"{wrong[0]} is not what was saved" + (f", nor {len(wrong) - 1} more" if len(wrong) > 1 else ""))
        return found

    def _record(self, step: int) -> Record:
        where = self._run / FOLDER / str(step)
        if (where / "model").is_dir() and not (where / "record").is_dir():
            raise UserError(f"{where}: saved by an earlier version, without a record: go on with that version, or train anew")
        try:
            found = self._manager.restore(step, args=ocp.args.Composite(record=ocp.args.JsonRestore()))["record"]
        except Exception as error:  # whatever a damaged file makes the libraries raise
            raise self._unreadable(step, error) from error
        record = Record.from_json(found)
        if record.step != step:
            raise DamagedError(f"its record is that of step {record.step}")
        return record

    def _put_aside(self, step: int, reason: str) -> None:
        """Moves a checkpoint, with the reason beside it, since its step will be saved again. Nothing is deleted."""
        if not self._owner:
            return
        if jax.process_index() == 0:
            aside = self._run / DAMAGED
            aside.mkdir(parents=True, exist_ok=True)
            number = next(n for n in itertools.count(1) if not (aside / f"{step}-{n}").exists())
            (aside / f"{step}-{number}.txt").write_text(f"{reason}\n")
            (self._run / FOLDER / str(step)).rename(aside / f"{step}-{number}")
        _all_agree(True)
        self._manager.reload()

    def _unreadable(self, step: int, error: Exception) -> Exception:
        """Damage, or something that has nothing to do with the files: then no checkpoint must be given up for it."""
        chain = list(_causes(error))
        if any(isinstance(each, _PASSING) or any(word in str(each) for word in _PASSING_STATUS) for each in chain):
            where = f"{self._run / FOLDER / str(step)}"
            return UserError(
                f"{where}: cannot be read now ({_reason(chain[-1])}); nothing was changed: see to it and run the command again"
            )
        return DamagedError(_reason(error))

    def _failure(self, step: int, error: Exception) -> UserError:
        newest = max((s for s in self.steps() if s != step), default=None) if (self._run / FOLDER).is_dir() else None
        return UserError(
            f"{self._run / FOLDER}: the checkpoint of step {step} could NOT be saved ({_reason(error)}); "
            f"{'there is none before it' if newest is None else f'the newest is of step {newest}'}: see that the folder is "
            "there, may be written and has room, and run the same command again"
        )


class _NewestAndBest(preservation_policy.PreservationPolicy):
    """Orbax asks when a save starts, and deletes what is not kept after it has committed."""

    def __init__(self, store: CheckpointStore, keep: int):
        self._store, self._newest = store, preservation_policy.LatestN(n=keep)

    def should_preserve(
        self,
        checkpoints: Sequence[preservation_policy.PolicyCheckpointInfo],
        *,
        context: preservation_policy.PreservationContext,
    ) -> Sequence[bool]:
        newest = self._newest.should_preserve(checkpoints, context=context)
        return [kept or info.step == self._store.best for kept, info in zip(newest, checkpoints, strict=True)]


def abstract(tree: Any) -> Any:
    """Shapes, dtypes and shardings of a tree, for `CheckpointStore.restore`."""

    def leaf(x: Any) -> jax.ShapeDtypeStruct:
        return jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=getattr(x, "sharding", None))

    return jax.tree.map(leaf, tree)


def _leaf(text: str) -> jax.ShapeDtypeStruct:
    """What `described` described, on one device."""
    dtype, dims = text.split("]")[0].split("[")
    where = jax.sharding.SingleDeviceSharding(jax.devices()[0])
    return jax.ShapeDtypeStruct(tuple(int(size) for size in dims.split(",") if size), dtype, sharding=where)


def _items(tree: Any) -> dict[str, Tree]:
    """A train state's tree as what is saved: plain nested dicts, so that optax's types are no part of a checkpoint."""
    plain = {part: unflatten(paths_of(branch)) if paths_of(branch).keys() != {""} else branch for part, branch in tree.items()}
    return {"model": {part: plain.pop(part) for part in MODEL_PARTS}, "training": plain}


def _all_agree(here: bool) -> bool:
    """Whether all processes say yes."""
    return bool(np.all(multihost_utils.process_allgather(np.array(here)))) if jax.process_count() > 1 else here


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """An error and those that it was raised from."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _reason(error: BaseException) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return f"{text[:200]}…" if len(text) > 200 else text
