"""The process that decodes: `python -m input_pipeline.extract.worker FD`, started and watched by `isolated.ClipExtractor`.

A decoder that a file has broken, or that takes too much, must not take anything along: this process holds no data but the
clip at hand, and writes nothing. What goes over the socket is JSON, and records as they lie in shards; never pickles, since a
broken process would speak them to a sound one.

In: landmarker, limits and core once, then one job after the other. Out: see `isolated`.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import signal
import sys
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from input_pipeline.errors import ClipError, UserError
from input_pipeline.extract.clip import Source, extract_clip
from input_pipeline.extract.excerpt import Excerpt, Reel
from input_pipeline.extract.extra import import_extra
from input_pipeline.extract.landmarker import Landmarker
from input_pipeline.extract.pictures import Pictures
from input_pipeline.extract.video import Limits
from input_pipeline.records import encode_frame_record, encode_landmark_record

_SPIKE = 2**30  # bytes over the limit that are given at all, between two looks from the other side


def serve(channel: Connection) -> None:
    """Answers jobs until the other side has gone."""
    start = json.loads(channel.recv_bytes())
    limits = Limits(**start["limits"])
    if start["core"] is not None:
        os.sched_setaffinity(0, {start["core"]})
    try:
        import_extra("av")  # before the limits, which its libraries would count against
        landmarker = Landmarker(start["landmarker"]) if start["landmarker"] else None
    except UserError as error:
        _send(channel, error=str(error), code="")
        return
    with landmarker or contextlib.nullcontext():
        _work(channel, landmarker, limits)


def _work(channel: Connection, landmarker: Landmarker | None, limits: Limits) -> None:
    _confine(limits)
    about = {"version": landmarker.version, "sha256": landmarker.sha256} if landmarker else {"version": "", "sha256": ""}
    _send(channel, **about)
    reel = Reel(limits, lambda: _send(channel, waiting=True))
    while True:
        job = json.loads(channel.recv_bytes())
        _answer(channel, _opener(job, reel, limits, channel), landmarker, limits, job)


def _opener(job: dict[str, Any], reel: Reel, limits: Limits, channel: Connection) -> Callable[[], str | Source]:
    """Takes out of a job what says which frames to read."""
    video, fps, start, end = (job.pop(name) for name in ("video", "fps", "start", "end"))
    if not isinstance(video, str):
        return lambda: Pictures(video, fps, limits)
    if end - start == 1:
        return lambda: reel.still(video, start)
    if end:
        return lambda: Excerpt(video, start, end, limits, lambda: _send(channel, waiting=True))
    return lambda: video


def _answer(
    channel: Connection,
    opener: Callable[[], str | Source],
    landmarker: Landmarker | None,
    limits: Limits,
    job: dict[str, Any],
) -> None:
    try:
        clip = extract_clip(
            opener(),
            landmarker,
            limits=limits,
            progress=lambda done, expected: _send(channel, done=done, expected=expected),
            **job,
        )
    except ClipError as error:
        _send(channel, error=error.reason, code=error.code)
    except UserError as error:
        _send(channel, error=str(error), code="")
    except MemoryError:
        _send(channel, error="takes too much memory to read: scale it down or cut it into clips", code="too-much-memory")
    else:
        _send(channel, clip=True)
        channel.send_bytes(encode_landmark_record(clip))
        channel.send_bytes(encode_frame_record(clip))


def _send(channel: Connection, **message: Any) -> None:
    channel.send_bytes(json.dumps(message).encode())


def _confine(limits: Limits) -> None:
    """No files, no picture of a face in a core file, and a ceiling on memory.

    The other side watches the limit of memory itself. Under a ceiling FFmpeg and MediaPipe fail in ways that tell of damaged
    files, so this one is higher: it is for what is taken faster than anyone looks.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    if used := _data_size():
        most = used + limits.memory + _SPIKE
        resource.setrlimit(resource.RLIMIT_DATA, (most, most))


def _data_size() -> int:
    """Bytes of this process that RLIMIT_DATA counts; 0 where the system does not tell."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmData:"):
                return int(line.split()[1]) * 1024
    return 0


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to the whole group; the other side ends us
    with contextlib.suppress(EOFError, ConnectionError), Connection(int(sys.argv[1])) as opened:
        serve(opened)
