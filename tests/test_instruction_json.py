"""Instruction JSON: every shape that the field writes comes in the same, and a wrong row is named with what it has."""

import json

import pytest

from input_pipeline.errors import UserError
from input_pipeline.instruction_json import read_rows, to_row, write_rows

QUESTION, ANSWER = {"role": "user", "content": "What moves?"}, {"role": "assistant", "content": "The mouth opens."}
LLAVA = [{"from": "human", "value": "<image>\nWhat moves?"}, {"from": "gpt", "value": "The mouth opens."}]


def read(tmp_path, rows, name="data.json"):
    path = tmp_path / name
    path.write_text(json.dumps(rows) if name.endswith(".json") else "\n".join(map(json.dumps, rows)))
    return list(read_rows(path))


@pytest.mark.parametrize("name", ["data.json", "data.jsonl"])
@pytest.mark.parametrize(
    "row",
    [
        {"id": "a", "video": "x.mp4", "conversations": LLAVA},
        {"id": "a", "videos": ["x.mp4"], "messages": [QUESTION, ANSWER]},
        {"id": "a", "video": "x.mp4", "conversations": [{"from": "system", "value": "Be brief."}, *LLAVA]},
        {"id": "a", "video": "x.mp4", "conversations": [{"from": "human", "value": "What moves?\n<video>"}, LLAVA[1]]},
        {
            "id": "a",
            "video": ["x.mp4"],
            "messages": [
                {"role": "user", "content": [{"type": "video", "video": "x"}, {"type": "text", "text": "What moves?"}]},
                ANSWER,
            ],
        },
    ],
)
def test_every_shape_comes_in_the_same(tmp_path, row, name):
    (found,) = read(tmp_path, [row], name)
    assert (found.key, found.media, found.turns) == ("a", ("x.mp4",), (QUESTION, ANSWER))


def test_what_goes_out_comes_in_again(tmp_path):
    rows = [to_row(f"r{k}", [f"{k}/0.jpg", f"{k}/1.jpg"], [QUESTION, ANSWER] * (k + 1)) for k in range(3)]
    assert rows[0]["conversations"][0]["value"] == "<video>\nWhat moves?"
    for name in ("out.json", "out.jsonl"):
        write_rows(tmp_path / name, rows)
        found = list(read_rows(tmp_path / name))
        assert [row.key for row in found] == ["r0", "r1", "r2"]
        assert found[2].media == ("2/0.jpg", "2/1.jpg")
        assert found[2].turns == (QUESTION, ANSWER) * 3


def test_pictures_of_one_clip_may_be_a_list_in_a_list_with_its_rate_and_person(tmp_path):
    row = {"videos": [["0.jpg", "1.jpg"]], "messages": [QUESTION, ANSWER], "fps": 30, "subject": "s1"}
    (found,) = read(tmp_path, [row])
    assert (found.media, found.fps, found.subject) == (("0.jpg", "1.jpg"), 30.0, "s1")
    for subject, expected in ((None, ""), (0, "0"), ("", "")):
        (found,) = read(tmp_path, [row | {"subject": subject}])
        assert found.subject == expected


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"video": "x.mp4"}, "row 2: has the keys video, expected `conversations`"),
        ({"conversations": LLAVA}, "row 2: has the keys conversations, expected exactly one of video"),
        ({"video": "x.mp4", "image": "y.jpg", "conversations": LLAVA}, "expected exactly one of"),
        ({"video": 3, "conversations": LLAVA}, "video is no path"),
        ({"video": ["x.mp4", "y.mp4"], "conversations": LLAVA}, "2 videos, expected one"),
        ({"video": "x.mp4", "conversations": LLAVA[::-1]}, "must alternate"),
        ({"video": "x.mp4", "conversations": LLAVA[:1]}, "must alternate"),
        ({"video": "x.mp4", "conversations": []}, "must alternate"),
        ({"video": "x.mp4", "conversations": [{"from": "dog", "value": "x"}]}, "must be a list of"),
        ({"video": "x.mp4", "conversations": "What moves?"}, "must be a list of"),
        ({"video": "x.mp4", "conversations": LLAVA, "fps": 0}, "fps '0' is no positive number"),
        ({"video": "x.mp4", "conversations": LLAVA, "fps": "fast"}, "fps 'fast' is no positive number"),
        ("x.mp4", "row 2: is a str, expected an object"),
    ],
)
@pytest.mark.parametrize("name", ["data.json", "data.jsonl"])
def test_a_wrong_row_is_named_with_what_it_has(tmp_path, row, words, name):
    with pytest.raises(UserError) as caught:
        read(tmp_path, [{"video": "x.mp4", "conversations": LLAVA}, row], name)
    assert f"data{name[4:]} row 2: " in str(caught.value)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "words"), [(b"\xff", "UTF-8"), (b"{}", "expected a list"), (b"[1", "not JSON"), (b"[" * 9999, "not JSON")]
)
def test_a_file_that_is_none_is_one_line(tmp_path, content, words):
    path = tmp_path / "data.json"
    path.write_bytes(content)
    with pytest.raises(UserError, match=words):
        list(read_rows(path))
