"""Feeds mutated files to every reader; prints JSON: reader -> how many were read, refused, and what went wrong.

Run in a process of its own, `python mutated_inputs.py FOLDER COUNT SEED`: a crash of a decoder ends it, and a reader that takes
too long or too much memory is stopped.
"""

import json
import random
import resource
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from input_pipeline.dataset import Dataset
from input_pipeline.errors import UserError
from input_pipeline.extract.batch import list_items
from input_pipeline.extract.video import Video
from input_pipeline.images import decode_frames
from input_pipeline.landmark_files import read_landmark_file
from input_pipeline.splits import load_split
from input_pipeline.tokenizer import Tokenizer
from tramp_jax.config import load_config
from tramp_jax.hf.tensors import TensorFolder

SECONDS, GIGABYTE = 10, 2**30
HUGE = [b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\0\0\0\0", b"99999999999", b"-1", b"1e999"]


def read_dataset(path: Path) -> None:
    dataset = Dataset.open(path.parent)
    load_split(dataset, "default", need=())
    for index in range(len(dataset)):
        clip = dataset.clip(index, with_frames=dataset.manifest.has_frames)
        if clip.frames:
            decode_frames(clip.frames[:1], 16)


def read_tensors(path: Path) -> None:
    folder = TensorFolder(path)
    for name in folder.shapes:
        folder.read(name)


def read_tokenizer(path: Path) -> None:
    tokenizer = Tokenizer.load(path.parent)
    tokenizer.decode(tokenizer.encode("While smiling, movement is reduced."))


def read_video(path: Path) -> None:
    for frame in Video(path).frames():
        frame.rgb()


def read_landmarks(path: Path) -> None:
    label = {"expression": "smile", "subject": "s", "clip_id": "c", "dataset": "d"}
    read_landmark_file(path, **label, fps=30, image_size=(640, 480) if path.suffix == ".npy" else None)


# File name in the folder of good inputs -> its reader. The whole folder around it is copied.
READERS: dict[str, Callable[[Path], None]] = {
    "dataset/manifest.json": read_dataset,
    "dataset/labels.jsonl": read_dataset,
    "dataset/splits/default.json": lambda path: read_dataset(path.parent),
    "dataset/landmarks-00000-of-00001.arrayrecord": read_dataset,
    "dataset/frames-00000-of-00001.arrayrecord": read_dataset,
    "frame/frame.jpg": lambda path: decode_frames([path.read_bytes()], 16),
    "table/clips.csv": list_items,
    "run/config.json": lambda path: load_config(path.parent),
    "tensors/model.safetensors": read_tensors,
    "tokenizer/tokenizer.model": read_tokenizer,
    "json_tokenizer/tokenizer.json": read_tokenizer,
    "video/clip.mp4": read_video,
    "landmarks/openface.csv": read_landmarks,
    "landmarks/pyfeat.csv": read_landmarks,
    "landmarks/mediapipe.json": read_landmarks,
    "landmarks/mediapipe.npy": read_landmarks,
    "landmarks/insightface.npz": read_landmarks,
}


def mutate(blob: bytes, rng: random.Random) -> bytes:
    """One to eight changes: flipped bits, cut ends, repeated, inserted or huge pieces."""
    data = bytearray(blob)
    for _ in range(rng.choice([1, 1, 2, 8])):
        place = rng.randrange(len(data) + 1)
        kind = rng.randrange(7)
        if kind <= 1 and data:
            data[min(place, len(data) - 1)] ^= 1 << rng.randrange(8)
        elif kind == 2:
            del data[place:]
        elif kind == 3:
            data[place:place] = data[place : place + rng.randrange(1, 200)]
        elif kind == 4:
            data[place:place] = rng.randbytes(rng.randrange(1, 20))
        elif kind == 5:
            data[place : place + 4] = rng.choice(HUGE)
        else:
            del data[place : place + rng.randrange(1, 50)]
    return bytes(data)


class TooLongError(Exception):
    """A reader took longer than SECONDS."""


def on_alarm(*_: object) -> None:
    raise TooLongError


def main(folder: Path, count: int, seed: int) -> None:
    rng, found = random.Random(seed), {name: {"read": 0, "refused": 0, "wrong": []} for name in READERS}
    signal.signal(signal.SIGALRM, on_alarm)
    names = list(READERS)
    for number in range(count):
        name = names[number % len(names)]
        with tempfile.TemporaryDirectory() as scratch:
            top = name.split("/")[0]
            shutil.copytree(folder / top, Path(scratch) / top)
            path = Path(scratch) / name
            path.write_bytes(mutate(path.read_bytes(), rng))
            print(f"{number} {name}", file=sys.stderr, flush=True)  # the last line names what a crash was on
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            signal.alarm(SECONDS)
            try:
                READERS[name](path)
            except UserError:
                found[name]["refused"] += 1
            except Exception as error:
                found[name]["wrong"].append(f"{number}: {type(error).__name__}: {error!s:.200}")
            else:
                found[name]["read"] += 1
            finally:
                signal.alarm(0)
            grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
            if grown > GIGABYTE:
                found[name]["wrong"].append(f"{number}: took {grown / GIGABYTE:.1f} GiB")
    print(json.dumps(found))


if __name__ == "__main__":
    np.seterr(all="ignore")
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
