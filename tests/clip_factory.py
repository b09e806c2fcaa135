"""Small clips whose content says which clip and frame it is, for the tests of the pipeline."""

import numpy as np
import simplejpeg

from input_pipeline.records import Clip, Label

SIDE = 32


def make_jpeg(frame: int) -> bytes:
    """A square image whose grey level is four times the frame number, left half darker than the right half by 20."""
    image = np.full((SIDE, SIDE, 3), 4 * frame + 20, np.uint8)
    image[:, : SIDE // 2] -= 20
    return simplejpeg.encode_jpeg(image, quality=100, colorsubsampling="444")


def make_clip(k: int, frames: int = 12, stored: int = 0, layout: str = "tokens63", size: int = 63, **label) -> Clip:
    """Clip k of subject k // 2: landmark noise seeded by k, frame t at t / 30 s, `stored` evenly spaced JPEG frames."""
    rng = np.random.default_rng(k)
    index = np.unique(np.linspace(0, frames - 1, stored).astype(np.int32)) if stored else np.zeros(0, np.int32)
    fields = {"clip_id": f"clip{k:03d}", "subject": f"subject{k // 2:02d}", "expression": "smile", "dataset": "made"} | label
    return Clip(
        label=Label(**fields),
        landmarks=rng.normal(scale=0.1, size=(frames, size, 3)).astype(np.float16),
        layout=layout,
        colours=rng.integers(0, 256, (frames, size, 3), dtype=np.uint8),
        times=(np.arange(frames) / 30).astype(np.float32),
        tracked=np.ones(frames, bool),
        frames=tuple(make_jpeg(int(t)) for t in index),
        frame_index=index,
    )
