"""The data of a run, as its tasks use it: which source serves which task, and what is held out of it."""

from __future__ import annotations

import collections
from collections.abc import Collection, Iterator, Mapping, Sequence

from ml_collections import ConfigDict

from input_pipeline.epochs import usable_clips
from input_pipeline.errors import UserError
from input_pipeline.mixture import Data, Mixture, open_data
from tramp_jax.tasks.table import TASKS, Task

# Families of a batch that show the face.
FACES = frozenset({"trajectory", "frames", "vision"})


def open_run_data(config: ConfigDict, tasks: Sequence[Task]) -> tuple[Data, dict[str, list[int]]]:
    """The data of a run and the clips of each fold.

    Of `data.sources`, validation and test hold the clips of those that serve a task which looks at faces, each folder once, and
    a source that is named for other tasks than those with grades is unrated.

    Raises:
      UserError: see `mixture.open_data`.
    """
    data, folds = open_data(config.data)
    if isinstance(data, Mixture):
        data = data.without_scores(_unrated(config, tasks))
        judged = _judged(config, tasks, data, folds["train"])
        for fold in ("validation", "test"):
            folds[fold] = [index for index in folds[fold] if data.part_of(index) in judged]
            if not folds[fold]:
                raise UserError(
                    f"data.sources: fold {fold!r} has no clips in {', '.join(sorted(judged))}: give it a subject of one"
                )
    return data, folds


def check_sources(config: ConfigDict, tasks: Sequence[Task], data: Data, folds: Mapping[str, Sequence[int]]) -> list[str]:
    """Compares `data.sources` with what the tasks need.

    Returns:
      What to tell, a line each.

    Raises:
      UserError: a source is named for a task that it can serve no clip of, or its clips lack frames; grades on several scales.
    """
    if not isinstance(data, Mixture):
        return []
    served = clips_of_sources(config, tasks, data, folds["train"])
    for name, about in config.data.sources.items():
        if unknown := [task for task in about.tasks if task not in TASKS]:
            raise UserError(f"data.sources.{name}: unknown task {unknown[0]!r} in tasks; known are {', '.join(TASKS)}")
        for task in (task for task in tasks if task.name in about.tasks and name not in served[task.name]):
            wanted = " and ".join(sorted(task.needs(config.model) & {"text", "score"})) or "any data"
            raise UserError(
                f"data.sources.{name}: no training clip of {about.path} has {wanted}, which {task.name} needs: take it out of "
                "its tasks"
            )
    for task in tasks:
        bare = [name for name in served[task.name] if not data.parts[name].manifest.has_frames]
        if bare and "frames" in task.needs(config.model):
            raise UserError(
                f"data.sources.{bare[0]}: {data.parts[bare[0]].path} has no frames, which {task.name} needs: extract with "
                "frames, name other tasks for it, or train without vision (model.vision_kind=none)"
            )
    _check_scales(config, tasks, data, folds)
    return [*data.notices(), *_idle(config, served)]


def clips_of_sources(
    config: ConfigDict, tasks: Sequence[Task], data: Data, indices: Sequence[int]
) -> dict[str, dict[str, int]]:
    """Task -> source -> how many of the clips `indices` the task may take of it; sources that serve it none are left away."""
    return {
        task.name: collections.Counter(
            data.part_of(index) for index in usable_clips(data, indices, config.data, task.name, task.needs(config.model))
        )
        for task in tasks
    }


def usable_for(
    needs: Collection[str], config: ConfigDict, tasks: Sequence[Task], data: Data, indices: Sequence[int]
) -> list[int]:
    """Those of `indices` in a source that serves a task with any of these needs; all of them where there is one data set."""
    if not isinstance(data, Mixture):
        return list(indices)
    chosen = [task for task in tasks if not task.needs(config.model).isdisjoint(needs)]
    names = {name for served in clips_of_sources(config, chosen, data, indices).values() for name in served}
    return [index for index in indices if data.part_of(index) in names]


def _unrated(config: ConfigDict, tasks: Sequence[Task]) -> set[str]:
    graded = {task.name for task in tasks if "score" in task.needs(config.model)}
    return {name for name, about in config.data.sources.items() if graded and about.tasks and not graded & set(about.tasks)}


def _judged(config: ConfigDict, tasks: Sequence[Task], data: Mixture, train: Sequence[int]) -> set[str]:
    faces = [task for task in tasks if not task.needs(config.model).isdisjoint(FACES)] or tasks
    served = clips_of_sources(config, faces, data, train)
    names = {name for found in served.values() for name in found}
    unrated = _unrated(config, tasks)
    # A folder that is named twice, for other tasks, is judged once, and where its grades are.
    once = {data.parts[name].manifest.sha256(): name for name in sorted(names, key=lambda name: (name not in unrated, name))}
    return set(once.values())


def _check_scales(config: ConfigDict, tasks: Sequence[Task], data: Mixture, folds: Mapping[str, Sequence[int]]) -> None:
    if config.data.mixed_scales or not any("score" in task.needs(config.model) for task in tasks):
        return
    rated = [index for indices in folds.values() for index in indices if data.labels[index].score is not None]
    found = {data.labels[index].scale_id: data.part_of(index) for index in reversed(rated)}
    if len(found) > 1:
        (one, of_one), (two, of_two) = sorted(found.items())[:2]
        raise UserError(
            f"data.sources: {of_one} is rated on the scale {one!r}, {of_two} on {two!r}: give one of them tasks without "
            "grades, or set data.mixed_scales=True if a grade means the same on both"
        )


def _idle(config: ConfigDict, served: Mapping[str, Mapping[str, int]]) -> Iterator[str]:
    for name, about in config.data.sources.items():
        if not any(name in sources for sources in served.values()):
            yield f"data.sources.{name}: {about.path} serves none of {', '.join(served)}: nothing of it is used"
