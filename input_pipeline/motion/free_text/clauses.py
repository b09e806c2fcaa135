"""Tags of a sentence to its statements: one piece of the sentence for each thing that is said.

A sentence is cut at its conjunctions and commas into chunks. A chunk with a head, a word that says how something is, makes a
statement; chunks without one go to the statement that they belong to.
"""

from __future__ import annotations

import dataclasses

from input_pipeline.motion.free_text.tagging import Tag

# Kinds that say how something is.
_HELD = ("held", "sustained", "maintained", "kept up", "lasting")
_HEADS = """level is finding number trace less more weaker stronger seldom often apart closed open letgo atonce constant
    strongadj time also meet long same drop"""
HEADS = frozenset(_HEADS.split())
# What moves or is done, which a negation can deny.
DENIABLE = frozenset(["move", "attr", "close", "opening", "task", "narrow"])
_ELLIPTIC = {"neg", "mild", "strong", "side", "region", "prep", "only", "be"}
SUBJECTS = DENIABLE | {"region", "side", "former", "latter", "foreign", "be"}


@dataclasses.dataclass
class Chunk:
    """The tags between two cuts.

    Attributes:
      tags: in order.
      cut: strength of the cut before it, 1 to 3.
      word: that cut.
      headed: whether it says how something is.
    """

    tags: list[Tag]
    cut: int
    word: str
    headed: bool = False


@dataclasses.dataclass
class Statement:
    """The chunks that together say one thing.

    Attributes:
      chunks: in order.
      tags: those of all chunks.
      word: the cut before it.
    """

    chunks: list[Chunk]

    @property
    def tags(self) -> list[Tag]:
        return [tag for chunk in self.chunks for tag in chunk.tags]

    @property
    def word(self) -> str:
        return self.chunks[0].word


def statements_of(tags: list[Tag]) -> list[Statement]:
    """The statements of one sentence, in order; what is off the subject (history, plans) is left out."""
    chunks = [chunk for chunk in _chunks(tags) if chunk.tags]
    _drop_off(chunks)
    for i, chunk in enumerate(chunks):
        chunk.headed = _is_headed(chunk.tags) and not _is_heading(chunk, chunks[i + 1 :])
        chunk.headed = chunk.headed or (is_elliptic(chunk.tags) and any(before.headed for before in chunks[:i]))
    return _group(chunks)


def _is_heading(chunk: Chunk, following: list[Chunk]) -> bool:
    """ "Jaw tremor: none", where the finding is only named before its level."""
    only_named = all(tag.kind == "finding" or tag.name == "symmetry:normal" for tag in chunk.tags if tag.kind in HEADS)
    return bool(following) and following[0].word in (":", "–") and only_named and _is_headed(following[0].tags)


def is_elliptic(tags: list[Tag]) -> bool:
    """ "But not of the lips", "moderately on the right": the level is the one before."""
    kinds = {tag.kind for tag in tags}
    return bool(kinds & {"neg", "mild", "strong"} and kinds & {"side", "region"}) and kinds <= _ELLIPTIC


def _chunks(tags: list[Tag]) -> list[Chunk]:
    chunks = [Chunk([], 3, "")]
    for i, tag in enumerate(tags):
        if tag.kind in ("cut", "comma", "colon"):
            if (
                0 < i < len(tags) - 1
                and tags[i - 1].kind == tags[i + 1].kind == "number"
                and tags[i + 1].start - tags[i - 1].stop == 1
            ):
                continue
            strength = {"comma": 2, "colon": 1}.get(tag.kind) or int(tag.name)
            if chunks[-1].tags:
                chunks.append(Chunk([], strength, tag.text))
            else:
                last = chunks[-1]
                last.cut, last.word = max(last.cut, strength), tag.text if tag.kind == "cut" else last.word or tag.text
        else:
            chunks[-1].tags.append(tag)
    return chunks


def _drop_off(chunks: list[Chunk]) -> None:
    """Empties chunks that speak of another time, of wishes or of what could not be seen, and what led up to them."""
    for i, chunk in enumerate(chunks):
        kinds = {tag.kind for tag in chunk.tags}
        if not kinds & {"off", "if"} and not ("general" in kinds and not kinds & {"than", "ref"}):
            continue
        for k in range(i, -1, -1):
            if k < i and (_is_headed(chunks[k].tags) or chunks[k + 1].cut > 2):
                break
            chunks[k].tags = [tag._replace(kind="was") for tag in chunks[k].tags if tag.kind in ("region", "task")]


def _is_headed(tags: list[Tag]) -> bool:
    for i, tag in enumerate(tags):
        if tag.kind in HEADS and _counts(tag, tags):
            return True
        if tag.kind == "neg" and any(other.kind in DENIABLE for other in tags):
            return True
        if tag.kind == "only" and i + 1 < len(tags) and tags[i + 1].kind == "side":
            return True
        # "The smile is held" says that it is; "sustained eye closure" only names it.
        if (
            tag.name == "hold"
            and tag.text in _HELD
            and (i == 0 == len(tags) - 1 or any(other.kind == "be" for other in tags[:i]))
        ):
            return True
        if tag.kind == "mild" and any(other.kind in ("move", "close") for other in tags[i - 1 : i] + tags[i + 1 : i + 2]):
            return True
    return False


def _counts(tag: Tag, tags: list[Tag]) -> bool:
    if tag.kind == "drop":
        return not any(other.name == "jaw" for other in tags) and any(other.kind in ("early", "atonce") for other in tags)
    if tag.kind == "letgo":
        return any(other.kind in ("early", "atonce", "time") for other in tags)
    if tag.kind == "closed":
        return not any(other.name == "eye" for other in tags) or tag.text != "closed"
    return True


def _group(chunks: list[Chunk]) -> list[Statement]:
    statements: list[Statement] = []
    loose: list[Chunk] = []
    for chunk in chunks:
        if not chunk.headed:
            loose.append(chunk)
            continue
        split = _split(loose, chunk) if statements else 0
        if split:
            statements[-1].chunks.extend(loose[:split])
        statements.append(Statement([*loose[split:], chunk]))
        loose = []
    if loose and statements:
        statements[-1].chunks.extend(loose)
    elif loose:
        statements.append(Statement(loose))
    return statements


def _split(loose: list[Chunk], head: Chunk) -> int:
    """How many of the headless chunks between two heads belong to the first."""
    if not loose:
        return 0
    cuts = [chunk.cut for chunk in (*loose, head)]
    strongest = max(cuts)
    if strongest < 3 and not _has_subject(head):
        return len(loose)
    return cuts.index(strongest)


def _has_subject(chunk: Chunk) -> bool:
    for tag in chunk.tags:
        if tag.kind in SUBJECTS:
            return True
        if tag.kind in HEADS or tag.kind == "neg":
            return False
    return False
