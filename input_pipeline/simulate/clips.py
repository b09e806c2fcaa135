"""One simulated clip, a pure function of (seed, subject, expression, take).

Axes: T frames, K units, L=478 landmarks.
"""

from __future__ import annotations

import dataclasses
import functools

import numpy as np
import simplejpeg

from input_pipeline.motion import wording
from input_pipeline.motion.facts import facts_of
from input_pipeline.motion.kinematics import measure
from input_pipeline.records import EXPRESSIONS, Clip, Label
from input_pipeline.simulate import camera, motion, signs, skin
from input_pipeline.simulate.face import Identity, index, neutral_face, sample_identity
from input_pipeline.simulate.render import Renderer
from input_pipeline.simulate.units import UNIT, unit_fields

NAME = "simulated"
VERSION = "1"
LAYOUT = "mediapipe478"
SCALE_ID = "simulated-0-4"
# Streams of random numbers. The clip's does not depend on how many frames are drawn, nor on what the report says.
_SUBJECT, _CLIP, _PIXELS, _WORDS = 1, 2, 3, 4
# Frames are spread over what the model looks at: the last 128.
_WINDOW = 128
_JPEG_QUALITY = 88


@dataclasses.dataclass(frozen=True)
class Person:
    """What a subject keeps in every clip.

    Attributes:
      subject: severity and how it shows.
      identity, skin: shape and colours.
      neutral: (478, 3) resting landmarks.
      fields: (K, 478, 3) displacements of units.UNITS.
      normals: (1 + K, 478, 3), see skin.blended_normals.
      albedo: (478, 3) colour of the landmarks' places without light.
    """

    subject: signs.Subject
    identity: Identity
    skin: skin.Skin
    neutral: np.ndarray
    fields: np.ndarray
    normals: np.ndarray
    albedo: np.ndarray


@dataclasses.dataclass(frozen=True)
class Scene:
    """Everything about a clip before tracker and pixels.

    Attributes:
      times: (T,) seconds.
      truth: severity and signs.
      performance: what the face does.
      head: (T, 478, 3) true landmarks of a head that does not move.
      placed: (T, 478, 3) the same in camera coordinates, with head motion and perspective.
      view, crop, light: how it is filmed.
    """

    person: Person
    times: np.ndarray
    truth: dict[str, float]
    performance: motion.Performance
    head: np.ndarray
    view: camera.View
    placed: np.ndarray
    crop: camera.Crop
    light: skin.Light


@functools.lru_cache(maxsize=8)
def make_person(seed: int, subject: int) -> Person:
    """The subject of that number."""
    rng = np.random.default_rng([_SUBJECT, seed, subject])
    subject_signs = signs.sample_subject(rng)
    identity = sample_identity(rng)
    colours = skin.sample_skin(rng)
    neutral = neutral_face(identity)
    fields = unit_fields(neutral)
    resting = skin.vertex_normals(neutral)
    change = skin.vertex_normals(neutral + fields) - resting
    change[:, index("iris")] = 0.0
    normals = np.concatenate([resting[None], change])
    albedo = skin.albedo(skin.landmark_maps(), colours)
    albedo[index("iris")] = colours.iris
    return Person(subject_signs, identity, colours, neutral, fields, normals, albedo)


def make_scene(seed: int, subject: int, expression: str, rng: np.random.Generator) -> Scene:
    """Draws what happens in front of the camera."""
    person = make_person(seed, subject)
    truth = signs.sample_signs(person.subject, expression, rng)
    times = motion.sample_times(rng)
    healthy = signs.healthy_amplitude(person.identity, expression)
    performance = motion.perform(expression, truth, healthy, times, rng)
    moved = performance.activations @ person.fields.reshape(len(person.fields), -1)
    head = person.neutral + moved.reshape(len(times), *person.neutral.shape)
    view = camera.sample_view(times, performance.effort, rng)
    placed = view.project(head)
    return Scene(person, times, truth, performance, head, view, placed, camera.fixed_crop(placed), skin.sample_light(rng))


def make_clip(seed: int, subject: int, expression: str, take: int = 0, frames: int = 0, frame_size: int = 96) -> Clip:
    """Simulates one clip.

    Args:
      seed: of the data set.
      subject: number of the person, from 0.
      expression: one of records.EXPRESSIONS.
      take: number of the performance, from 0.
      frames: how many rendered frames to keep; 0 for landmarks alone.
      frame_size: their side in pixels.

    Returns:
      A clip with score, reference report and the hidden truth.
    """
    key = (seed, subject, EXPRESSIONS.index(expression), take)
    rng = np.random.default_rng([_CLIP, *key])
    scene = make_scene(seed, subject, expression, rng)
    seen = scene.crop.apply(camera.track(scene.placed, scene.person.fields, scene.times, rng))
    colours = _camera_colours(landmark_colours(scene), rng)
    tracked = camera.drop_frames(len(scene.times), rng)
    grade = signs.rated_grade(scene.truth["severity"], rng)
    last = camera.repeat_last(tracked)
    which = _frame_index(len(scene.times), frames)
    person = f"sim{seed}-{subject:04d}"
    label = Label(
        clip_id=f"{person}-{expression}-{take}",
        subject=person,
        expression=expression,
        dataset=NAME,
        score=grade,
        scale_id=SCALE_ID,
        report=_reference_report(scene, expression, np.random.default_rng([_WORDS, *key])),
        truth=scene.truth,
        source={"simulator": VERSION, "seed": seed, "subject": subject, "take": take},
    )
    return Clip(
        label=label,
        landmarks=seen.astype(np.float16)[last],
        layout=LAYOUT,
        colours=colours[last],
        times=scene.times.astype(np.float32),
        tracked=tracked,
        frames=_draw(scene, which, frame_size, np.random.default_rng([_PIXELS, *key])),
        frame_index=which,
    )


def landmark_colours(scene: Scene) -> np.ndarray:
    """(3, T, 478) float32 red, green and blue under each landmark, 0..1, before the camera's noise."""
    person, light = scene.person, scene.light
    normals = skin.blended_normals(person.normals, scene.performance.activations)
    lamp = np.einsum("tij,i->tj", scene.view.rotations, light.direction.astype(np.float32))
    cosine = np.einsum("tlc,tc->tl", normals, lamp)
    colours = skin.fold_shade(skin.landmark_maps(), scene.performance.folds)
    colours *= skin.lambert(cosine, light.ambient)
    colours *= (person.albedo * light.gain).T.astype(np.float32)[:, None, :]
    for side, iris, lid in (("right", slice(468, 473), 159), ("left", slice(473, 478), 386)):
        closed = np.clip(scene.performance.activations[:, UNIT[f"close_{side}"]], 0.0, 1.0)[:, None]
        colours[..., iris] += closed * (colours[..., lid : lid + 1] - colours[..., iris])
    return colours


def _camera_colours(colours: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    # (3, T, 478) 0..1 -> (T, 478, 3) uint8.
    noisy = camera.white_noise(colours.shape, rng)
    noisy *= np.float32(signs.NUISANCE.colour_noise)
    noisy += np.float32(255.0) * colours
    np.clip(noisy, 0.0, 255.0, out=noisy)
    return np.ascontiguousarray(noisy.astype(np.uint8).transpose(1, 2, 0))


def _reference_report(scene: Scene, expression: str, rng: np.random.Generator) -> str:
    # Without tracker and head motion: what the face did, not what was seen of it.
    measured = measure(scene.head, LAYOUT, scene.times)
    return wording.write(facts_of(measured, expression), expression, rng)


def _frame_index(count: int, frames: int) -> np.ndarray:
    first = max(0, count - _WINDOW)
    places = np.linspace(first, count - 1, min(frames, count - first)) if frames else np.zeros(0)
    return np.round(places).astype(np.int32)


def _draw(scene: Scene, which: np.ndarray, size: int, rng: np.random.Generator) -> tuple[bytes, ...]:
    if not len(which):
        return ()
    renderer = Renderer(scene, size)
    images = (renderer.frame(int(frame), rng) for frame in which)
    return tuple(simplejpeg.encode_jpeg(image, quality=_JPEG_QUALITY, colorspace="RGB") for image in images)
