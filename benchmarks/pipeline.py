"""Batches of clips against decoding alone, against a plain loop, and against a PyTorch DataLoader; first batch; memory.

    python benchmarks/pipeline.py                    # 16 frames of 224 px and 128 landmark frames of 478 points a clip
    python benchmarks/pipeline.py --long=10000       # also: does memory stay where it is for so many batches?

Decoding alone is simplejpeg on bytes in memory, in two threads. The plain loop reads the landmarks and takes the window's
tokens, in two threads. The DataLoader (needs the extra `test`) makes the same examples in two worker processes. Each way runs
in a process of its own, in turn with the others; ratios are of medians over rounds. Clips are simulated, their frames 10 kB.
"""

from __future__ import annotations

import concurrent.futures
import dataclasses
import itertools
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import psutil
import simplejpeg
from absl import flags
from rich.console import Console
from rich.table import Table

from input_pipeline import cli
from input_pipeline.dataset import Dataset
from input_pipeline.examples import Examples
from input_pipeline.motion.layouts import to_tokens
from input_pipeline.pipeline import batches, default_data_config
from input_pipeline.records import Clip
from input_pipeline.shards import write_dataset
from input_pipeline.simulate.clips import NAME, make_clip
from input_pipeline.windows import make_window

_ROUNDS = flags.DEFINE_integer("rounds", 5, "of each way, interleaved", lower_bound=1)
_CLIPS = flags.DEFINE_integer("clips", 512, "that each way makes in a round, after those that warm it up", lower_bound=64)
_LONG = flags.DEFINE_integer("long", 0, "batches over which memory is watched; 0 = not", lower_bound=0)
_FOLDER = flags.DEFINE_string("folder", None, "the data set, made where there is none; default: a temporary folder")
_WAY = flags.DEFINE_string("way", "", "the one way that this process measures")

USAGE = "python benchmarks/pipeline.py [--rounds=N] [--clips=N] [--long=BATCHES] [--folder=FOLDER]"
FRAMES, SIZE, LANDMARK_FRAMES, BATCH, THREADS = 16, 224, 128, 8, 2
BOTH, LANDMARKS = frozenset({"trajectory", "frames"}), frozenset({"trajectory"})
_STORED = 128  # different clips


def decoding(folder: Path) -> float:
    """Clips per second of simplejpeg alone."""
    dataset = Dataset.open(folder)
    jpegs = [dataset.clip(index, with_frames=True).frames for index in range(len(dataset))]
    return _threaded(lambda index: [simplejpeg.decode_jpeg(jpeg) for jpeg in jpegs[index]])


def plain_loop(folder: Path) -> float:
    """Clips per second of reading landmarks and taking the window's tokens."""
    dataset = Dataset.open(folder)

    def read(index: int) -> tuple[np.ndarray, np.ndarray]:
        clip = dataset.clip(index)
        window = make_window(clip.times, LANDMARK_FRAMES, 0.0)
        return tuple(window.sample(to_tokens(values, clip.layout)) for values in (clip.landmarks, clip.colours))

    return _threaded(read)


def pipeline(folder: Path) -> float:
    """Clips per second of `batches`, frames and landmarks."""
    return _streamed(_batches(folder, BOTH))


def landmark_pipeline(folder: Path) -> float:
    """Clips per second of `batches`, landmarks alone."""
    return _streamed(_batches(folder, LANDMARKS))


def data_loader(folder: Path) -> float:
    """Clips per second of PyTorch's DataLoader with the same examples."""
    import torch.utils.data

    dataset = Dataset.open(folder)
    examples = Examples(dataset, _config(), None, BOTH, True, LANDMARK_FRAMES)

    class Clips(torch.utils.data.Dataset):
        def __len__(self) -> int:
            return 2**20

        def __getitem__(self, place: int) -> dict[str, np.ndarray]:
            example = examples(place * 7919 % len(dataset), 1.0, np.random.default_rng(place))
            return {name: np.ascontiguousarray(value) for name, value in example.items()}

    return _streamed(iter(torch.utils.data.DataLoader(Clips(), BATCH, num_workers=THREADS)))


def first_batch(folder: Path) -> float:
    """Seconds from this process's start to its first batch."""
    next(_batches(folder, BOTH))
    return time.time() - psutil.Process().create_time()


def memory(folder: Path) -> list[float]:
    """Resident MB after a tenth of the batches and after all, landmarks alone."""
    stream, used = _batches(folder, LANDMARKS), []
    for count in (_LONG.value // 10, _LONG.value - _LONG.value // 10):
        for _ in itertools.islice(stream, count):
            pass
        used.append(psutil.Process().memory_info().rss / 2**20)
    return used


_WAYS = {way.__name__: way for way in (decoding, pipeline, data_loader, plain_loop, landmark_pipeline, first_batch, memory)}


def _config():
    config = default_data_config()
    config.num_frames, config.image_size, config.trajectory_length = FRAMES, SIZE, LANDMARK_FRAMES
    return config


def _batches(folder: Path, needs: frozenset[str]) -> Iterator[dict[str, np.ndarray]]:
    dataset = Dataset.open(folder)
    indices = range(len(dataset))
    return batches(dataset, indices, _config(), None, task="severity", batch_size=BATCH, seed=0, train=True, needs=needs)


def _threaded(work) -> float:
    with concurrent.futures.ThreadPoolExecutor(THREADS) as threads:
        list(threads.map(work, range(_STORED)))
        begun = time.perf_counter()
        list(threads.map(work, (number % _STORED for number in range(_CLIPS.value))))
        return _CLIPS.value / (time.perf_counter() - begun)


def _streamed(stream: Iterator) -> float:
    for _ in itertools.islice(stream, _STORED // BATCH):
        pass
    begun = time.perf_counter()
    for _ in itertools.islice(stream, _CLIPS.value // BATCH):
        pass
    return _CLIPS.value / (time.perf_counter() - begun)


def _clips() -> Iterator[Clip]:
    """Simulated clips brought to LANDMARK_FRAMES frames, 25 a second."""
    for number in range(_STORED):
        clip = make_clip(0, number, "smile", frames=FRAMES, frame_size=SIZE)
        chosen = np.arange(LANDMARK_FRAMES) % len(clip.times)
        yield dataclasses.replace(
            clip,
            landmarks=clip.landmarks[chosen],
            colours=clip.colours[chosen],
            tracked=clip.tracked[chosen],
            times=np.arange(LANDMARK_FRAMES, dtype=np.float32) / 25,
            frame_index=np.linspace(0, LANDMARK_FRAMES - 1, FRAMES).astype(np.int32),
        )


def _measure(way: str, folder: Path) -> tuple[float, float]:
    command = [
        sys.executable,
        __file__,
        f"--folder={folder}",
        f"--way={way}",
        f"--clips={_CLIPS.value}",
        f"--long={_LONG.value}",
    ]
    return tuple(json.loads(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()[-1]))


def _compare(folder: Path) -> Table:
    ways = ("decoding", "pipeline", "data_loader", "plain_loop", "landmark_pipeline", "first_batch")
    found: dict[str, list[float]] = {way: [] for way in ways}
    peaks = dict.fromkeys(ways, 0.0)
    for _, way in itertools.product(range(_ROUNDS.value), ways):
        value, peak = _measure(way, folder)
        found[way].append(value)
        peaks[way] = max(peaks[way], peak)
    rate = {way: statistics.median(values) for way, values in found.items()}
    table = Table(title=f"{FRAMES} JPEG frames of {SIZE} px, {LANDMARK_FRAMES} frames of 478 landmarks, {THREADS} threads")
    for column in ("", "clips/s", "ratio", "peak MB"):
        table.add_column(column)
    table.add_row("decoding alone, simplejpeg", f"{rate['decoding']:.0f}", "", f"{peaks['decoding']:.0f}")
    ratio = f"{rate['pipeline'] / rate['decoding']:.2f} of decoding, {rate['pipeline'] / rate['data_loader']:.2f} of DataLoader"
    table.add_row("batches", f"{rate['pipeline']:.0f}", ratio, f"{peaks['pipeline']:.0f}")
    table.add_row("PyTorch DataLoader, 2 workers", f"{rate['data_loader']:.0f}", "", "")
    table.add_row("plain loop, landmarks alone", f"{rate['plain_loop']:.0f}", "", f"{peaks['plain_loop']:.0f}")
    ratio = f"{rate['landmark_pipeline'] / rate['plain_loop']:.2f} of the loop"
    table.add_row("batches, landmarks alone", f"{rate['landmark_pipeline']:.0f}", ratio, f"{peaks['landmark_pipeline']:.0f}")
    table.add_row("first batch, from the start of Python", "", f"{rate['first_batch']:.1f} s", "")
    return table


def main(args: Sequence[str]) -> None:
    """Without a way, all of them."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(_FOLDER.value or temporary) / "clips"
        if _WAY.value:
            value = _WAYS[_WAY.value](Path(_FOLDER.value))
            print(json.dumps([value, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024]))
            return
        if not (folder / "manifest.json").is_file():
            write_dataset(_clips(), folder, NAME, 2, {})
        Console(width=130).print(_compare(folder))
        if _LONG.value:
            early, late = _measure("memory", folder)[0]
            growth = f"{early:.0f} MB after a tenth, {late:.0f} MB after all (x {late / early:.2f})"
            print(f"{_LONG.value} batches of {BATCH}: {growth}")


if __name__ == "__main__":
    cli.run(main, USAGE)
