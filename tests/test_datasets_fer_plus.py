"""FER+: the majority rule, shares of votes, folds, rows that are not as they should be."""

import shutil

import pytest

from input_pipeline.datasets import fer_plus
from input_pipeline.errors import UserError
from input_pipeline.extract.pictures import Pictures

HEADER = "Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF"


@pytest.fixture
def root(tmp_path):
    fer_plus.make_fixture(tmp_path)
    return tmp_path


def read(root, *rows):
    (root / "fer2013new.csv").write_text("\n".join([HEADER, *rows]) + "\n")
    return list(fer_plus.items(root))


def targets(root, votes):
    return read(root, f"Training,fer0000000.png,{votes}")[0].targets


@pytest.mark.parametrize(
    ("votes", "emotion"),
    [
        ("6,4,0,0,0,0,0,0,0,0", "neutral"),
        ("0,0,0,0,0,0,0,10,0,0", "contempt"),
        ("0,0,10,0,0,0,0,0,0,0", "surprise"),
        ("5,5,0,0,0,0,0,0,0,0", None),  # half is no majority
        ("0,4,3,3,0,0,0,0,0,0", None),
        # Single votes are accidents: 4 of the 4 that are left, though only 4 of 10.
        ("4,1,1,1,1,1,1,0,0,0", "neutral"),
        ("1,1,1,1,1,1,1,1,1,1", None),
        ("1,0,0,0,0,0,0,0,0,0", None),
        # Whoever says "unknown" or "not a face" votes as well.
        ("4,0,0,0,0,0,0,0,6,0", None),
        ("4,0,0,0,0,0,0,0,0,6", None),
        ("0,0,0,0,5,0,0,0,3,2", None),
        ("0,0,0,0,6,0,0,0,2,2", "anger"),
        ("0,0,0,0,0,0,0,0,0,0", None),
    ],
)
def test_the_emotion_is_what_the_authors_majority_scheme_says(root, votes, emotion):
    assert targets(root, votes).get("emotion") == emotion


def test_votes_are_shares_of_the_votes_for_emotions(root):
    shares = targets(root, "6,1,0,0,1,0,0,0,2,0")["emotion_votes"]
    words = "neutral happiness surprise sadness anger disgust fear contempt"
    assert " ".join(shares) == " ".join(fer_plus.ABOUT.labels["emotion"]) == words
    assert shares["neutral"] == 6 / 8
    assert shares["happiness"] == shares["anger"] == 1 / 8
    assert sum(shares.values()) == pytest.approx(1)


@pytest.mark.parametrize("votes", ["1,0,0,0,0,0,0,0,9,0", "5,0,0,0,0,0,0,0,3,2", "0,0,0,0,0,0,0,0,0,10", "0,0,0,0,0,0,0,0,0,0"])
def test_votes_that_are_mostly_for_no_emotion_are_left_out(root, votes):
    assert targets(root, votes) == {}


def test_folds_are_the_authors_and_the_default_as_well(root):
    votes = "10,0,0,0,0,0,0,0,0,0"
    rows = [f"{usage},fer000000{k}.png,{votes}" for k, usage in enumerate(("Training", "PublicTest", "PrivateTest"))]
    items = read(root, *rows)
    assert [item.folds for item in items] == [{"official": fold, "default": fold} for fold in ("train", "validation", "test")]
    assert [item.path.parent.name for item in items] == ["FER2013Train", "FER2013Valid", "FER2013Test"]


def test_a_row_without_a_name_has_no_picture(root):
    items = read(root, "Training,,0,0,0,0,0,0,0,0,0,10", "Training,fer0000001.png,0,0,0,0,0,0,0,0,0,10")
    assert [item.key for item in items] == ["fer0000001.png"]


@pytest.mark.parametrize(
    "row",
    [
        "Validation,fer0000001.png,10,0,0,0,0,0,0,0,0,0",
        "Training,fer0000001.png,x,0,0,0,0,0,0,0,0,0",
        "Training,fer0000001.png,-1,0,0,0,0,0,0,0,0,0",
        "Training,fer0000001.png,0.5,0,0,0,0,0,0,0,0,0",
        "Training,fer0000001.png,10,0,0,0,0,0,0,0,0",
        "Training,../fer0000001.png,10,0,0,0,0,0,0,0,0,0",
    ],
)
def test_a_wrong_row_is_told_with_its_line(root, row):
    with pytest.raises(UserError, match=r"fer2013new\.csv line 3: "):
        read(root, "Training,fer0000000.png,10,0,0,0,0,0,0,0,0,0", row)


def test_a_file_without_votes_is_told_with_the_column(root):
    (root / "fer2013new.csv").write_text("emotion,pixels,Usage\n0,1 2 3,Training\n")
    with pytest.raises(UserError, match=r"fer2013new\.csv: no column 'Image name'"):
        list(fer_plus.items(root))


@pytest.mark.parametrize("place", ["data", "images"])
def test_pictures_may_lie_a_folder_deeper(root, place):
    expected = [item.key for item in fer_plus.items(root)]
    (root / place).mkdir()
    for folder in ("FER2013Train", "FER2013Valid", "FER2013Test"):
        shutil.move(root / folder, root / place / folder)
    items = list(fer_plus.items(root))
    assert [item.key for item in items] == expected
    assert all(item.path.is_file() for item in items)


def test_grey_pictures_are_read(root):
    picture = Pictures(next(iter(fer_plus.items(root))).pictures, 1.0)
    rgb = next(picture.frames()).rgb()
    assert rgb.shape == (48, 48, 3)
    assert (rgb == rgb[..., :1]).all()
    assert rgb.max() - rgb.min() > 40
