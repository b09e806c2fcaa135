"""What is done to one training example: drawn once, then the same for its landmarks, frames, words and kinematics.

Axes: T trajectory frames, V = 63 landmark tokens, F RGB frames, H, W pixels.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from ml_collections import ConfigDict

from input_pipeline import transforms
from input_pipeline.colour import ColourChange, colour_change
from input_pipeline.errors import UserError
from input_pipeline.view import EVERYTHING, View

# Option of config.data -> the most that it may be: beyond, a face is no longer one, or a clip no longer that clip.
_MOST = {
    "zoom": 0.5,
    "trim": 0.5,
    "speed_change": 0.5,
    "brightness": 0.9,
    "contrast": 0.9,
    "saturation": 1.0,
    "colour_cast": 0.9,
    "grayscale_probability": 1.0,
}
COLOURS = ("brightness", "contrast", "saturation", "colour_cast", "grayscale_probability")


@dataclasses.dataclass(frozen=True)
class Augmentation:
    """Of one example; the default changes nothing.

    Attributes:
      flip: the mirrored video.
      backwards: the trajectory's frames in reverse.
      noise: deviation of Gaussian noise on landmarks, in pixels of a 256-pixel crop.
      cut: shares of the clip's time left out at its start and end, where that leaves true what is said of it
        (`time_change.stays_true`).
      speed: factor, on the same condition.
      colour: of light and camera, or None.
      view: what is seen of the frames.
      view_of_landmarks: the same, or everything where landmarks are relative to the head and not to the frame.
    """

    flip: bool = False
    backwards: bool = False
    noise: float = 0.0
    cut: tuple[float, float] = (0.0, 0.0)
    speed: float = 1.0
    colour: ColourChange | None = None
    view: View = EVERYTHING
    view_of_landmarks: View = EVERYTHING

    @property
    def changes_time(self) -> bool:
        """Whether the clip has other times."""
        return self.speed != 1.0 or any(self.cut)

    @property
    def changes_images(self) -> bool:
        """Whether frames are other than filmed."""
        return self.flip or self.colour is not None or not self.view.is_whole

    def of_report(self, report: str | None) -> str | None:
        """Words of the example."""
        return transforms.flip_report(report) if self.flip and report is not None else report

    def of_pixels(self, pixels: np.ndarray, rng: np.random.Generator | None) -> np.ndarray:
        """(T, 63, 3) positions of the window in the frame."""
        pixels = pixels if self.view_of_landmarks.is_whole else self.view_of_landmarks.of_pixels(pixels)
        pixels = transforms.flip_tokens(pixels) if self.flip else pixels
        pixels = pixels[::-1] if self.backwards else pixels
        return transforms.add_noise(pixels, rng, self.noise) if self.noise else pixels

    def of_colours(self, colours: np.ndarray) -> np.ndarray:
        """(T, 63, 3) colours under the window's landmarks, 0 to 255."""
        colours = colours if self.colour is None else self.colour.of_colours(colours)
        colours = transforms.flip_colours(colours) if self.flip else colours
        return colours[::-1] if self.backwards else colours

    def of_mask(self, mask: np.ndarray) -> np.ndarray:
        """(T,) which of the window's moments are tracked."""
        return mask[::-1] if self.backwards else mask

    def of_images(self, images: np.ndarray) -> np.ndarray:
        """(F, H, W, 3) uint8 RGB frames."""
        images = images if self.view.is_whole else self.view.of_images(images)
        images = images if self.colour is None else self.colour.of_images(images)
        return transforms.flip_images(images) if self.flip else images


NONE = Augmentation()


def draw(config: ConfigDict, rng: np.random.Generator) -> Augmentation:
    """The augmentation of one training example.

    What is newer than `flip` and `backwards` is drawn from a stream of its own, always as many numbers: neither what is
    switched on nor what is read of the clip shifts anybody else's numbers.

    Args:
      config: `config.data`.
      rng: the example's, fresh; its later numbers are left to the choice of a question and to noise.
    """
    flip, backwards = rng.random(2) < (config.flip_probability, config.reversal_probability)
    trim, start, speed, brightness, contrast, saturation, grey, *rest = rng.spawn(1)[0].random(13).tolist()
    cut = trim * config.trim
    colour = None
    if any(config[name] for name in COLOURS):
        is_grey = grey < config.grayscale_probability
        colour = colour_change(
            _factor(brightness, config.brightness),
            _factor(contrast, config.contrast),
            0.0 if is_grey else _factor(saturation, config.saturation),
            np.ones(3) if is_grey else np.array([_factor(number, config.colour_cast) for number in rest[:3]]),
        )
    view = _view(config, *rest[3:])
    return Augmentation(
        flip=bool(flip),
        backwards=bool(backwards),
        noise=config.landmark_noise,
        cut=(cut * start, cut * (1 - start)),
        speed=(1 + config.speed_change) ** (2 * speed - 1),
        colour=colour,
        view=view,
        view_of_landmarks=EVERYTHING if config.remove_head_motion else view,
    )


def _view(config: ConfigDict, zoom: float, left: float, top: float) -> View:
    """Of three numbers between 0 and 1."""
    size = config.image_size
    side = round(size * (1 - config.zoom * zoom))
    return View(int(left * (size - side + 1)), int(top * (size - side + 1)), side, size)


def may_change_time(config: ConfigDict) -> bool:
    """Whether `draw` may give a clip other times."""
    return bool(config.trim or config.speed_change)


def check(config: ConfigDict) -> None:
    """Refuses strengths outside their ranges.

    Raises:
      UserError: naming the option and its range.
    """
    for name, most in _MOST.items():
        if not 0 <= config[name] <= most:
            raise UserError(f"data.{name}={config[name]}: must be between 0 (off) and {most:g}")


def _factor(number: float, most: float) -> float:
    """Even between 1 - most and 1 + most, of a number between 0 and 1."""
    return 1 + most * (2 * number - 1)
