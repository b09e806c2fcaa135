"""Who moves: region, side and attribute of a statement, its own or those of the statement before it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from input_pipeline.motion.facts import ATTRIBUTES, Fact
from input_pipeline.motion.free_text.clauses import Statement
from input_pipeline.motion.free_text.numbers import Number
from input_pipeline.motion.free_text.tagging import Tag

OTHER = {"left": "right", "right": "left"}
EXPRESSION = {"mouth_corner": "smile", "brow": "frown", "eye": "squeeze", "jaw": "clench", "rest": "rest"}
_UNITS = {"IOD/s": "peak_speed", "IOD": "amplitude", "/min": "rate", "s": "onset", "%/s": "decrement"}
_DEFAULT_REGION = {"rate": "eye", "duty_cycle": "lips", "closure": "eye"}


@dataclasses.dataclass
class Carried:
    """What a later statement may leave out.

    Attributes:
      regions: last named.
      side: last named with them; "both" where none was.
      attribute: last spoken of.
      attributes: what a mere level is said of: those that the last statement named, or its extent.
      sides: the last two sides or regions in the order of the text, for "the former" and "the latter".
      task: expression of the sentence.
      foreign: whether something outside the vocabulary was spoken of last.
      last: facts of the last statement that had any.
      ahead: the region that the sentence names later on, where it begins without one.
      fresh: whether the sentence has named no region yet, and does not begin with a pronoun.
    """

    regions: tuple[str, ...] = ()
    side: str = "both"
    attribute: str | None = None
    attributes: tuple[str, ...] = ()
    sides: tuple[str, ...] = ()
    task: str | None = None
    foreign: bool = False
    last: tuple[Fact, ...] = ()
    fresh: bool = True
    ahead: str = ""

    def follow(self, fact: Fact) -> None:
        """Takes a fact as the one last spoken of."""
        self.regions, self.side = (fact.region,), fact.side if fact.attribute != "symmetry" else "both"
        self.attribute, self.attributes, self.foreign, self.last = fact.attribute, (fact.attribute,), False, (fact,)


def attribute_of(statement: Statement, numbers: Sequence[Number], carried: Carried) -> list[str]:
    """The attributes that the statement is about, most often one; empty where nothing tells."""
    tags = statement.tags
    kinds = {tag.kind for tag in tags}
    names = {kind: [tag.name for tag in tags if tag.kind == kind] for kind in kinds}
    regions = names.get("region", [])
    if "rate" in names.get("attr", ()) or (not regions and carried.attribute == "rate" and _only_how_often(kinds, names)):
        return ["rate"]
    if "rateword" in kinds and not kinds & {"attr", "region", "move", "task"}:
        return ["rate"]
    for tag in tags:
        if tag.kind in ("less", "more", "same") and tag.name in ("peak_speed", "onset", "decrement", "hold"):
            return ["decrement" if "decrement" in names.get("finding", ()) else tag.name]
    for finding in ("tremor", "decrement", "symmetry", "onset"):
        if finding in names.get("finding", ()):
            return [finding]
    smaller = "less" in kinds or {"level:reduced", "level:markedly_reduced"} & {f"{tag.kind}:{tag.name}" for tag in tags}
    if "over" in names.get("time", ()) and smaller and not {"peak_speed", "hold", "onset"} & set(names.get("attr", ())):
        return ["decrement"]
    units = [numbers[int(name)].unit for name in names.get("number", ())]
    if carried.attribute == "tremor" and "IOD" in units and not kinds & {"region", "task"}:
        return ["tremor"]
    lips = bool({"lips", "mouth"} & set(regions)) or (not regions and carried.regions == ("lips",))
    if lips and (
        kinds & {"apart", "closed", "open", "meet"}
        or any(t.kind == "close" and ("mouth" not in regions or t.text == "shut") for t in tags)
    ):
        return ["duty_cycle"]
    said = names.get("is", [])
    if "symmetry:normal" in said and not _mere_manner(tags):
        return ["symmetry"]
    own = [name for name in names.get("attr", ()) if name != "amplitude"]
    dropped = "letgo" in kinds or ("drop" in kinds and "jaw" not in regions)
    kept_shut = "closed" in kinds and "eye" in (regions or carried.regions) and not lips
    if kept_shut and kinds & {"time", "early"} and not kinds & {"level", "number"}:
        return ["hold"]
    if kinds & {"opening", "open"} and "early" in kinds and "eye" in (regions or carried.regions):
        return ["hold"]
    if dropped and kinds & {"early", "atonce", "time"} and "onset" not in own:
        return ["hold"]
    if own or said:
        return _named(own, said, names, statement)
    if units and not kinds & {"region", "task"} and carried.attribute and ATTRIBUTES[carried.attribute].unit in units:
        return [carried.attribute]
    if "atonce" in kinds:
        return ["onset"]
    if {"brief", "moment"} & set(names.get("time", ())) and not kinds & {"level", "less", "trace", "apart", "closed", "open"}:
        return ["hold"]
    if "constant" in kinds:
        return ["decrement"]
    for unit in units:
        if unit in _UNITS:
            return [_UNITS[unit]]
    return _of_movement(tags, kinds, regions, names, carried)


def _only_how_often(kinds: set[str], names: dict[str, list[str]]) -> bool:
    return not kinds & {"task", "attr", "move", "is", "finding", "apart", "close"} or "rateword" in kinds


def _mere_manner(tags: Sequence[Tag]) -> bool:
    """ "Equally slow": the manner of something else."""
    return any(tag.kind == "is" and not tag.name.startswith("symmetry") for tag in tags)


def _named(own: list[str], said: list[str], names: dict[str, list[str]], statement: Statement) -> list[str]:
    spoken = [name.partition(":")[0] for name in said]
    chunks = [[tag.name for tag in chunk.tags if tag.kind == "attr"] for chunk in statement.chunks]
    listed = list(dict.fromkeys(names_of[-1] for names_of in chunks if names_of))
    if len(listed) > 1 and not said:
        return listed
    if "onset" in own or "onset" in spoken:
        return ["onset"]
    if "peak_speed" in spoken and "peak_speed" not in own and "hold" not in own:
        return ["peak_speed"]
    first = own[0] if own else spoken[0]
    return [first]


def _of_movement(
    tags: Sequence[Tag], kinds: set[str], regions: list[str], names: dict[str, list[str]], carried: Carried
) -> list[str]:
    tasks = names.get("task", [])
    of_eye = "eye" in regions or (not regions and ("eye" in tasks or (not tasks and carried.regions[:1] == ("eye",))))
    if "narrow" in kinds:
        return ["amplitude"]
    if of_eye and kinds & {"close", "closed", "open", "meet", "apart"}:
        return ["closure"]
    if not regions and not tasks and "close" in kinds and "lips" not in carried.regions:
        return ["closure"]
    if "opening" in kinds and of_eye:
        return []
    if not regions and not tasks and not kinds & {"attr", "move", "opening", "close", "open"} and carried.attributes:
        return list(carried.attributes)
    if "eye" in tasks and (not regions or "eye" in regions):
        return ["closure"]
    if kinds & {"move", "attr", "opening", "close", "open"}:
        return ["amplitude"]
    if tasks:
        return ["amplitude"]
    kept = carried.attributes[-1] if carried.attributes else None
    if kept and regions and all(region in ATTRIBUTES[kept].regions for region in regions) and kept not in ("symmetry", "rate"):
        return [kept]
    if of_eye:
        return ["closure"]
    return ["amplitude"]


def regions_of(statement: Statement, attribute: str, carried: Carried) -> list[tuple[str, Tag | None]]:
    """The regions that the attribute is said of, each with its tag where the statement names it."""
    allowed = ATTRIBUTES[attribute].regions
    named = [tag for tag in statement.tags if tag.kind == "region"]
    tasks = [tag for tag in statement.tags if tag.kind == "task" and tag.name != "rest"]
    found: dict[str, Tag | None] = {}
    for tag in named or tasks:
        found.setdefault(_meant(tag.name, attribute, statement), tag)
    if named or tasks:
        kept = {region: tag for region, tag in found.items() if region in allowed}
        if not kept and tasks:
            kept = {tag.name: tag for tag in tasks if tag.name in allowed}
        if not kept and attribute == "rate":
            return [("eye", None)]
        return list(kept.items())
    if attribute in _DEFAULT_REGION:
        return [(_DEFAULT_REGION[attribute], None)]
    return [(region, None) for region in carried.regions if region in allowed]


def _meant(region: str, attribute: str, statement: Statement) -> str:
    kinds = {tag.kind for tag in statement.tags}
    if region == "mouth":
        if attribute in ("duty_cycle", "tremor"):
            return "lips"
        return "jaw" if "opening" in kinds or ("open" in kinds and attribute != "symmetry") else "mouth_corner"
    return region


def side_of(region: str, tag: Tag | None, statement: Statement, attribute: str, carried: Carried, inherit: bool) -> str | None:
    """The side of one region of the statement; None where it cannot be told."""
    if region == "global":
        return None if any(t.kind == "side" and t.name in OTHER for t in statement.tags) else "none"
    if region in ("lips", "jaw") or attribute == "rate":
        return "both"
    if any(t.kind == "side" and t.name == "one" for t in statement.tags):
        return None
    near = [chunk for chunk in statement.chunks if tag is not None and tag in chunk.tags]
    several = sum(t.kind in ("region", "task") for t in statement.tags) > 1
    for tags in ([near[0].tags] if near and several else []) + [statement.tags]:
        if sides := named_sides(tags, carried):
            return sides[0] if len(sides) == 1 else "both"
    return carried.side if inherit else "both"


def named_sides(tags: Sequence[Tag], carried: Carried) -> list[str]:
    """The sides in the order of the text, each once; "both" only where neither is named."""
    found: list[str] = []
    for tag in tags:
        if tag.kind == "side" and tag.name == "other" and not any(t.kind == "side" and t.name == "one" for t in tags):
            last = next((side for side in reversed(found) if side in OTHER), carried.side)
            found += [OTHER[last]] if last in OTHER else []
        elif tag.kind == "side" and tag.name != "one":
            found.append(tag.name)
        elif tag.kind in ("former", "latter") and len(carried.sides) == 2:
            found.append(carried.sides[tag.kind == "latter"])
    found = list(dict.fromkeys(found))
    return [side for side in found if side in OTHER] or found
