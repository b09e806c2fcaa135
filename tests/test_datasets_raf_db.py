"""RAF-DB: codes to words, folds, and lines that are not as they should be."""

import pytest

from input_pipeline.datasets import raf_db
from input_pipeline.errors import UserError


@pytest.fixture
def root(tmp_path):
    raf_db.make_fixture(tmp_path)
    return tmp_path


def test_codes_are_words_in_their_order_and_folds_are_the_authors(root):
    (root / "basic/EmoLabel/list_patition_label.txt").write_text("train_00001.jpg 1\ntrain_00002.jpg 5\ntest_00001.jpg 7\n")
    items = list(raf_db.items(root))
    assert [item.targets["emotion"] for item in items] == ["surprise", "sadness", "neutral"]
    assert [item.folds["official"] for item in items] == ["train", "train", "test"]
    assert items[0].path == root / "basic/Image/aligned/train_00001_aligned.jpg"


@pytest.mark.parametrize(
    "line", ["train_00001.jpg 8", "train_00001.jpg 0", "train_00001.jpg", "x.jpg 3", "train_../../x.jpg 3"]
)
def test_a_wrong_line_is_told_with_its_number(root, line):
    (root / "basic/EmoLabel/list_patition_label.txt").write_text(f"train_00002.jpg 1\n{line}\n")
    with pytest.raises(UserError, match=r"list_patition_label\.txt line 2: "):
        list(raf_db.items(root))
