"""Whether a statement is about something that the vocabulary has no place for."""

from __future__ import annotations

from collections.abc import Sequence

from input_pipeline.motion.free_text.clauses import HEADS
from input_pipeline.motion.free_text.tagging import Tag


def is_posture(tags: Sequence[Tag]) -> bool:
    """The left corner is lower than the right."""
    kinds = {t.kind for t in tags}
    return any(t.text in ("lower", "higher") for t in tags if t.kind in ("less", "more")) and not kinds & {
        "attr",
        "move",
        "number",
    }


def is_of_others(tags: Sequence[Tag]) -> bool:
    """Whether it speaks of something outside the vocabulary, or of somebody else."""
    ours = ("region", "task", "attr", "close", "apart")
    for i, t in enumerate(tags):
        following = tags[i + 1] if i + 1 < len(tags) else None
        if t.kind == "person" and following and following.kind in (*ours, "side", "move") and following.start == t.stop:
            return True
        if t.kind != "foreign":
            continue
        before = tags[i - 1] if i else None
        if before and before.kind in ("level", "is", "finding", "apart") and t.start - before.stop <= 1:
            return True
        head = next((k for k, other in enumerate(tags) if other.kind in HEADS or other.kind == "neg"), None)
        if (
            head is not None
            and not any(other.kind in ("region", "task", "attr") for other in tags[i + 1 : head + 1])
            and i < head
        ):
            return True
        if not any(other.kind in ("region", "task") for other in tags):
            return True
    return False


def stands_alone(tags: Sequence[Tag]) -> bool:
    """Whether a statement that names no region says enough to be taken of the last one."""
    return any(
        t.kind in ("attr", "finding", "is", "side", "move", "former", "latter", "close", "apart", "number") for t in tags
    )
