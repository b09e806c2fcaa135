"""Links of groups of chips by their coordinates, and figures that agree with each other."""

from types import SimpleNamespace

import pytest

from input_pipeline.errors import UserError
from tramp_jax.planning.hardware import CHIPS, chip_of, links_of


def chips(*coordinates):
    return [SimpleNamespace(coords=each) for each in coordinates]


@pytest.mark.parametrize(
    ("generation", "group", "axes", "links"),
    [
        ("v5e", [(x, 0, 0) for x in range(4)], "x", 1),  # a line: a chip at its end has one link
        ("v5e", [(x, 0, 0) for x in range(16)], "x", 2),  # a ring
        ("v5e", [(x, y, 0) for x in range(4) for y in range(4)], "x+y", 2),
        ("v6e", [(x, y, 0) for x in range(16) for y in range(16)], "x+y", 4),
        ("v5p", [(x, y, z) for x in range(4) for y in range(4) for z in range(4)], "x+y+z", 6),
        ("v5p", [(1, 2, 0), (1, 2, 1)], "z", 1),
        ("v5e", [(3, 3, 0)], "none", 1),
    ],
)
def test_a_group_sends_over_the_axes_along_which_it_lies(generation, group, axes, links):
    found = links_of(chips(*group), CHIPS[generation])
    assert (found.axes, found.per_chip) == (axes, links)


def test_all_links_of_a_chip_together_are_what_the_maker_states():
    both_ways = {"v5e": (400e9, 4), "v5p": (1200e9, 6), "v6e": (800e9, 4)}
    for name, (rate, links) in both_ways.items():
        assert CHIPS[name].link_rate * links * 2 == rate


def test_a_generation_without_figures_is_one_line():
    with pytest.raises(UserError, match="no figures for v9"):
        chip_of("v9:4x4")
