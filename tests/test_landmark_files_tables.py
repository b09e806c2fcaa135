"""CSV tables: spaces, empty fields, and what is wrong by line."""

import numpy as np
import pytest

from input_pipeline.errors import UserError
from input_pipeline.landmark_files.tables import Table


def table(tmp_path, text):
    (tmp_path / "t.csv").write_bytes(text.encode())
    return Table(tmp_path / "t.csv")


def test_spaces_blank_lines_quotes_and_a_byte_order_mark_are_no_content(tmp_path):
    found = table(tmp_path, '\ufeffa, b ,"c"\r\n\r\n1, 2,\r\n 4e1 ,nan, 6\r\n')
    assert found.names == ("a", "b", "c")
    np.testing.assert_array_equal(found.numbers(["c", "a"]), [[np.nan, 1], [6, 40]])
    assert found.texts("a") == ["1", "4e1"]


def test_columns_are_counted_to_the_first_gap(tmp_path):
    found = table(tmp_path, "x_0,x_1,x_3,y_0\n1,2,3,4\n")
    assert [found.count(prefix) for prefix in ("x_", "y_", "z_")] == [2, 1, 0]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a\n", "has no rows below its header"),
        ("b\n1\n", "no column a, found b"),
        ("a,b\n1\n", "row 2: 1 fields, the header has 2"),
        ("a;b\n1;2\n", "t.csv line 1: found fields between ';', expected commas: export it with commas"),
        ("a\nfive\n", "line 2: a is 'five', expected a number"),
        ("a\n" + "1" * 200_000, "field larger than field limit"),
    ],
)
def test_what_is_wrong_is_told(tmp_path, text, told):
    with pytest.raises(UserError, match=told):
        table(tmp_path, text).numbers(["a"])
