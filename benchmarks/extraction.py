"""Extraction against MediaPipe alone, on one core and the same clip; and how it grows with the number of cores.

    python benchmarks/extraction.py face.mp4 --landmarker=face_landmarker.task

MediaPipe alone is measured twice: on frames that are decoded already, so that everything else counts against extraction, and on
the clip, decoded by PyAV as it goes. Extraction adds colours, crops, JPEG and another process. Ratios are of medians over
interleaved rounds. Cores that are two threads of one (`lscpu`) cannot grow linearly.
"""

from __future__ import annotations

import concurrent.futures
import functools
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from absl import flags
from rich.console import Console
from rich.table import Table

from input_pipeline import cli
from input_pipeline.extract.isolated import ClipExtractor
from input_pipeline.extract.landmarker import Landmarker
from input_pipeline.extract.video import Video

_LANDMARKER = flags.DEFINE_string("landmarker", None, "MediaPipe's face_landmarker.task")
_ROUNDS = flags.DEFINE_integer("rounds", 5, "of each, interleaved")
_ALONE = flags.DEFINE_enum("alone", "", ["", "frames", "clip"], "what runs in a process of its own: MediaPipe on these")

USAGE = "python benchmarks/extraction.py VIDEO --landmarker=FILE"


def mediapipe_alone(video: str, landmarker: str, source: str) -> float:
    """Frames per second, on frames that are decoded before the clock starts, or on the clip."""
    frames = ((frame.rgb(), frame.time) for frame in Video(video).frames())
    frames = list(frames) if source == "frames" else frames
    with Landmarker(landmarker).track() as tracker:
        begun, count = time.perf_counter(), 0
        for rgb, seconds in frames:
            tracker.detect(rgb, seconds)
            count += 1
        return count / (time.perf_counter() - begun)


def in_process(video: str, landmarker: str, source: str, core: int) -> float:
    """`mediapipe_alone` in a process that keeps to a core from its start, as extraction's does."""
    command = [sys.executable, __file__, video, f"--landmarker={landmarker}", f"--alone={source}"]
    pin = functools.partial(os.sched_setaffinity, 0, {core})
    done = subprocess.run(command, capture_output=True, text=True, check=True, preexec_fn=pin)
    return float(done.stdout)


def extraction(extractors: Sequence[ClipExtractor], video: str) -> float:
    """Frames per second of all extractors together, one clip each."""
    with concurrent.futures.ThreadPoolExecutor(len(extractors)) as threads:
        begun = time.perf_counter()
        futures = [threads.submit(extractor.extract, video, expression="smile", subject="s") for extractor in extractors]
        frames = sum(len(future.result().times) for future in futures)
        return frames / (time.perf_counter() - begun)


def main(args: Sequence[str]) -> None:
    """One video."""
    (video,) = args
    if _ALONE.value:
        print(mediapipe_alone(video, _LANDMARKER.value, _ALONE.value))
        return
    cores = sorted(os.sched_getaffinity(0))
    extractors = [ClipExtractor(_LANDMARKER.value, core=core) for core in cores]
    frames, clip, one, all_of_them = [], [], [], []
    for _ in range(_ROUNDS.value):
        frames.append(in_process(video, _LANDMARKER.value, "frames", cores[0]))
        clip.append(in_process(video, _LANDMARKER.value, "clip", cores[0]))
        one.append(extraction(extractors[:1], video))
        all_of_them.append(extraction(extractors, video))
    for extractor in extractors:
        extractor.close()
    base, decoded, single, total = map(statistics.median, (frames, clip, one, all_of_them))
    table = Table(title=f"{Path(video).name}, median of {_ROUNDS.value} rounds")
    for column in ("", "frames/s", "ratio"):
        table.add_column(column)
    table.add_row("MediaPipe alone on decoded frames, 1 core", f"{base:.1f}", "")
    table.add_row("MediaPipe alone on the clip, 1 core", f"{decoded:.1f}", "")
    table.add_row(
        "extraction, 1 core", f"{single:.1f}", f"{single / base:.2f} of the first, {single / decoded:.2f} of the second"
    )
    table.add_row(f"extraction, {len(cores)} cores", f"{total:.1f}", f"{total / single / len(cores):.2f} of linear")
    Console().print(table)


if __name__ == "__main__":
    flags.mark_flags_as_required(["landmarker"])
    cli.run(main, USAGE)
