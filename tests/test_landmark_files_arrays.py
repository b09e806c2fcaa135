"""NPY and NPZ: numbers only, no code, nothing larger than the file says."""

import io
import zipfile

import numpy as np
import pytest

from input_pipeline.errors import UserError
from input_pipeline.landmark_files.arrays import load_arrays


def told(path, words):
    with pytest.raises(UserError, match=words) as caught:
        load_arrays(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("dtype", ["<f4", ">f8", "<f2", "<i4", "u1", "?"])
def test_numbers_come_as_they_were_saved(tmp_path, dtype):
    array = np.asfortranarray(np.arange(24).reshape(2, 3, 4).astype(dtype))
    np.save(tmp_path / "a.npy", array)
    np.savez_compressed(tmp_path / "a.npz", one=array, two=array[0])
    np.testing.assert_array_equal(load_arrays(tmp_path / "a.npy")["landmarks"], array)
    found = load_arrays(tmp_path / "a.npz")
    assert list(found) == ["one", "two"]
    np.testing.assert_array_equal(found["two"], array[0])


class Bomb:
    def __reduce__(self):
        return (pytest.fail, ("code of the file was run",))


def test_objects_are_refused_and_none_is_made(tmp_path):
    np.save(tmp_path / "a.npy", np.array([Bomb()], dtype=object), allow_pickle=True)
    told(tmp_path / "a.npy", "holds object, expected numbers")
    np.savez(tmp_path / "a.npz", landmarks=np.array([Bomb()], dtype=object))
    told(tmp_path / "a.npz", "'landmarks' holds object, expected numbers: objects could run code and are not read")
    np.save(tmp_path / "t.npy", np.array(["a"]))
    told(tmp_path / "t.npy", "holds <U1, expected numbers")


def header(shape, data=b""):
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": "<f4", "fortran_order": False, "shape": shape})
    return stream.getvalue() + data


@pytest.mark.parametrize("shape", [(10**9, 478, 3), (10**30,), (-2, -3), (3,)])
def test_a_shape_that_is_not_there_is_refused_before_it_is_made(tmp_path, shape):
    (tmp_path / "a.npy").write_bytes(header(shape, bytes(24)))
    told(tmp_path / "a.npy", r"says shape .* but has other bytes")


@pytest.mark.parametrize(
    "blob", [b"x", b"\x93NUMPY", b"\x93NUMPY\x01\x00\x05\x00{'a'\n", b"\x93NUMPY\x09\x00" + bytes(50), b"PK\x03\x04"]
)
def test_what_is_no_array_is_told(tmp_path, blob):
    (tmp_path / "a.npy").write_bytes(blob)
    told(tmp_path / "a.npy", "is not a NumPy array")
    (tmp_path / "a.npz").write_bytes(blob)
    told(tmp_path / "a.npz", "not an NPZ file")


def test_an_archive_that_unpacks_to_more_than_a_clip_is_refused(tmp_path):
    with (
        zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("landmarks.npy", "w") as member,
    ):
        for _ in range(257):
            member.write(bytes(2**20))
    assert (tmp_path / "a.npz").stat().st_size < 2**20
    told(tmp_path / "a.npz", "unpacks to 269484032 bytes, at most 268435456 are read")
