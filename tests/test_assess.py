"""Folders of pages: a name that comes from data stays inside the output and takes no other's place."""

import pytest

from tramp_jax.assess import folder_name


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("../../etc/passwd", "_.._etc_passwd"),
        ("..", "clip"),
        ("", "clip"),
        ("/root/x.mp4", "_root_x.mp4"),
        (".hidden", "hidden"),
        ("a\0b", "a_b"),
        ("x" * 500, "x" * 100),
        ("Größe 1.mp4", "Größe_1.mp4"),
    ],
)
def test_a_folder_stays_inside(name, folder, tmp_path):
    found = folder_name(name, set())
    assert found == folder
    assert (tmp_path / found).resolve().parent == tmp_path.resolve()
    (tmp_path / found).mkdir()


def test_names_that_become_the_same_get_folders_of_their_own():
    taken = set()
    assert [folder_name(name, taken) for name in ("a b", "a_b", "A_B", "a_b-2", "c")] == [
        "a_b",
        "a_b-2",
        "A_B-3",
        "a_b-2-2",
        "c",
    ]
