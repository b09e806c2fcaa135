"""Tags before they are cut into statements: occasions, topics and sides that are only set apart are taken out."""

from __future__ import annotations

from input_pipeline.motion.free_text.subjects import EXPRESSION, OTHER, Carried
from input_pipeline.motion.free_text.tagging import Tag


def without_occasions(tags: list[Tag], carried: Carried) -> list[Tag]:
    """Without "when asked to smile", "on smiling", "during the task": they name the task and state nothing."""
    kept: list[Tag] = []
    tags = _without_topic(_with_one_side(tags))
    occasion = False
    named = False
    for t in tags:
        if t.kind == "task":
            after = kept and kept[-1].kind == "prep" and kept[-1].stop == t.start
            carried.task = EXPRESSION[t.name] if occasion or after or t.name == "rest" or carried.task is None else carried.task
        if t.kind == "context":
            occasion, named = True, False
        elif (occasion and t.kind in ("cut", "comma", "colon")) or (occasion and named and t.kind in ("side", "region")):
            occasion = False
        named = named or t.kind == "task"
        if not occasion or t.kind in ("number", "time", "early", "ref"):
            kept.append(t)
    kept = _with_standard([t for t in kept if (t.kind, t.name) != ("task", "rest")])
    if not any(t.kind in ("region", "task") for t in kept) and (
        named_in := [t.name for t in tags if t.kind == "task" and t.name != "rest"]
    ):
        carried.regions, carried.fresh, carried.foreign = (named_in[-1],), False, False
    return kept


def _with_standard(tags: list[Tag]) -> list[Tag]:
    """ "As wide as normal" is a level of its own: normal, but not after "half" and not after "not"."""
    kept: list[Tag] = []
    for t in tags:
        last = kept[-1] if kept else None
        if last and last.kind == "same" and last.stop == t.start and (t.kind == "standard" or t.name == "normal"):
            part = any(other.kind == "number" and last.start - other.stop <= 1 for other in kept)
            kept[-1] = last._replace(kind="ref", name="") if part else last._replace(kind="level", name="normal")
            continue
        kept.append(t)
    return kept


def _with_one_side(tags: list[Tag]) -> list[Tag]:
    """One brow is a side that is not told; "the left one" and "one sees" are none."""
    regions = {t.start for t in tags if t.kind == "region"}
    one = [t._replace(kind="side") if t.kind == "one" and t.stop in regions else t for t in tags]
    return [t._replace(name="one") if t.kind == "side" and t.text == "one" else t for t in one if t.kind != "one"]


def _without_topic(tags: list[Tag]) -> list[Tag]:
    """Without "as for the lower face," where the sentence goes on to name a region of its own."""
    if not tags or tags[0].kind != "topic":
        return tags
    stop = next((i for i, t in enumerate(tags) if t.kind == "comma"), 0)
    return tags[stop:] if any(t.kind in ("region", "task") for t in tags[stop:]) else tags


def not_this_side(tags: list[Tag]) -> tuple[list[Tag], str]:
    """Takes "not the left but" and ", not the left," out, and returns that side."""
    for i, t in enumerate(tags):
        if t.kind != "neg" or i + 1 >= len(tags) or tags[i + 1].name not in OTHER or tags[i + 1].start != t.stop:
            continue
        stop = i + 2 + (i + 2 < len(tags) and tags[i + 2].kind == "region")
        ends = stop == len(tags) or tags[stop].kind in ("cut", "comma")
        if ends and (i == 0 or tags[i - 1].kind in ("comma", "cut") or (stop < len(tags) and tags[stop].text == "but")):
            return tags[:i] + tags[stop + (stop < len(tags)) :], tags[i + 1].name
    return tags, ""


def with_each_level(tags: list[Tag]) -> list[Tag]:
    """ "Markedly and mildly reduced" with the level after each."""
    degrees = ("strong", "mild")
    for i in range(len(tags) - 3):
        one, by, two, told = tags[i : i + 4]
        if (
            one.kind in degrees
            and by.kind == "cut"
            and two.kind in degrees
            and told.kind == "level"
            and two.start - one.stop == 1
        ):
            return [*tags[: i + 1], told, *tags[i + 1 :]]
    return tags
