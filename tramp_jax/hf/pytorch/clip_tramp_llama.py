"""A clip as `TrampLlamaProcessor` is given it: what would change a score unnoticed is refused before any work.

T landmark frames of the clip, L landmarks of the layout, K RGB frames.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from input_pipeline.motion.layouts import LAYOUTS

# Seconds between frames, in the median: from here on the times are milliseconds or frame numbers.
_LONGEST_GAP = 1.0
# Sides of the crop, median of |x| and |y|: beyond this the landmarks are pixels. Inside the crop it is below 0.5.
_FARTHEST = 2.0
# Longer over shorter side of an image: beyond this it is no crop of the face, and would be squeezed into a square.
_LONGEST_SIDE = 1.1
_TO_BYTES = "multiply values from 0 to 1 by 255, round them and convert them to uint8"


@dataclasses.dataclass(frozen=True, eq=False)
class Clip:
    """Landmarks (T, L, 3), times (T,), colours (T, L, 3) and tracked (T,), as the arguments of the processor."""

    landmarks: np.ndarray
    times: np.ndarray
    colours: np.ndarray
    tracked: np.ndarray
    layout: str

    def clip(self, index: int) -> Clip:
        """A data set of this clip alone, for `measured`."""
        return self


def checked_clip(landmarks: Any, times: Any, colours: Any, tracked: Any, layout: str, features: Sequence[str]) -> Clip:
    """The arguments of the processor as arrays that it can rely on; `features` are those that the model reads.

    Raises:
      ValueError: what was found, what is expected and what to do.
    """
    landmarks = _landmarks(landmarks, layout)
    times, tracked = _times(times, len(landmarks)), _tracked(tracked, len(landmarks))
    return Clip(landmarks, times, _colours(colours, landmarks.shape, features), tracked, layout)


def checked_frames(frames: Any, index: Any, seconds: Any, times: np.ndarray) -> tuple[list[np.ndarray], np.ndarray]:
    """K images, and the landmark frame of each, (K,) integers; `times` are the clip's, the others the processor's arguments.

    Raises:
      ValueError: what was found, what is expected and what to do.
    """
    try:
        images = [] if frames is None else [_image(frame, f"frames[{k}]") for k, frame in enumerate(frames)]
    except TypeError as error:
        raise ValueError(f"frames: {error}, expected a sequence of images: put a single image in a list") from error
    if not images:
        raise ValueError("this model sees frames: pass frames, and frame_index or frame_times")
    if index is not None and seconds is not None:
        raise ValueError("frame_index and frame_times are both given, expected one of them: leave the other out")
    if seconds is not None:
        return images, _nearest(seconds, len(images), times)
    return images, _index(index, len(images), len(times))


def _landmarks(values: Any, layout: str) -> np.ndarray:
    if layout not in LAYOUTS:
        raise ValueError(f"layout {layout!r}: unknown; use one of {', '.join(LAYOUTS)}")
    found, size = _array(values, "landmarks"), LAYOUTS[layout].size
    if found.ndim != 3 or found.shape[1:] != (size, 3):
        advice = "pass the layout that they have, and z beside x and y (zeros where there is no depth)"
        raise ValueError(f"landmarks have shape {found.shape}, expected (T, {size}, 3) for layout {layout!r}: {advice}")
    if len(found) < 2:
        raise ValueError(f"landmarks have shape {found.shape}, expected 2 or more frames: the score is of motion, pass a clip")
    if found.dtype.kind != "f":
        raise ValueError(f"landmarks are {found.dtype}, expected floats: the unit is the side of the face crop, not the pixel")
    if not np.isfinite(found).all():
        frame = np.argmin(np.isfinite(found).all(axis=(1, 2)))
        advice = "where no face was found, repeat the last tracked frame's and say so in tracked"
        raise ValueError(f"landmarks of frame {frame} are NaN or infinite, expected numbers: {advice}")
    if (extent := np.median(np.abs(found[..., :2]))) > _FARTHEST:
        advice = "subtract the centre of the square face crop and divide by its side"
        raise ValueError(f"landmarks lie {extent:.4g} from the origin, expected about 0.2 (sides of the crop): {advice}")
    return found


def _times(values: Any, count: int) -> np.ndarray:
    found = _array(values, "times")
    if found.shape != (count,) or found.dtype.kind not in "fiu":
        raise ValueError(f"times are {_kind(found)}, expected ({count},) numbers: pass the seconds of every landmark frame")
    found = found if found.dtype.kind == "f" else found.astype(np.float64)  # unsigned differences are never negative
    if not np.isfinite(found).all():
        raise ValueError(f"times[{np.argmin(np.isfinite(found))}] is not finite, expected seconds: give every frame its time")
    gaps = np.diff(found)
    if (gaps <= 0).any():
        at = np.argmax(gaps <= 0)
        advice = "sort the frames and drop those that repeat"
        raise ValueError(f"times go from {found[at]:.6g} to {found[at + 1]:.6g}, expected strictly increasing: {advice}")
    if (gap := np.median(gaps)) >= _LONGEST_GAP:
        advice = "times are in seconds: divide milliseconds by 1000, frame numbers by the frame rate"
        raise ValueError(f"times are {gap:.4g} apart, expected less than {_LONGEST_GAP:g}: {advice}")
    return found


def _tracked(values: Any, count: int) -> np.ndarray:
    found = np.ones(count, bool) if values is None else _array(values, "tracked")
    if found.shape != (count,):
        raise ValueError(f"tracked is {_kind(found)}, expected ({count},) bool: say for every frame if it shows a face")
    if not np.isin(found, (False, True)).all():
        raise ValueError(f"tracked is {_kind(found)} with other values than 0 and 1, expected bool: compare with a threshold")
    if not found.any():
        raise ValueError("tracked is False everywhere, expected a frame with a face: there is nothing to score")
    return found.astype(bool)


def _colours(values: Any, shape: tuple[int, ...], features: Sequence[str]) -> np.ndarray:
    if values is None:
        if wanted := [name for name in features if name[-1] in "rgb"]:
            raise ValueError(f"this model reads colours ({', '.join(wanted)}): pass colours (T, L, 3) uint8")
        return np.zeros(shape, np.uint8)
    found = _array(values, "colours")
    if found.shape != shape:
        raise ValueError(f"colours have shape {found.shape}, expected {shape} as the landmarks: pass RGB under every landmark")
    if found.dtype != np.uint8:
        raise ValueError(f"colours are {found.dtype}, expected uint8 from 0 to 255: {_TO_BYTES}")
    return found


def _image(values: Any, name: str) -> np.ndarray:
    found = _array(values, name)
    if found.ndim != 3 or found.shape[2] != 3 or not found.size:
        advice = "put channels last, repeat a grey one three times, leave alpha out"
        raise ValueError(f"{name} has shape {found.shape}, expected (H, W, 3) RGB: {advice}")
    if found.dtype != np.uint8:
        raise ValueError(f"{name} is {found.dtype}, expected uint8 from 0 to 255: {_TO_BYTES}")
    height, width, _ = found.shape
    if max(height, width) > _LONGEST_SIDE * min(height, width):
        raise ValueError(f"{name} is {height} high and {width} wide, expected a square: cut out the crop around the face")
    return found


def _nearest(seconds: Any, count: int, times: np.ndarray) -> np.ndarray:
    found = _array(seconds, "frame_times")
    if found.shape != (count,) or found.dtype.kind not in "fiu" or not np.isfinite(found).all():
        raise ValueError(f"frame_times are {_kind(found)}, expected ({count},) finite seconds: give every image its time")
    distance = np.abs(found[:, None] - times)
    far = distance.min(axis=1) > np.diff(times).max()
    if far.any():
        clip = f"expected {times[0]:.6g} to {times[-1]:.6g}, the landmarks' times"
        raise ValueError(f"frame_times[{far.argmax()}] is {found[far.argmax()]:.6g}, {clip}: use seconds of the same clock")
    return distance.argmin(axis=1)


def _index(values: Any, count: int, frames: int) -> np.ndarray:
    if values is None and count != frames:
        raise ValueError(f"{count} frames of {frames} landmark frames, expected their places: pass frame_index or frame_times")
    found = np.arange(frames) if values is None else _array(values, "frame_index")
    if found.shape != (count,) or found.dtype.kind not in "iu":
        raise ValueError(f"frame_index is {_kind(found)}, expected ({count},) integers: pass the landmark frame of each image")
    wrong = (found < 0) | (found >= frames)
    if wrong.any():
        advice = "leave out images without a landmark frame"
        raise ValueError(f"frame_index[{wrong.argmax()}] is {found[wrong.argmax()]}, expected 0 to {frames - 1}: {advice}")
    return found


def _array(values: Any, name: str) -> np.ndarray:
    try:
        return np.asarray(values)
    except (ValueError, TypeError, RuntimeError) as error:  # ragged lists, tensors of another device
        raise ValueError(f"{name}: {error}; expected one NumPy array, or what NumPy makes one of: convert it") from error


def _kind(array: np.ndarray) -> str:
    return f"{array.shape} {array.dtype}"
