"""The hand-written sentences are annotated in the closed vocabulary, and stay in the halves that they were drawn into."""

import collections
import json
import pathlib
import random

import pytest

from input_pipeline.motion.facts import ATTRIBUTES, LEVELS, REGIONS_OF_FACTS, SIDES, Fact

ROWS = [
    json.loads(line)
    for line in (pathlib.Path(__file__).parent / "data" / "free_text_facts.jsonl").read_text("utf-8").splitlines()
]
KINDS = {"plain", "telegraphic", "negation", "comparison", "number", "multiple", "hedge", "lay", "none"}
HALVES = ("development", "held_out")


def facts_of(row):
    return [Fact(**fact) for fact in row["facts"]]


def sides_of(fact):
    if fact.region == "global":
        return {"none"}
    if fact.region in ("lips", "jaw") or fact.attribute == "rate":
        return {"both"}
    if fact.attribute == "symmetry":
        return {"both"} if fact.level == "normal" else {"left", "right", "none"}
    return {"left", "right", "both"}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["id"])
def test_every_fact_is_one_that_the_vocabulary_can_say(row):
    assert set(row) == {"id", "text", "facts", "half", "kind"}
    for fact in facts_of(row):
        attribute = ATTRIBUTES[fact.attribute]
        assert fact.region in attribute.regions
        assert fact.level in attribute.levels
        assert fact.side in sides_of(fact)
        if fact.value is not None:
            assert fact.unit == attribute.unit
            assert fact.value == round(fact.value, attribute.decimals) >= 0


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["id"])
def test_no_sentence_says_two_things_of_one_side(row):
    said = collections.defaultdict(set)
    for fact in facts_of(row):
        said[fact.region, fact.attribute].add(fact.side)
    assert sum(map(len, said.values())) == len(row["facts"])
    assert not [sides for sides in said.values() if len(sides) > 1 and sides & {"both", "none"}]


def test_ids_and_texts_are_unique():
    assert len({row["id"] for row in ROWS}) == len(ROWS)
    assert len({" ".join(row["text"].casefold().split()) for row in ROWS}) == len(ROWS)


def test_the_set_is_large_and_covers_the_vocabulary():
    assert len(ROWS) >= 150
    assert {row["kind"] for row in ROWS} == KINDS
    assert all((row["kind"] == "none") == (not row["facts"]) for row in ROWS)
    facts = [fact for row in ROWS for fact in facts_of(row)]
    for words, of in (
        (REGIONS_OF_FACTS, lambda fact: fact.region),
        (SIDES, lambda fact: fact.side),
        (ATTRIBUTES, lambda fact: fact.attribute),
        (LEVELS, lambda fact: fact.level),
    ):
        counts = collections.Counter(map(of, facts))
        assert min(counts[word] for word in words) >= 4


def test_each_kind_is_cut_in_half():
    counts = collections.Counter((row["kind"], row["half"]) for row in ROWS)
    assert {half for _, half in counts} == set(HALVES)
    for kind in KINDS:
        assert abs(counts[kind, "development"] - counts[kind, "held_out"]) <= 1
    assert abs(sum(1 if row["half"] == "held_out" else -1 for row in ROWS)) <= 1


def test_the_halves_are_those_of_the_stated_rule():
    """So that no sentence changes sides after an extractor has been tried on it."""
    generator = random.Random(20250611)
    order = []
    for kind in sorted(KINDS):
        ids = sorted(row["id"] for row in ROWS if row["kind"] == kind)
        generator.shuffle(ids)
        order += ids
    assert {row["id"]: row["half"] for row in ROWS} == {name: HALVES[turn % 2] for turn, name in enumerate(order)}
