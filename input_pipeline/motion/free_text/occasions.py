"""Tags before they are cut into statements: occasions, topics and sides that are only set apart are taken out."""

from __future__ import annotations

from input_pipeline.motion.free_text.clauses import HEADS
from input_pipeline.motion.free_text.subjects import EXPRESSION, OTHER, Carried
from input_pipeline.motion.free_text.tagging import Tag

# The region of what is smiled with.
_REGION = {"mouth": "mouth_corner"}


def without_occasions(tags: list[Tag], carried: Carried) -> list[Tag]:
    """Without "when asked to smile", "on smiling", "during the task": they name the task and state nothing."""
    kept: list[Tag] = []
    tags = _before_the_other(_without_topic(_with_one_side(tags)))
    occasion = False
    task: Tag | None = None
    for i, t in enumerate(tags):
        if t.kind == "task":
            after = kept and kept[-1].kind == "prep" and kept[-1].stop == t.start
            carried.task = EXPRESSION[t.name] if occasion or after or t.name == "rest" or carried.task is None else carried.task
        if t.kind == "context" or _is_while_doing(tags, i):
            occasion, task = True, None
        elif occasion and (t.kind in ("cut", "comma", "colon") or _is_new_subject(t, task)):
            occasion = False
        task = t if t.kind == "task" else task
        if not occasion or t.kind in ("number", "time", "early", "ref"):
            kept.append(t)
    kept = _with_standard(_with_opening([t for t in kept if (t.kind, t.name) != ("task", "rest")]))
    named_in = [t for t in tags if t.kind in ("region", "task") and t.name != "rest"]
    if named_in and not any(t.kind in ("region", "task") for t in kept):
        last = max(named_in, key=lambda t: (t.kind == "region", t.start))
        carried.regions, carried.fresh, carried.foreign = (_REGION.get(last.name, last.name),), False, False
    elif carried.fresh and kept and kept[0].kind in ("attr", "level", "is") and named_in:
        # "Amplitude is normal, but speed is decreased in the smile."
        carried.ahead = _REGION.get(named_in[0].name, named_in[0].name)
    return kept


def _is_while_doing(tags: list[Tag], at: int) -> bool:
    """While smiling: an occasion, where "while the left is weak" is a statement."""
    following = tags[at + 1] if at + 1 < len(tags) else None
    return tags[at].text == "while" and following is not None and following.kind == "task" and following.start == tags[at].stop


def _is_new_subject(t: Tag, task: Tag | None) -> bool:
    """In "when smiling the left corner is weak" the corner, in "while squeezing the eyes shut" not the eyes."""
    if task is None or t.kind not in ("side", "region"):
        return False
    return not (task.name in ("eye", "jaw") and t.start == task.stop)


def _with_opening(tags: list[Tag]) -> list[Tag]:
    """To open the mouth is a movement; an open mouth is none."""
    often = any(t.kind == "time" for t in tags)
    objects = {t.start for t in tags if t.kind == "region" and t.name in ("mouth", "jaw")}
    return [t._replace(kind="opening") if t.kind == "open" and t.stop in objects and not often else t for t in tags]


def _with_standard(tags: list[Tag]) -> list[Tag]:
    """ "As wide as normal" is a level of its own: normal, but not after "half" and not after "not"."""
    kept: list[Tag] = []
    numbered = any(t.kind == "number" for t in tags)
    for t in tags:
        if t.kind == "ref" and t.text.startswith("of ") and not numbered:
            # Of normal amplitude, not 60% of normal.
            t = t._replace(kind="level", name="normal")
        last = kept[-1] if kept else None
        if (
            last
            and last.kind == "same"
            and last.stop == t.start
            and (t.kind == "standard" or t.name == "normal" or t.text.endswith("should"))
        ):
            part = any(other.kind == "number" and last.start - other.stop <= 1 for other in kept)
            kept[-1] = last._replace(kind="ref", name="") if part else _normal(last)
            continue
        kept.append(t)
    return kept


def _normal(same: Tag) -> Tag:
    return same._replace(kind="is", name=f"{same.name}:normal") if same.name else same._replace(kind="level", name="normal")


def _before_the_other(tags: list[Tag]) -> list[Tag]:
    """Before the left: earlier than the left."""
    sides = {t.start for t in tags if t.kind == "side"}
    kept = []
    for t in tags:
        if t.kind in ("before", "after") and t.stop in sides:
            t = t._replace(kind="more" if t.kind == "before" else "less", name="onset")
        kept.append(t._replace(kind="context") if t.kind == "after" else t)
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
        if any(other.kind in HEADS for other in tags[:i]):
            continue
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
