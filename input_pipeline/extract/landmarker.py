"""MediaPipe's Face Landmarker: 478 points and 52 blendshapes of a face in each frame, or of several.

The model file is the user's (`face_landmarker.task`, from MediaPipe's documentation); we only read it and note its SHA-256.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from input_pipeline.errors import UserError
from input_pipeline.extract.extra import import_extra

NUM_LANDMARKS = 478
NUM_BLENDSHAPES = 52
MOST_FACES = 4  # that are told apart in a picture (ours)


@dataclasses.dataclass(frozen=True)
class Face:
    """The face of one frame.

    Attributes:
      landmarks: (478, 3) float32 pixels of the upright picture: x right, y down, z away from the camera (0 near the head's
        centre), z in the same unit.
      blendshapes: (52,) float32 in [0, 1], MediaPipe's order ("_neutral" first).
    """

    landmarks: np.ndarray
    blendshapes: np.ndarray


class Landmarker:
    """A checked landmarker model, for any number of videos; a context manager, for speed alone.

    Attributes:
      path: the model file.
      sha256: of its bytes, hexadecimal.
      version: MediaPipe's.
    """

    def __init__(self, path: str | Path):
        """Reads the model and checks that MediaPipe accepts it.

        Raises:
          UserError: MediaPipe is absent, no such file, or not a Face Landmarker bundle.
        """
        self.path = Path(path)
        with _quiet():
            self.version = import_extra("mediapipe").__version__
        try:
            if not self.path.is_file():
                raise UserError(
                    f"{path}: no such landmarker file: download face_landmarker.task from MediaPipe's Face Landmarker page"
                    " and give its path"
                )
            self._model = self.path.read_bytes()
        except OSError as error:
            raise UserError(f"{path}: cannot be read ({error.strerror}): check its permissions") from error
        self.sha256 = hashlib.sha256(self._model).hexdigest()
        self._counter = None
        with self.track():
            pass

    @contextlib.contextmanager
    def track(self, faces: int = 1) -> Iterator[Tracker]:
        """A fresh tracker, for the frames of one video in order: it follows faces from frame to frame.

        Args:
          faces: the most that it finds; the points of one alone are smoothed over time.
        """
        task = self._create(faces, "VIDEO")
        try:
            yield Tracker(task, self.path)
        finally:
            _close(task)

    def __enter__(self) -> Landmarker:
        """Keeps what `count` needs open, which else is opened for each call."""
        self._counter = self._create(MOST_FACES, "IMAGE")
        return self

    def __exit__(self, *_: object) -> None:
        _close(self._counter)
        self._counter = None

    def count(self, rgb: np.ndarray) -> int:
        """How many faces a picture (H, W, 3) uint8 shows, up to MOST_FACES; trackers do not take notice."""
        import mediapipe

        # Nothing is left open: a task that still is when the interpreter ends complains, or waits for its own threads for ever.
        if self._counter is None:
            with self:
                return self.count(rgb)
        try:
            with _quiet():
                image = mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=rgb)
                return len(self._counter.detect(image).face_landmarks)
        except RuntimeError:
            return 0  # the tracker tells what is wrong with the picture

    def _create(self, faces: int, mode: str) -> Any:
        from mediapipe.tasks.python import BaseOptions, vision

        try:
            with _quiet():
                return vision.FaceLandmarker.create_from_options(
                    vision.FaceLandmarkerOptions(
                        base_options=BaseOptions(model_asset_buffer=self._model),
                        running_mode=vision.RunningMode[mode],
                        num_faces=faces,
                        output_face_blendshapes=mode == "VIDEO",
                    )
                )
        except (RuntimeError, ValueError, OSError) as error:
            reason = str(error).split(". ")[0].rstrip(".")
            raise UserError(
                f"{self.path}: not a Face Landmarker model ({reason}): expected MediaPipe's face_landmarker.task"
            ) from error


class Tracker:
    """Follows faces through one video."""

    def __init__(self, task: Any, model: Path):
        self._task = task
        self._model = model
        self._last_stamp = -1
        # MediaPipe's first inference writes to standard error, later ones do not.
        self._silence = _quiet

    def detect(self, rgb: np.ndarray, seconds: float) -> Face | None:
        """The face in the next frame, None where none is found; see `detect_all`."""
        return next(iter(self.detect_all(rgb, seconds)), None)

    def detect_all(self, rgb: np.ndarray, seconds: float) -> list[Face]:
        """The faces in the next frame.

        Args:
          rgb: (H, W, 3) uint8, upright.
          seconds: time of the frame; MediaPipe takes whole milliseconds that increase.

        Raises:
          UserError: the model gives another number of points than 478 with 52 blendshapes.
        """
        import mediapipe

        image = mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=rgb)
        with self._silence():
            result = self._detect(image, seconds)
        self._silence = contextlib.nullcontext
        found = zip(result.face_landmarks, result.face_blendshapes, strict=True)
        return [self._face(points, shapes, rgb) for points, shapes in found]

    def _face(self, found: Any, scores: Any, rgb: np.ndarray) -> Face:
        points = np.array([(point.x, point.y, point.z) for point in found], np.float32)
        shapes = np.array([shape.score for shape in scores], np.float32)
        if len(points) != NUM_LANDMARKS or len(shapes) != NUM_BLENDSHAPES:
            raise UserError(
                f"{self._model}: gives {len(points)} points and {len(shapes)} blendshapes, expected {NUM_LANDMARKS} and"
                f" {NUM_BLENDSHAPES}: use the current face_landmarker.task"
            )
        height, width = rgb.shape[:2]
        # MediaPipe scales z like x, by the picture's width.
        return Face(points * np.array([width, height, width], np.float32), shapes)

    def _detect(self, image: Any, seconds: float) -> Any:
        self._last_stamp = max(self._last_stamp + 1, round(seconds * 1000))
        try:
            return self._task.detect_for_video(image, self._last_stamp)
        except RuntimeError as error:
            reason = str(error).split(". ")[0].rstrip(".")
            raise UserError(f"MediaPipe fails at {seconds:.2f} s ({reason}): convert the video to H.264 in MP4") from error


def _close(task: Any) -> None:
    with _quiet():
        task.close()


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Closes the process's standard error for a moment: MediaPipe, absl and TFLite log there from C++ with no switch."""
    try:
        saved = os.dup(2)
    except OSError:
        yield
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(nowhere)
