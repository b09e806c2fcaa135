"""InsightFace's 106 points as arrays, and the subsets of them that TraMP-Former and QAFE-Net store.

There is no file format: people save `face.landmark_2d_106`, (106, 2) in pixels, frame after frame with numpy.save. That
attribute is verified by InsightFace's own example; the array (T, 106, 2) and the names in an NPZ file are a guess.
(T, 73, 2), points 33 to 105, and (T, 71, 2), without 34 and 88, are those of the released code (QAFE-Net's preprocessing,
TraMP-Former's loader, which also takes 74 points and drops the first). There each frame is a crop of its own of 256 x 256, so
motion of the head is gone in part, and coordinates are whole numbers.
"""

from __future__ import annotations

import numpy as np

from input_pipeline.landmark_files.series import Series
from input_pipeline.landmark_files.track import Given, Track, frame_times
from input_pipeline.motion.layouts import LAYOUTS

NAME = "insightface"
EXPECTS = "NPY or NPZ with landmarks (T, 106, 2) in pixels, or the 73, 71 or 63 of them"
_INNER = np.arange(33, 106)
# Number of points -> which of the 106 they are.
_SUBSETS = {
    106: np.arange(106),
    74: np.r_[-1, _INNER],
    73: _INNER,
    71: _INNER[~np.isin(_INNER, (34, 88))],
}
_TOKENS = len(LAYOUTS["tokens63"].tokens)


def matches(content: object) -> bool:
    """Whether these are arrays with one of the numbers of points."""
    return isinstance(content, Series) and content.points.shape[1] in {*_SUBSETS, _TOKENS}


def read(series: Series, given: Given) -> Track:
    """All 106 points, or the 63 tokens where only some of them are stored.

    Raises:
      UserError: no times and no frame rate.
    """
    points, count = series.points, series.points.shape[1]
    if count in (73, 74, 71):
        points = points[:, np.searchsorted(_SUBSETS[count], LAYOUTS["insightface106"].tokens)]
    size = series.size(given)
    times = frame_times(series.path, series.times, np.arange(len(points)), series.fps or given.fps)
    warnings = ("the third coordinate was taken as depth in pixels, larger is farther",) if series.depth else ()
    layout = "insightface106" if count == 106 else "tokens63"
    return Track(layout, points, times, series.depth, image_size=size, warnings=warnings)
