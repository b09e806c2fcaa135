"""The processor of an export refuses what would change a score unnoticed, in one line that says what to do."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from tiny import demo_config, tiny_config
from tokenizer_factory import REPORTS
from tokenizers import Tokenizer as RawTokenizer
from tokenizers.models import WordLevel
from transformers import PreTrainedTokenizerFast

from input_pipeline.motion.kinematics import FEATURE_NAMES
from input_pipeline.tokenizer import Tokenizer, train_tokenizer
from tramp_jax.hf.full import processor_json
from tramp_jax.hf.pytorch.processing_tramp_llama import TrampLlamaProcessor

T, K, SIDE = 12, 3, 24
HEAD_FREE = {"data__remove_head_motion": True, "data__resample_fps": 6.0}
STANDARD = {"kinematics_centre": (0.0,) * len(FEATURE_NAMES), "kinematics_scale": (1.0,) * len(FEATURE_NAMES)}


def processor(config, **data) -> TrampLlamaProcessor:
    values = processor_json(config, Tokenizer(train_tokenizer(REPORTS, 400)))
    raw = PreTrainedTokenizerFast(tokenizer_object=RawTokenizer(WordLevel({"a": 0}, unk_token="a")))
    fields = {name: values[name] for name in ("needs", "expressions", "prompts")}
    return TrampLlamaProcessor(raw, {**values["data"], **data}, **fields)


@pytest.fixture(scope="module")
def sees() -> TrampLlamaProcessor:
    """The paper's inputs: colours and frames."""
    return processor(tiny_config())


def clip(**changes: Any) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    arguments = {
        "landmarks": rng.normal(scale=0.2, size=(T, 63, 3)).astype(np.float32),
        "times": np.arange(T) / 30,
        "colours": rng.integers(0, 256, (T, 63, 3), dtype=np.uint8),
        "tracked": np.ones(T, bool),
        "layout": "tokens63",
        "expression": "smile",
        "frames": rng.integers(0, 256, (K, SIDE, SIDE, 3), dtype=np.uint8),
        "frame_index": np.array([0, 5, 11]),
    }
    return {name: value for name, value in {**arguments, **changes}.items() if value is not None}


def edited(name: str, place: Any, value: Any) -> Callable[[], dict[str, Any]]:
    def change() -> dict[str, Any]:
        array = clip()[name].copy()
        array[place] = value
        return clip(**{name: array})

    return change


def made(name: str, of: Callable[[np.ndarray], Any]) -> Callable[[], dict[str, Any]]:
    return lambda: clip(**{name: of(clip()[name])})


def timed(seconds: Any) -> Callable[[], dict[str, Any]]:
    return lambda: clip(frame_index=None, frame_times=seconds)


WRONG = {
    "an unknown layout": (lambda: clip(layout="dlib68"), "layout 'dlib68': unknown; use one of mediapipe478"),
    "another layout's landmarks": (lambda: clip(layout="openface68"), "(12, 63, 3), expected (T, 68, 3)"),
    "landmarks without depth": (made("landmarks", lambda x: x[..., :2]), "(12, 63, 2), expected (T, 63, 3)"),
    "landmarks of one frame alone": (made("landmarks", lambda x: x[0]), "(63, 3), expected (T, 63, 3)"),
    "ragged landmarks": (made("landmarks", lambda x: [x[0].tolist(), x[1, :5].tolist()]), "landmarks: "),
    "one frame": (
        lambda: {k: v[:1] if k in ("landmarks", "times", "colours") else v for k, v in clip().items()},
        "(1, 63, 3), expected 2",
    ),
    "no frame": (made("landmarks", lambda x: x[:0]), "landmarks have shape (0, 63, 3), expected 2 or more frames"),
    "a NaN landmark": (edited("landmarks", (4, 7, 2), np.nan), "landmarks of frame 4 are NaN or infinite"),
    "an infinite landmark": (edited("landmarks", (5, 7, 0), -np.inf), "repeat the last tracked frame"),
    "landmarks in whole pixels": (made("landmarks", lambda x: (512 * x).astype(int)), "landmarks are int64, expected floats"),
    "landmarks in pixels": (made("landmarks", lambda x: 256 + 256 * x), "subtract the centre of the square face crop"),
    "times that stand still": (edited("times", 6, 5 / 30), "times go from 0.166667 to 0.166667, expected strictly increasing"),
    "times that go back": (made("times", lambda x: x[::-1]), "expected strictly increasing: sort"),
    "unsigned times that go back": (made("times", lambda x: np.arange(T, 0, -1).astype(np.uint32)), "strictly increasing"),
    "a NaN among the times": (edited("times", 3, np.nan), "times[3] is not finite"),
    "an infinite time": (edited("times", -1, np.inf), "times[11] is not finite"),
    "times of another clip": (made("times", lambda x: x[:-1]), "times are (11,) float64, expected (12,)"),
    "times in a column": (made("times", lambda x: x[:, None]), "times are (12, 1) float64, expected (12,)"),
    "times as text": (made("times", lambda x: x.astype(str)), "expected (12,) numbers"),
    "times in milliseconds": (made("times", lambda x: 1000 * x), "times are in seconds: divide milliseconds by 1000"),
    "frame numbers for times": (made("times", lambda x: np.arange(T)), "frame numbers by the frame rate"),
    "colours from 0 to 1": (made("colours", lambda x: x / 255), "colours are float64, expected uint8 from 0 to 255: multiply"),
    "colours of another length": (made("colours", lambda x: x[:-1]), "colours have shape (11, 63, 3), expected (12, 63, 3)"),
    "colours with alpha": (made("colours", lambda x: np.pad(x, ((0, 0), (0, 0), (0, 1)))), "(12, 63, 4), expected (12, 63, 3)"),
    "no colours": (lambda: clip(colours=None), "this model reads colours (r, g, b): pass colours"),
    "no face": (lambda: clip(tracked=np.zeros(T, bool)), "tracked is False everywhere"),
    "tracked of another clip": (lambda: clip(tracked=np.ones(T + 1, bool)), "tracked is (13,) bool, expected (12,)"),
    "confidences for tracked": (lambda: clip(tracked=np.linspace(0, 1, T)), "compare with a threshold"),
    "no frames": (lambda: clip(frames=None), "this model sees frames: pass frames"),
    "an empty list of frames": (lambda: clip(frames=[], frame_index=[]), "this model sees frames: pass frames"),
    "something else for frames": (lambda: clip(frames=3), "put a single image in a list"),
    "one image": (made("frames", lambda x: x[0]), "frames[0] has shape (24, 3), expected (H, W, 3)"),
    "frames from 0 to 1": (made("frames", lambda x: x / np.float32(255)), "frames[0] is float32, expected uint8"),
    "channels first": (made("frames", lambda x: x.transpose(0, 3, 1, 2)), "frames[0] has shape (3, 24, 24)"),
    "grey frames": (made("frames", lambda x: x[..., 0]), "repeat a grey one three times"),
    "frames with alpha": (made("frames", lambda x: np.pad(x, ((0, 0),) * 3 + ((0, 1),))), "leave alpha out"),
    "the second frame alone is wrong": (made("frames", lambda x: [x[0], x[1, ..., 0], x[2]]), "frames[1] has shape (24, 24)"),
    "frames of the whole picture": (made("frames", lambda x: x[:, :18]), "18 high and 24 wide, expected a square"),
    "frames without places": (lambda: clip(frame_index=None), "3 frames of 12 landmark frames"),
    "places for other frames": (lambda: clip(frame_index=[0, 5]), "frame_index is (2,) int64, expected (3,) integers"),
    "a negative place": (edited("frame_index", 1, -1), "frame_index[1] is -1, expected 0 to 11"),
    "a place behind the clip": (edited("frame_index", 2, T), "frame_index[2] is 12, expected 0 to 11"),
    "fractions for places": (made("frame_index", lambda x: x / 1), "frame_index is (3,) float64, expected (3,) integers"),
    "a mask for places": (lambda: clip(frame_index=[True, False, True]), "frame_index is (3,) bool, expected (3,) integers"),
    "two kinds of places": (lambda: clip(frame_times=[0.0, 0.1, 0.3]), "frame_index and frame_times are both given"),
    "a NaN among the frames' times": (timed([0.0, np.nan, 0.3]), "expected (3,) finite seconds"),
    "too few of the frames' times": (timed([0.0, 0.3]), "frame_times are (2,) float64, expected (3,)"),
    "frames' times in milliseconds": (timed([0, 100, 300]), "frame_times[1] is 100, expected 0 to 0.366667"),
    "an unknown expression": (lambda: clip(expression="wink"), "expression 'wink': unknown; use one of rest, smile"),
    "NumPy's arrays": (lambda: clip(return_tensors="np"), "return_tensors 'np': this processor makes PyTorch tensors"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_wrong_input_is_refused_in_one_line(wrong, sees):
    arguments, message = WRONG[wrong]
    with pytest.raises(ValueError, match=re.escape(message)) as caught:
        sees(**arguments())
    assert "\n" not in str(caught.value)


def assert_same(found: dict[str, torch.Tensor], expected: dict[str, torch.Tensor]) -> None:
    assert found.keys() == expected.keys()
    for name, tensor in expected.items():
        assert torch.equal(found[name], tensor), name


SAME = {
    "pt": lambda: clip(return_tensors="pt"),
    "lists": lambda: clip(**{name: clip()[name].tolist() for name in ("times", "tracked", "frame_index")}),
    "tensors": lambda: {name: torch.from_numpy(value) if hasattr(value, "shape") else value for name, value in clip().items()},
    "no tracked": lambda: clip(tracked=None),
    "tracked in bytes": made("tracked", lambda x: x.astype(np.uint8)),
    "a list of images": made("frames", list),
    "the frames' times": timed([0.0, 5 / 30 + 0.01, 11 / 30 + 0.02]),
}


@pytest.mark.parametrize("way", SAME)
def test_the_same_clip_given_in_another_way_is_the_same_input(way, sees):
    assert_same(sees(**SAME[way]()), sees(**clip()))


def test_untracked_frames_may_hold_whatever_is_finite_and_their_images_do_not_count(sees):
    landmarks, tracked = clip()["landmarks"], np.arange(T) != 5
    landmarks[5] = 9.0
    given = sees(**clip(landmarks=landmarks, tracked=tracked))
    assert given["frame_mask"].tolist() == [[True, False]]
    assert all(torch.isfinite(value).all() for value in given.values())


def test_two_frames_are_enough_and_frames_are_not_looked_at_where_the_model_is_blind():
    blind = processor(demo_config(model__vision_kind="none", **HEAD_FREE), features=("x", "dx"), **STANDARD)
    short = {name: clip()[name][:2] for name in ("landmarks", "times")}
    given = blind(**clip(**short, colours=None, tracked=None, frames=3, frame_index=None))
    assert given["trajectory"].shape[-1] == 2
    assert torch.isfinite(given["trajectory"]).all()
    assert "frames" not in given


def test_eyes_in_one_place_are_no_face():
    head_free = processor(demo_config(**HEAD_FREE), **STANDARD)
    with pytest.raises(ValueError, match="both eyes of the neutral face are in one place"):
        head_free(**clip(landmarks=np.zeros((T, 63, 3), np.float32)))
