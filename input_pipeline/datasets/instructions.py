"""One's own instruction data: videos or pictures, with questions and answers in LLaVA's or ShareGPT's JSON."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from input_pipeline.datasets.about import About
from input_pipeline.datasets.fixtures import write_picture, write_video
from input_pipeline.datasets.frames import find_frames
from input_pipeline.datasets.tables import inside
from input_pipeline.errors import UserError
from input_pipeline.extract.item import Item
from input_pipeline.extract.pictures import SUFFIXES
from input_pipeline.instruction_json import read_rows, to_row, write_rows
from input_pipeline.records import UNPOSED

FPS = 25.0  # ours: lists of pictures say no rate, unless their row has our `fps`

ABOUT = About(
    name="instructions",
    title="instruction data of your own",
    content="Videos or pictures with questions and answers, in the JSON of LLaVA, ShareGPT, VideoLLaMA and their like",
    labels={},
    masked="",
    splits="none of its own; default: by a row's `subject`, else its medium, at random: none of these is in two folds",
    layout=("NAME.json or NAME.jsonl (one or several)", "media as the rows name them, below the root"),
    citation="your own",
    terms="your own",
    obtain="put the JSON files and the media into one folder",
    certainty="keys as the public code of LLaVA, VideoLLaMA and LLaMA-Factory reads them; that several pictures are the frames "
    "of one clip, and their rate and `subject`, is ours",
)


def items(root: Path) -> Iterator[Item]:
    """A clip for each row.

    Raises:
      UserError: no JSON file there, a row is not as it should be, or none of the media is there.
    """
    rows = list(_items(root))
    if not any(item.path.exists() for item in rows):
        raise UserError(f"{root}: none of {len(rows)} media is there, such as {rows[0].path}: put them where the rows say")
    yield from rows


def _items(root: Path) -> Iterator[Item]:
    files = sorted(path for path in root.glob("*.json*") if path.suffix in (".json", ".jsonl"))
    if not files:
        raise UserError(f"{root}: no .json or .jsonl file there; to obtain it: {ABOUT.obtain}")
    for file in files:
        for row in read_rows(file):
            media = tuple(inside(row.where, root, path) for path in row.media)
            pictures = media if media[0].suffix.lower() in SUFFIXES else find_frames(media[0])
            yield Item(
                path=media[0],
                pictures=pictures,
                fps=row.fps or FPS,
                key=f"{file.name}/{row.key}",
                subject=row.subject or str(media[0].relative_to(root)),
                expression=UNPOSED,
                turns=row.turns,
            )


def make_fixture(root: Path, seed: int = 0) -> None:
    """A set of 12 rows in both shapes: videos, stills, lists of pictures."""
    asked = [{"role": "user", "content": "What moves?"}, {"role": "assistant", "content": "The mouth opens, number {}."}]
    rows = []
    for k in range(12):
        turns = [{**turn, "content": turn["content"].format(k)} for turn in asked]
        if k % 3 == 0:
            write_video(root / "media" / f"{k}.mp4", 64, 64, frames=6, fps=25, seed=seed + k)
            rows.append(to_row(f"r{k}", [], turns) | {"video": f"media/{k}.mp4"})
        elif k % 3 == 1:
            write_picture(root / "media" / f"{k}.jpg", 64, 64, seed=seed + k)
            rows.append({"id": f"r{k}", "image": f"media/{k}.jpg", "messages": turns})
        else:
            for frame in range(3):
                write_picture(root / "media" / f"{k}_{frame}.png", 32, 32, seed=seed + k, openness=0.3 * frame)
            rows.append(to_row(f"r{k}", [f"media/{k}_{frame}.png" for frame in range(3)], turns))
    write_rows(root / "part1.json", rows[:6])
    write_rows(root / "part2.jsonl", rows[6:])
