"""Toronto NeuroFace: recordings of clinical facial tasks, cut into repetitions, each task rated on five scales."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from input_pipeline.datasets.about import About, require
from input_pipeline.datasets.fixtures import write_video
from input_pipeline.datasets.folds import cross_validation
from input_pipeline.datasets.tables import number, rows
from input_pipeline.errors import UserError
from input_pipeline.extract.item import Item
from input_pipeline.extract.video import SUFFIXES
from input_pipeline.records import NEUROFACE

TASKS = dict(zip(("SPREAD", "KISS", "OPEN", "BLOW", "BROW", "BIGSMILE"), NEUROFACE, strict=True))  # in names of files
SUB_SCORES = ("symmetry", "range_of_motion", "speed", "variability", "fatigue")
SCALE_ID = "neuroface-sum-of-5"
# TraMP-Former's folds, one of whose names has a space too many there. OP are people after a stroke, as S are.
PARTS = tuple(
    tuple(part.split())
    for part in (
        "N002 OP03 A009 A016 S007 N001 S002 N008 N010 N004 N012 S005",
        "A008 N011 S013 N019 A017 A014 A011 A015 OP02 A012 S011 N003",
        "A010 S008 S001 S009 N017 N007 S012 A006 A002 OP01 S006 S003",
    )
)
_PEOPLE = {name for part in PARTS for name in part}
DIAGNOSIS = {"A": "ALS", "S": "stroke", "OP": "stroke", "N": "healthy"}  # by the letters of a person's name
# Called so in what is written of it, and with one more underscore where it lies.
_CUTS = tuple(f"{folder}Toronto_NeuroFace_split{end}.csv" for folder in ("", "data/") for end in ("", "_"))
_SCORES = ("scores.csv", "data/scores.csv")
_MOST = 10.0  # of one sub-score: their range is not known to us, and a sum in its place should be noticed

ABOUT = About(
    name="toronto_neuroface",
    title="Toronto NeuroFace",
    content="36 people (11 ALS, 14 stroke, 11 healthy) at 6 tasks without speech, cut into 821 repetitions of 33 to 490 frames "
    "as TraMP-Former does; the score is the sum of the sub-scores",
    labels={"sub_scores": SUB_SCORES},
    masked="an empty sub-score is left out, and then there is no score",
    splits="fold1 to fold3: TraMP-Former's three parts of 12 people, each tested on once; default: fold1. A tenth of the "
    "people trained on is validation, in official_fold1 to official_fold3 nobody",
    layout=(
        "Toronto_NeuroFace_split.csv (of https://github.com/shuchaoduan/TraMP-Former, folder data)",
        "scores.csv with the columns File Name, symmetry, range_of_motion, speed, variability, fatigue and, where repetitions "
        "were rated one by one, repID",
        "A002_02_NSM_BLOW_color.avi in any folder, or another format of video",
    ),
    citation="Bandini, Rezaei, Guarin et al.: A New Dataset for Facial Motion Analysis in Individuals With Neurological "
    "Disorders, IEEE Journal of Biomedical and Health Informatics 25(4), 2021; cut by Duan et al., FG 2025",
    terms="research, by agreement with its authors",
    obtain="by request, https://slp.utoronto.ca/faculty/yana-yunusova/speech-production-lab/datasets/",
    certainty="people, groups and that five scales were rated are read from papers; the cuts, folds, names of videos and the "
    "sum from TraMP-Former's public files, where some repetitions overlap and are taken apart here by their numbers of frames; "
    "which letter in people's names is which group is inferred: 11 are called A, 14 S or OP, 11 N, as many as the groups have; "
    "that frames count from 1, ends included, follows from those numbers; scores.csv and where videos lie are ours, since the "
    "layout is not public",
    groups={"diagnosis": tuple(dict.fromkeys(DIAGNOSIS.values()))},
)


def items(root: Path) -> Iterator[Item]:
    """A repetition each.

    Raises:
      UserError: a file of the layout is missing, a row is not as it should be, or a recording has no scores.
    """
    cuts, scores = require(root, ABOUT, *_CUTS), _read_scores(require(root, ABOUT, *_SCORES))
    videos = _videos(root)
    for name, parts in _repetitions(cuts).items():
        subject, *words = name.split("_")
        task = next((TASKS[word] for word in words if word in TASKS), None)
        if subject not in _PEOPLE or task is None:
            raise UserError(f"{cuts}: {name!r}, expected a person and a task as in A002_02_NSM_BLOW_color: copy the file again")
        folds = cross_validation(PARTS, subject)
        for repetition, start, end in parts:
            rated = scores.get((name, repetition), scores.get((name, "")))
            if rated is None:
                raise UserError(f"{root}: no scores of {name}, repetition {repetition}: add a row to {_SCORES[0]}")
            yield Item(
                path=videos.get(name, root / f"{name}.avi"),
                start=start,
                end=end,
                key=f"{name}/{repetition}",
                subject=subject,
                expression=task,
                score=sum(rated.values()) if len(rated) == len(SUB_SCORES) else None,
                scale_id=SCALE_ID,
                targets={"sub_scores": dict(rated)},
                folds=folds,
                groups={"diagnosis": DIAGNOSIS[subject.rstrip("0123456789")]},
            )


def _videos(root: Path) -> dict[str, Path]:
    videos: dict[str, Path] = {}
    for path in sorted(path for path in root.rglob("[!.]*") if path.suffix.lower() in SUFFIXES):
        if path.stem in videos:
            raise UserError(f"{path}: a second video of that name, beside {videos[path.stem]}: keep one of them there")
        videos[path.stem] = path
    if not videos:
        require(root, ABOUT, "A002_02_NSM_BLOW_color.avi")
    return videos


def _repetitions(path: Path) -> dict[str, list[tuple[str, int, int]]]:
    """Recording -> (repetition, index of its first frame, of the one after its last), in the order of time.

    Where the published ranges of neighbours overlap, each has as many frames as its row says once the later one begins after
    the earlier one, which is cut to its number of frames: so they were cut, it seems.
    """
    found: dict[str, list[tuple[int, int, int, str]]] = {}
    for where, row in rows(path, ("File Name", "repID", "Number of Frames", "start", "end")):
        count, start, end = (_whole(where, row[name]) for name in ("Number of Frames", "start", "end"))
        if not start <= end:
            raise UserError(f"{where}: from frame {start} to {end}, expected the start before the end: copy the file again")
        found.setdefault(row["File Name"], []).append((end, start, count, row["repID"]))
    parts: dict[str, list[tuple[str, int, int]]] = {}
    for name, ranges in found.items():
        last = 0
        for end, start, count, repetition in sorted(ranges):
            first = max(start, last + 1)
            last = min(end, first + count - 1)
            if last < first:
                raise UserError(f"{path}: {name} repetition {repetition} lies within others: copy the file again")
            parts.setdefault(name, []).append((repetition, first - 1, last))
    return parts


def _whole(where: str, text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise UserError(f"{where}: {text!r}, expected a number from 1: copy the file again")
    return int(text)


def _read_scores(path: Path) -> Mapping[tuple[str, str], dict[str, float]]:
    """(recording, repetition or nothing) -> sub-score -> number."""
    scores: dict[tuple[str, str], dict[str, float]] = {}
    for where, row in rows(path, ("File Name", *SUB_SCORES)):
        key = row["File Name"], row.get("repID", "")
        if key in scores:
            raise UserError(f"{where}: a second row of {' repetition '.join(filter(None, key))}: keep one of them")
        scores[key] = {name: number(where, row[name], 0, _MOST) for name in SUB_SCORES if row[name]}
    return scores


def make_fixture(root: Path, seed: int = 0) -> None:
    """Six people at a task each, in two repetitions; one was not rated for fatigue."""
    rng = np.random.default_rng(seed)
    people = ("N002", "OP03", "A014", "S013", "A010", "A015")
    cuts, scores = ["File Name,repID,Number of Frames,start,end"], [",".join(("File Name", *SUB_SCORES))]
    for place, (subject, task) in enumerate(zip(people, TASKS, strict=True)):
        name = f"{subject}_02_NSM_{task}_color"
        write_video(root / "videos" / f"{name}.avi", 96, 128, 40, 30, seed=seed + place)
        cuts += [f"{name},2,18,22,39", f"{name},1,20,2,21"]
        scores.append(",".join((name, *map(str, rng.integers(1, 6, 4)), "" if place == 3 else "2")))
    (root / _CUTS[0]).write_text("\n".join(cuts) + "\n")
    (root / _SCORES[0]).write_text("\n".join(scores) + "\n")
