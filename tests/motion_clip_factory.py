"""Clips of a face that moves as told, and that carry a clock in their colours and frames, for the tests of augmentation."""

import numpy as np
import simplejpeg
from clip_factory import SIDE
from face_factory import bell, blink_wave, face, frame_times

from input_pipeline.records import Clip, Label

CROP = 0.2  # inter-ocular distance in units of the crop


class Held:
    """A source of clips in memory."""

    def __init__(self, *clips):
        self.labels, self._clips = [clip.label for clip in clips], clips

    def clip(self, index, with_frames=False):
        return self._clips[index]

    def part_of(self, index):
        return ""

    def where(self, family, index):
        return self._clips[index].label.clip_id


def smiling(seconds=4.0, start=1.4, fps=30.0, stored=1, size=0.2, **label):
    """A symmetric smile of `size` IOD from `start` on, in 0.6 s and held, with a blink before it.

    The grey level of the frames, and of the colours under all landmarks, is twice the frame's number. Every `stored`th frame
    is stored.
    """
    times = frame_times(seconds, fps)
    up = size * bell(times, start, 0.6)
    blink = blink_wave(times, (start - 0.5,))
    tokens = CROP * face(times, smile_left=up, smile_right=up, blink_left=blink, blink_right=blink)
    count = len(times)
    index = np.arange(0, count, stored, dtype=np.int32)
    clock = np.broadcast_to((2 * np.arange(count, dtype=np.uint8))[:, None, None], (count, 63, 3))
    return Clip(
        label=Label(**({"clip_id": "smile", "subject": "s", "expression": "smile", "dataset": "made"} | label)),
        landmarks=tokens,
        layout="tokens63",
        colours=clock,
        times=times.astype(np.float32),
        tracked=np.ones(count, bool),
        frames=tuple(simplejpeg.encode_jpeg(np.full((SIDE, SIDE, 3), 2 * k, np.uint8), quality=100) for k in index),
        frame_index=index,
    )
