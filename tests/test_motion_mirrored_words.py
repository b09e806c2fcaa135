"""Left for right and right for left, and nothing else."""

from input_pipeline.motion.mirrored_words import swap_sides


def test_sides_are_swapped_as_words_with_their_case():
    assert swap_sides("Left of the RIGHT brow, rightward") == "Right of the LEFT brow, leftward"
    assert swap_sides("bright, leftover") == "bright, leftover"
    assert swap_sides(swap_sides("The left eye, the right eye.")) == "The left eye, the right eye."
