"""Official folds as splits: ours has three, most data sets have two."""

from __future__ import annotations

import hashlib

OFFICIAL = "official"
_VALIDATION = 10  # of 100 people of the training fold (ours)


def official_folds(fold: str, subject: str, name: str = "") -> dict[str, str]:
    """Split name -> fold, for `Item.folds`: the authors' own split, and one with a validation fold out of its training fold.

    Which people go there follows from a hash of their name: the same in every copy, whatever else is in it.

    Args:
      fold: the authors': train, validation or test.
      subject: whoever must not be in two folds.
      name: of one of several official splits, "fold1"; empty for the only one, whose other form is "default".
    """
    rank = int(hashlib.sha256(subject.encode()).hexdigest(), 16) % 100
    drawn = "validation" if fold == "train" and rank < _VALIDATION else fold
    return {f"{OFFICIAL}_{name}" if name else OFFICIAL: fold, name or "default": drawn}
