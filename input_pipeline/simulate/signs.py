"""Hidden severity -> the signs that a rater would see. Every number here is ours; none is a clinical norm.

A clip has a severity s in [0, 4]. Each sign k has an impairment u_k = s + n_k, and its visible value is a monotone function
of u_k. The noise n is how a person and a performance spread the same severity over the signs; its weighted sum nearly
cancels (`PHENOTYPE_BALANCE`), so that one sign says little, and all of them together say nearly everything.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from input_pipeline.records import EXPRESSIONS
from input_pipeline.simulate.face import Identity

# Severity of the subjects: 4 * Beta(a, b), a little more of the lower grades, as in a clinic.
SEVERITY_BETA = (1.1, 1.45)
# What one expression and one performance add to the subject's severity (standard deviations).
EXPRESSION_SPREAD = 0.25
CLIP_SPREAD = 0.2
# The rated grade is round(s + error).
RATER_SPREAD = 0.37
# Share of the weighted sum of the noise that is taken out; 1 would make the signs determine the severity exactly.
PHENOTYPE_BALANCE = 0.85
# Beyond this range of impairment, signs do not change.
IMPAIRMENT_RANGE = (-1.0, 5.5)


@dataclasses.dataclass(frozen=True)
class Sign:
    """How one sign follows its impairment u.

    Attributes:
      shape: "decay": healthy * exp(-rate * u); "step": from `healthy` to `severe`, logistic around u = `middle`.
      healthy: value of an unimpaired face (decay: at u = 0; step: the end far below `middle`).
      rate: per unit of u (decay), or steepness of the logistic.
      severe: the other end (step only).
      middle: where the logistic is half way (step only).
      noise: standard deviations of n_k between subjects and between clips.
      weights: how much of the severity the sign carries in each expression, in the order of EXPRESSIONS.
    """

    shape: str
    healthy: float
    rate: float
    noise: tuple[float, float]
    weights: tuple[float, float, float, float, float]
    severe: float = 0.0
    middle: float = 0.0

    def value(self, impairment: float) -> float:
        """The visible sign; see `SIGNS` for the unit."""
        u = float(np.clip(impairment, *IMPAIRMENT_RANGE))
        if self.shape == "decay":
            return self.healthy * float(np.exp(-self.rate * u))
        return self.healthy + (self.severe - self.healthy) / (1.0 + float(np.exp(-self.rate * (u - self.middle))))


# Weights: rest, smile, frown, squeeze, clench.
SIGNS = {
    # Of the task's movement (at rest: of small spontaneous movements of the mouth), relative to the person's healthy one.
    "amplitude": Sign("decay", 1.15, 0.34, (1.1, 0.7), (0.20, 0.20, 0.20, 0.20, 0.20)),
    # Of neighbouring regions that a healthy movement recruits (at rest: small spontaneous movements of brows and lids).
    "coactivation": Sign("step", 1.3, 0.65, (1.1, 0.7), (0.24, 0.24, 0.24, 0.24, 0.24), severe=0.03, middle=2.0),
    # Depth of the skin folds under contraction.
    "fold": Sign("step", 1.3, 0.65, (1.3, 0.8), (0.38, 0.38, 0.38, 0.38, 0.38), severe=0.0, middle=2.0),
    # Seconds from neutral to the apex.
    "rise_time": Sign("decay", 0.24, -0.27, (1.3, 1.0), (0.02, 0.05, 0.05, 0.05, 0.05)),
    # Share of the amplitude lost by the end of the hold.
    "sag": Sign("step", 0.0, 1.1, (1.2, 0.9), (0.0, 0.07, 0.07, 0.07, 0.07), severe=0.8, middle=2.2),
    # Depth of the halts in the onset: 1 stops the movement.
    "hesitation": Sign("step", 0.0, 1.2, (1.3, 1.0), (0.0, 0.03, 0.03, 0.03, 0.03), severe=0.98, middle=2.0),
    # Share by which the weaker side falls behind the stronger one.
    "asymmetry": Sign("step", 0.0, 0.9, (1.4, 0.7), (0.02, 0.03, 0.03, 0.03, 0.03), severe=0.7, middle=2.5),
    # Blinks per minute, and how far a blink closes the eye.
    "blink_rate": Sign("decay", 30.0, 0.42, (1.2, 0.8), (0.07, 0.03, 0.03, 0.0, 0.03)),
    "blink_closure": Sign("step", 1.0, 1.2, (1.2, 0.8), (0.04, 0.0, 0.0, 0.0, 0.0), severe=0.3, middle=3.0),
    # Share of the time with the lips apart at rest; the gap grows with it.
    "lip_parting": Sign("step", 0.0, 2.2, (1.0, 0.5), (0.07, 0.02, 0.02, 0.03, 0.02), severe=1.0, middle=3.1),
    # Amplitude of the 4-6 Hz tremor of the lower lip and jaw, in units of length of the face.
    "tremor": Sign("step", 0.0, 1.3, (1.3, 0.7), (0.02, 0.01, 0.01, 0.02, 0.01), severe=0.016, middle=2.6),
}

# The healthy amplitude of a person's movement: exp(sum of coefficient * standard score of the face's proportion). A face with
# a wide mouth moves its corners further; what counts is the movement relative to this.
HEALTHY_AMPLITUDE = {
    "rest": {"mouth_width": 0.16, "lip_thickness": -0.16},
    "smile": {"mouth_width": 0.22, "lip_thickness": -0.20, "face_width": 0.08},
    "frown": {"brow_height": 0.24, "eye_spacing": 0.18, "brow_arch": 0.06},
    "squeeze": {"eye_size": 0.24, "brow_height": -0.18},
    "clench": {"mouth_width": 0.24, "lip_thickness": -0.18, "jaw_width": 0.06},
}


@dataclasses.dataclass(frozen=True)
class Movement:
    """What a posed expression moves in a healthy average face, as activations of units.UNITS.

    Names without a side stand for both sides. Folds are those of skin.FOLDS, at full contraction.
    """

    primary: dict[str, float]
    coactivation: dict[str, float]
    folds: dict[str, float]


MOVEMENTS = {
    "smile": Movement(
        primary={"smile": 1.0},
        coactivation={"cheek": 0.9, "nose_wrinkle": 0.45, "raise": 0.22},
        folds={"nasolabial": 1.0, "crows_feet": 0.9, "lower_lid": 0.8},
    ),
    "frown": Movement(
        primary={"frown": 1.0},
        coactivation={"cheek": 0.7, "nose_wrinkle": 0.7, "chin_raise": 0.6},
        folds={"glabella": 1.0, "lower_lid": 0.5},
    ),
    "squeeze": Movement(
        primary={"close": 1.15, "cheek": 0.5},
        coactivation={"frown": 0.7, "nose_wrinkle": 0.8, "smile": 0.3},
        folds={"crows_feet": 1.0, "lower_lid": 0.8, "glabella": 0.6},
    ),
    "clench": Movement(
        primary={"clench": 1.0},
        coactivation={"chin_raise": 0.8, "frown": 0.35, "cheek": 0.5},
        folds={"mouth_corner": 1.0, "chin": 1.0, "nasolabial": 0.4},
    ),
}
# At rest: small spontaneous movements. Those of the mouth follow "amplitude", those of brows and lids "coactivation".
SPONTANEOUS_MOUTH = ({"smile": 0.36}, {"clench": 0.55}, {"depress": 0.55}, {"chin_raise": 0.6})
SPONTANEOUS_UPPER = ({"raise": 0.38}, {"frown": 0.45}, {"cheek": 0.55})
SPONTANEOUS_FOLDS = (
    {"mouth_corner": 0.9, "nasolabial": 0.9, "chin": 0.9},
    {"glabella": 1.0, "forehead": 1.0, "lower_lid": 0.9},
)
# Part of a fold's depth that is there without contraction.
RESTING_FOLD = 0.3


@dataclasses.dataclass(frozen=True)
class Nuisance:
    """What is not severity: recording, head, tracker. Ranges are uniform, spreads are standard deviations.

    Lengths are in units of the face (about 63 mm), angles in degrees.
    """

    fps: tuple[float, float] = (20.0, 30.0)
    seconds: tuple[float, float] = (3.5, 5.5)
    time_jitter: float = 0.08  # of a frame's duration
    wait: tuple[float, float] = (0.35, 0.8)  # seconds from the start of the last 128 frames to the onset
    release: tuple[float, float] = (0.5, 0.85)  # seconds from the end of the command to the end of the clip
    head_angle: tuple[float, float, float] = (7.0, 8.0, 4.0)  # pitch, yaw, roll: of the clip
    head_drift: tuple[float, float, float] = (1.8, 2.5, 1.2)  # the same, slowly within the clip
    head_effort: tuple[float, float, float] = (2.5, 2.5, 1.2)  # the same, with the task's movement
    sway: float = 0.04
    lean: float = 0.02  # relative change of size within the clip
    camera_distance: tuple[float, float] = (7.0, 16.0)
    depth_scale: tuple[float, float] = (0.75, 1.15)  # what the tracker makes of z
    white_jitter: tuple[float, float] = (0.003, 0.007)
    slow_jitter: tuple[float, float] = (0.004, 0.009)
    depth_jitter: float = 2.5  # z against x and y
    coherent_jitter: tuple[float, float] = (0.01, 0.03)  # activations that the tracker imagines
    restless: float = 0.02  # activations that mean nothing
    swallow: float = 0.35  # probability of one unrelated movement of mouth and chin
    dropout: float = 0.3  # probability of a run of untracked frames
    dropout_frames: tuple[int, int] = (2, 7)
    colour_noise: float = 3.0  # of 255
    age_lines: float = 0.2  # mean depth of folds that do not move


NUISANCE = Nuisance()


@dataclasses.dataclass(frozen=True)
class Subject:
    """What a subject brings to every clip.

    Attributes:
      severity: in [0, 4].
      worse_side: -1 right, +1 left.
      noise: the subject's share of n, in the order of SIGNS.
      expression_offset: added severity, in the order of EXPRESSIONS.
    """

    severity: float
    worse_side: float
    noise: np.ndarray
    expression_offset: np.ndarray


def sample_subject(rng: np.random.Generator) -> Subject:
    """Draws a subject's severity and how it spreads over the signs."""
    spreads = np.array([sign.noise[0] for sign in SIGNS.values()])
    return Subject(
        severity=float(4.0 * rng.beta(*SEVERITY_BETA)),
        worse_side=float(rng.choice((-1.0, 1.0))),
        noise=spreads * rng.standard_normal(len(SIGNS)),
        expression_offset=EXPRESSION_SPREAD * rng.standard_normal(len(EXPRESSIONS)),
    )


def sample_signs(subject: Subject, expression: str, rng: np.random.Generator) -> dict[str, float]:
    """The hidden truth of one clip: "severity", one number for each of SIGNS, and "worse_side"."""
    which = EXPRESSIONS.index(expression)
    offset = subject.expression_offset[which] + CLIP_SPREAD * rng.standard_normal()
    severity = float(np.clip(subject.severity + offset, 0.0, 4.0))
    spreads = np.array([sign.noise[1] for sign in SIGNS.values()])
    noise = subject.noise + spreads * rng.standard_normal(len(SIGNS))
    weights = np.array([sign.weights[which] for sign in SIGNS.values()])
    noise = noise - PHENOTYPE_BALANCE * weights * (weights @ noise) / (weights @ weights)
    signs = {name: sign.value(severity + n) for (name, sign), n in zip(SIGNS.items(), noise, strict=True)}
    return {"severity": severity, **signs, "worse_side": subject.worse_side}


def rated_grade(severity: float, rng: np.random.Generator) -> float:
    """One rater's grade, 0 to 4."""
    return float(np.clip(np.round(severity + RATER_SPREAD * rng.standard_normal()), 0.0, 4.0))


def healthy_amplitude(identity: Identity, expression: str) -> float:
    """Factor of a person's healthy movement against the average face's."""
    return float(np.exp(sum(c * identity.shape[name] for name, c in HEALTHY_AMPLITUDE[expression].items())))
