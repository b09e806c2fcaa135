"""Frames come out at one size, resized as PyTorch does it."""

import numpy as np
import pytest
import simplejpeg

from input_pipeline.errors import UserError
from input_pipeline.images import decode_frames, resize


def picture(height, width):
    y, x = np.mgrid[:height, :width]
    waves = [127 + 120 * np.sin(x / 9 + k) * np.cos(y / 7) for k in range(3)]
    return np.stack(waves, -1).astype(np.uint8)


@pytest.mark.parametrize(
    ("before", "after"), [((256, 256), 224), ((96, 96), 64), ((40, 40), 64), ((100, 70), 33), ((64, 64), 64)]
)
def test_resizing_agrees_with_torch(before, after):
    torch = pytest.importorskip("torch")
    image = picture(*before)
    expected = torch.nn.functional.interpolate(
        torch.from_numpy(image).permute(2, 0, 1)[None].float(), (after, after), mode="bilinear", antialias=True
    )[0].permute(1, 2, 0)
    np.testing.assert_allclose(resize(image, after), expected.numpy(), atol=0.51)


@pytest.mark.parametrize("side", [48, 64, 256])
def test_frames_decode_to_the_size_asked_for(side):
    image = picture(side, side)
    frames = decode_frames([simplejpeg.encode_jpeg(image, quality=98, colorsubsampling="444")] * 2, 48)
    assert frames.shape == (2, 48, 48, 3)
    assert frames.dtype == np.uint8
    assert np.abs(frames[1].astype(int) - resize(image, 48)).mean() < 3


def test_what_is_no_jpeg_is_told():
    with pytest.raises(UserError, match="not a readable JPEG"):
        decode_frames([b"\xff\xd8 nothing more"], 32)
