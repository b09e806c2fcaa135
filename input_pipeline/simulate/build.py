"""A whole simulated data set: worker processes write one shard at a time; their number does not change the bytes."""

from __future__ import annotations

import concurrent.futures
import contextlib
import dataclasses
import multiprocessing
import os
import pathlib
from collections.abc import Callable, Iterator

import numpy as np

from input_pipeline.manifest import Manifest
from input_pipeline.records import EXPRESSIONS, only_tokens
from input_pipeline.shards import Dataset, ShardSummary, ShardWriter, finish_dataset, start_dataset
from input_pipeline.simulate.clips import NAME, VERSION, make_clip
from input_pipeline.splits import SPLIT, make_split, write_split

NUM_SHARDS = 8
FRACTIONS = {"train": 0.75, "validation": 0.05, "test": 0.2}
_POLL_SECONDS = 0.25
# One thread for each worker: BLAS threads of several processes on few cores stall each other by a factor of ten and more.
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


@dataclasses.dataclass(frozen=True)
class Plan:
    """What to simulate: `subjects` people, each expression `takes` times, `frames` pictures of `frame_size` pixels a clip.

    Attributes:
      tokens: whether the 63 tokens alone are kept of the landmarks.
    """

    output: str
    subjects: int
    takes: int
    seed: int
    frames: int
    frame_size: int
    tokens: bool = False

    @property
    def num_shards(self) -> int:
        """Fewer than NUM_SHARDS only for fewer subjects."""
        return min(NUM_SHARDS, self.subjects)

    @property
    def clips(self) -> int:
        """How many clips the data set will have."""
        return self.subjects * len(EXPRESSIONS) * self.takes


def simulate(plan: Plan, workers: int = 1, progress: Callable[[int], None] = lambda done: None) -> Manifest:
    """Writes the data set and its split "default" (75, 5, 20 percent of the subjects).

    Args:
      plan: what to simulate.
      workers: processes.
      progress: called now and then with the number of clips done.

    Raises:
      UserError: the folder cannot be written, or fewer than 3 subjects.
    """
    folder = start_dataset(plan.output)
    # "spawn" everywhere, also for one worker: the same numerics whoever calls, and no fork of a threaded parent.
    context = multiprocessing.get_context("spawn")
    done = context.Value("q", 0)
    with (
        _environment(_ONE_THREAD),
        concurrent.futures.ProcessPoolExecutor(workers, context, initializer=_start_worker, initargs=(done,)) as pool,
    ):
        futures = [pool.submit(_write_shard, plan, shard) for shard in range(plan.num_shards)]
        try:
            summaries = _collect(futures, lambda: progress(done.value))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    source = {"made_by": "input_pipeline.simulate", "simulator": VERSION, **dataclasses.asdict(plan)}
    del source["output"]
    manifest = finish_dataset(folder, NAME, summaries, source)
    labels = Dataset.open(folder).labels
    write_split(folder, SPLIT, make_split((label.subject for label in labels), FRACTIONS, plan.seed))
    return manifest


def _collect(futures: list[concurrent.futures.Future], report: Callable[[], None]) -> list[ShardSummary]:
    waiting = set(futures)
    while waiting:
        finished, waiting = concurrent.futures.wait(waiting, _POLL_SECONDS, concurrent.futures.FIRST_EXCEPTION)
        report()
        for future in finished:
            future.result()
    return [future.result() for future in futures]


_done = None


def _start_worker(done) -> None:
    global _done
    _done = done


def _write_shard(plan: Plan, shard: int) -> ShardSummary:
    with ShardWriter(pathlib.Path(plan.output), shard, plan.num_shards, with_frames=plan.frames > 0) as writer:
        for subject in np.array_split(np.arange(plan.subjects), plan.num_shards)[shard].tolist():
            for take in range(plan.takes):
                for expression in EXPRESSIONS:
                    clip = make_clip(plan.seed, subject, expression, take, plan.frames, plan.frame_size)
                    writer.add(only_tokens(clip) if plan.tokens else clip)
                    with _done.get_lock():
                        _done.value += 1
        return writer.close()


@contextlib.contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
