"""Whom to follow where a video shows several faces: the largest at the start, from place to place, never from person to person.

MediaPipe's tracker for one face takes the first by its own score, often the smaller one, and another one once that is lost. Its
tracker for several costs a fifth more and does not smooth. So each clip is looked at now and then (`LOOK_EVERY`), and only one
that shows several is read again: once to see who is where, and once more with the others covered (ours).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable

import numpy as np

from input_pipeline.extract.landmarker import MOST_FACES, Face, Landmarker

LOOK_EVERY = 64  # frames; a look costs as much as one frame and a fifth (ours)
Place = tuple[float, float, float, float]  # left, top, right, bottom in pixels


@dataclasses.dataclass(frozen=True)
class Company:
    """The faces of every frame of a clip.

    Attributes:
      place: where the one is who is followed; where they were last, while they are not found; None before.
      others: the boxes of all others in that frame.
      several: frames with more than one face.
    """

    place: list[Place | None]
    others: list[list[Place]]
    several: int

    def cover(self, index: int, rgb: np.ndarray) -> np.ndarray:
        """The picture with the others' faces painted grey, (H, W, 3) uint8; the same array where there are none."""
        if not self.others[index]:
            return rgb
        covered = rgb.copy()
        for left, top, right, bottom in self.others[index]:
            covered[max(int(top), 0) : max(int(bottom) + 1, 0), max(int(left), 0) : max(int(right) + 1, 0)] = 128
        return covered

    def is_followed(self, index: int, face: Face) -> bool:
        """Whether a face is where the followed one is, or was last."""
        place = self.place[index]
        return place is not None and overlap(box_of(face), place) > 0


def box_of(face: Face) -> Place:
    """Around its landmarks."""
    (left, top), (right, bottom) = face.landmarks[:, :2].min(axis=0), face.landmarks[:, :2].max(axis=0)
    return float(left), float(top), float(right), float(bottom)


def overlap(one: Place, other: Place) -> float:
    """Shared area over joint area, 0 to 1."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    shared = max(width, 0.0) * max(height, 0.0)
    return shared / (_area(one) + _area(other) - shared) if shared else 0.0


def find_company(
    frames: Iterable[tuple[np.ndarray, float]], landmarker: Landmarker, done: Callable[[int], None] = lambda count: None
) -> Company:
    """Follows the largest face of the first frame that has one.

    Args:
      frames: (picture (H, W, 3) uint8, seconds) in the order of time.
      done: called after each frame with the number of frames.
    """
    place, others, several, last = [], [], 0, None
    with landmarker.track(MOST_FACES) as tracker:
        for rgb, seconds in frames:
            boxes = [box_of(face) for face in tracker.detect_all(rgb, seconds)]
            several += len(boxes) > 1
            if best := _choose(boxes, last):
                last = best
                boxes.remove(best)
            place.append(last)
            others.append(boxes)
            done(len(place))
    return Company(place, others, several)


def _choose(boxes: list[Place], last: Place | None) -> Place | None:
    """The largest at first, then that which overlaps the last one most; None where none does."""
    if last is None or not boxes:
        return max(boxes, key=_area, default=None)
    best = max(boxes, key=lambda box: overlap(box, last))
    return best if overlap(best, last) else None


def _area(box: Place) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])
