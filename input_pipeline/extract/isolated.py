"""Videos to clips in a process of its own, which is started again when a file has killed it or taken too much.

A persistent worker (`worker`) holds the model; one clip at a time goes through. For several at a time, open several.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from types import TracebackType
from typing import Any

import psutil

import input_pipeline
from input_pipeline.errors import ClipError, UserError
from input_pipeline.extract.clip import Progress
from input_pipeline.extract.video import Limits, check_file
from input_pipeline.records import Clip, decode_frame_record, decode_landmark_record

_ROOT = Path(input_pipeline.__file__).parents[1]
_FROM_OUTSIDE = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)  # no file makes a process do these
_LOOK_SECONDS = 0.1  # between looks at the worker's memory
_START_SECONDS = 120.0  # importing MediaPipe from a slow disk takes a while; the limits begin after it


class ClipExtractor:
    """Reads videos as `extract_clip` does, in another process; a context manager.

    Args:
      landmarker: MediaPipe's face_landmarker.task; empty for clips of whole pictures without landmarks.
      limits: the largest video, and the most that reading it may take.
      core: the processor that the worker keeps to, None for any.

    Attributes:
      version: MediaPipe's.
      sha256: of the landmarker file.
      starts: how often the worker was started.

    Raises:
      UserError: MediaPipe is absent, or the landmarker is none.
    """

    def __init__(self, landmarker: str | Path, limits: Limits | None = None, core: int | None = None):
        self._landmarker, self._limits, self._core = str(landmarker), limits or Limits(), core
        self._process: subprocess.Popen | None = None
        self._channel: Connection | None = None
        self.starts, self._looked, self._idle = 0, 0.0, 2**62
        self.version, self.sha256 = "", ""
        self._start()

    def __enter__(self) -> ClipExtractor:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def extract(
        self,
        video: str | Path | Sequence[Path],
        *,
        fps: float | None = None,
        start: int = 0,
        end: int = 0,
        progress: Progress | None = None,
        **about: Any,
    ) -> Clip:
        """One video to one clip.

        Args:
          video: a local video file, or the pictures of a clip in the order of time.
          fps: pictures per second; of pictures alone.
          start, end: of a part of a video file, see `Item`. Stills are read fastest in the order of time.
          progress: called after each frame with (frames done, frames expected; 0 if the file does not say).
          about: what else `extract_clip` takes: expression, subject, clip_id, dataset, score, scale_id, report, frame_size,
            max_frames_stored, keep_frame, margin.

        Raises:
          ClipError: the file is not a readable video, over the limits, shows no face, or has ended the process.
          UserError: another argument is wrong.
        """
        pictures = [] if isinstance(video, str | Path) else [check_file(path) for path in video]
        path = pictures[0] if pictures else check_file(video)
        if self._process is None:
            self._start()
        begun, done = time.monotonic(), 0
        source = [str(each.absolute()) for each in pictures] or str(path.absolute())
        self._send(video=source, fps=fps, start=start, end=end, **about)
        while True:
            left = self._limits.work - (time.monotonic() - begun)
            message = self._receive(path, done, min(self._limits.stall, left))
            if "waiting" in message:
                continue
            if "clip" in message:
                return self._receive_clip(path, done)
            if "error" in message:
                if message["code"] == "too-much-memory":
                    self.close()  # what is left of its memory may be too little for the next file
                if message["code"]:
                    raise ClipError(path, message["code"], message["error"])
                raise UserError(message["error"])
            done = message["done"]
            if progress:
                progress(done, message["expected"])

    def close(self) -> None:
        """Ends the worker; the next `extract` starts another."""
        if self._process is None:
            return
        with contextlib.suppress(OSError):
            self._channel.close()
        self._process.kill()
        self._process.wait()
        self._process = self._channel = None

    def _start(self) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            command = [sys.executable, "-m", "input_pipeline.extract.worker", str(theirs.fileno())]
            self._process = subprocess.Popen(command, env=_environment(), pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL)
        self._channel = Connection(ours.detach())
        self.starts += 1
        self._send(landmarker=self._landmarker, limits=dataclasses.asdict(self._limits), core=self._core)
        message = self._receive(Path(self._landmarker), 0, _START_SECONDS)
        if "error" in message:
            self.close()
            raise UserError(message["error"])
        self.version, self.sha256 = message["version"], message["sha256"]
        self._idle = _resident(self._process)

    def _send(self, **message: Any) -> None:
        with contextlib.suppress(BrokenPipeError):  # it has died: told when the answer is awaited
            self._channel.send_bytes(json.dumps(message).encode())

    def _receive(self, path: Path, done: int, seconds: float) -> dict[str, Any]:
        return json.loads(self._receive_bytes(path, done, seconds))

    def _receive_clip(self, path: Path, done: int) -> Clip:
        clip = decode_landmark_record(self._receive_bytes(path, done, self._limits.stall))
        frames, index = decode_frame_record(self._receive_bytes(path, done, self._limits.stall))
        return dataclasses.replace(clip, frames=frames, frame_index=index)

    def _check_memory(self, path: Path) -> None:
        now = time.monotonic()
        if now - self._looked < _LOOK_SECONDS:
            return
        self._looked = now
        if _resident(self._process) > self._idle + self._limits.memory:
            self.close()
            reason = f"takes more than {self._limits.memory / 2**20:.0f} MB to read: scale it down or cut it into clips"
            raise ClipError(path, "too-much-memory", reason)

    def _receive_bytes(self, path: Path, done: int, seconds: float) -> bytes:
        """Raises ClipError, with the worker ended, where it has died, grows too large or says nothing for too long."""
        end = time.monotonic() + seconds
        try:
            while (left := end - time.monotonic()) > 0:
                self._check_memory(path)
                if self._channel.poll(min(left, _LOOK_SECONDS)):
                    return self._channel.recv_bytes()
        except (EOFError, ConnectionError):
            code = self._process.wait(10)
            self.close()
            if -code in _FROM_OUTSIDE:
                reason = f"the process that reads it was ended from outside after {done} frames: run the command again"
                raise ClipError(path, "worker-killed", reason) from None
            how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
            reason = f"has ended the process that reads it after {done} frames ({how}): convert it to H.264 in MP4"
            raise ClipError(path, "worker-died", reason) from None
        self.close()
        limits = self._limits
        reason = (
            f"takes too long after {done} frames (limits: {limits.stall:g} s a frame, {limits.work:g} s in all): shorten it"
        )
        raise ClipError(path, "too-slow", reason)


def _resident(process: subprocess.Popen) -> int:
    """Bytes of memory that a process holds; 0 once it has ended."""
    try:
        return psutil.Process(process.pid).memory_info().rss
    except psutil.Error:
        return 0


def _environment() -> dict[str, str]:
    """With this very package on the path, wherever the parent has it from."""
    return os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, [str(_ROOT), os.environ.get("PYTHONPATH")]))}
