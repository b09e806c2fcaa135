"""Folders of safetensors: what transformers writes is read, what is written transformers reads, and damage is told."""

import json

import jax.numpy as jnp
import ml_dtypes
import numpy as np
import pytest
import torch
import transformers
from pretrained_factory import language_model
from safetensors.numpy import save_file
from safetensors.torch import load_file

from input_pipeline.errors import UserError
from tramp_jax.hf.tensors import INDEX, TensorFolder, all_finite, check_tensors, new_folder, write_shards

VALUES = {
    "a.weight": np.arange(12, dtype=np.float32).reshape(3, 4),
    "b.weight": np.arange(6).reshape(2, 3).astype(ml_dtypes.bfloat16),
    "c.scale": np.float32(2.5),
    "d.bias": np.arange(5, dtype=np.float16),
}


def makers(values):
    return [(name, lambda value=value: value) for name, value in values.items()]


@pytest.fixture
def saved(tmp_path):
    """A LLaMA as transformers saves it in several shards."""
    language_model("llama_gqa").save_pretrained(tmp_path, max_shard_size="20KB")
    assert len(list(tmp_path.glob("*.safetensors"))) > 2
    return tmp_path


def test_shards_of_transformers_are_read_tensor_by_tensor(saved):
    found = TensorFolder(saved)
    expected = {name: x.numpy() for name, x in language_model("llama_gqa").state_dict().items()}
    assert set(found.shapes) == set(expected)
    for name, tensor in expected.items():
        np.testing.assert_array_equal(found.read(name), tensor)
        np.testing.assert_array_equal(found.read_slice(name, (slice(1, 3), *[slice(None)] * (tensor.ndim - 1))), tensor[1:3])


@pytest.mark.parametrize("max_bytes", [1, 60, 10**9])
def test_what_is_written_comes_back_bit_for_bit(tmp_path, max_bytes):
    write_shards(tmp_path, makers(VALUES), max_bytes)
    assert len(list(tmp_path.iterdir())) == {1: 5, 60: 3, 10**9: 1}[max_bytes]  # with the index
    found = TensorFolder(tmp_path)
    for name, value in VALUES.items():
        back = found.read(name)
        assert (back.dtype, back.shape) == (value.dtype, value.shape)
        np.testing.assert_array_equal(back, value)


def test_shards_and_index_are_those_that_transformers_expects(tmp_path):
    model = language_model("qwen2")
    write_shards(tmp_path, makers({name: x.numpy() for name, x in model.state_dict().items()}), 20_000)
    index = json.loads((tmp_path / INDEX).read_text())
    assert index["metadata"]["total_size"] == sum(x.numel() * 4 for x in model.state_dict().values())
    model.config.save_pretrained(tmp_path)
    again, info = transformers.AutoModelForCausalLM.from_pretrained(tmp_path, output_loading_info=True)
    assert not info["missing_keys"] | info["unexpected_keys"]
    for name, x in model.state_dict().items():
        assert torch.equal(again.state_dict()[name], x)
    shard = next(tmp_path.glob("model-00001-of-*.safetensors"))
    assert sum(x.numel() * x.element_size() for x in load_file(shard).values()) <= 20_000


def test_one_shard_at_a_time_is_held(tmp_path):
    made, alive = [], []

    class Big(np.ndarray):
        def __del__(self):
            alive.remove(id(self))

    def make(number):
        array = np.zeros(100, np.float32).view(Big)
        made.append(number)
        alive.append(id(array))
        assert len(alive) <= 3, "more than a shard of two and the one at hand"
        return array

    write_shards(tmp_path, [(str(i), lambda i=i: make(i)) for i in range(12)], 800)
    assert made == list(range(12))


def test_a_truncated_file_is_told(saved):
    shard = sorted(saved.glob("*.safetensors"))[1]
    shard.write_bytes(shard.read_bytes()[:-10])
    with pytest.raises(UserError, match=rf"{shard.name}: not a whole safetensors file .* fetch or copy it again"):
        TensorFolder(saved)


def test_a_missing_shard_is_told(saved):
    shard = sorted(saved.glob("*.safetensors"))[1]
    shard.unlink()
    with pytest.raises(UserError, match=rf"shards missing that {INDEX} names: {shard.name}"):
        TensorFolder(saved)


def test_an_index_that_promises_too_much_is_told(saved):
    index = json.loads((saved / INDEX).read_text())
    index["weight_map"]["model.extra"] = next(iter(index["weight_map"].values()))
    (saved / INDEX).write_text(json.dumps(index))
    with pytest.raises(UserError, match=r"tensors that no shard holds: model\.extra"):
        TensorFolder(saved)


@pytest.mark.parametrize("content", ["{", "[]", '{"weight_map": 3}'])
def test_a_damaged_index_is_told(saved, content):
    (saved / INDEX).write_text(content)
    with pytest.raises(UserError, match="not an index of safetensors"):
        TensorFolder(saved)


@pytest.mark.parametrize("name", ["../outside.safetensors", "/tmp/outside.safetensors", "a/../../outside.safetensors"])
def test_an_index_cannot_name_files_outside_its_folder(tmp_path, name):
    folder = tmp_path / "model"
    folder.mkdir()
    save_file({"a": np.ones(2)}, tmp_path / "outside.safetensors")
    (folder / INDEX).write_text(json.dumps({"weight_map": {"a": name}}))
    with pytest.raises(UserError, match="which is not in the folder"):
        TensorFolder(folder)


def test_pickles_are_never_opened(tmp_path):
    (tmp_path / "pytorch_model.bin").write_bytes(b"anything")
    with pytest.raises(UserError, match=r"only pickle files .*convert_pickle"):
        TensorFolder(tmp_path)
    with pytest.raises(UserError, match=r"a pickle file .*convert_pickle"):
        TensorFolder(tmp_path / "pytorch_model.bin")


def test_nothing_there_is_told(tmp_path):
    with pytest.raises(UserError, match=r"no \*\.safetensors"):
        TensorFolder(tmp_path)
    with pytest.raises(UserError, match="no such file or folder"):
        TensorFolder(tmp_path / "absent")


def test_all_differences_are_one_line(tmp_path):
    write_shards(tmp_path, makers(VALUES | {"e": np.arange(3)}))
    expected = {"a.weight": (4, 3), "b.weight": (2, 3), "e": (3,), "f": (1,)}
    with pytest.raises(UserError) as error:
        check_tensors(TensorFolder(tmp_path), expected, lambda name: name == "d.bias")
    message = str(error.value)
    for part in ("missing: f", "unexpected: c.scale", "a.weight is (3, 4), expected (4, 3)", "e is I64"):
        assert part in message
    assert "\n" not in message
    assert "d.bias" not in message


def _fail():
    raise UserError("in the middle")


def test_a_folder_gets_its_name_only_when_it_is_whole(tmp_path):
    output = tmp_path / "out"
    with pytest.raises(UserError), new_folder(output) as made:
        write_shards(made, [*makers(VALUES), ("broken", _fail)])
    assert list(tmp_path.iterdir()) == []
    with new_folder(output) as made:
        (made / "whole").write_text("x")
    assert [path.name for path in output.iterdir()] == ["whole"]
    with pytest.raises(UserError, match="exists and is not empty"), new_folder(output):
        pass
    assert (output / "whole").read_text() == "x"


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(UserError, match="cannot be made"), new_folder(tmp_path / "file" / "out"):
        pass


def test_one_whole_file_counts_before_an_index_that_an_earlier_save_left(tmp_path):
    write_shards(tmp_path, makers({"a": np.zeros(9, np.float32), "b": np.zeros(9, np.float32)}), max_bytes=40)
    save_file({"a": np.ones(9, np.float32)}, tmp_path / "model.safetensors")
    assert TensorFolder(tmp_path).shapes == {"a": (9,)}
    for shard in tmp_path.glob("model-*"):
        shard.unlink()
    np.testing.assert_array_equal(TensorFolder(tmp_path).read("a"), np.ones(9))


def test_a_tensor_in_two_files_is_told(tmp_path):
    for name in ("a", "b"):
        save_file({"x": np.zeros(2, np.float32)}, tmp_path / f"{name}.safetensors")
    with pytest.raises(UserError, match=r"a.safetensors and b.safetensors both hold x"):
        TensorFolder(tmp_path)


def test_a_new_folder_touches_nothing_that_is_there(tmp_path):
    (tmp_path / "out.partial").mkdir()
    (tmp_path / "out.partial" / "mine").write_text("x")
    with new_folder(tmp_path / "out") as made:
        (made / "file").write_text("y")
    assert (tmp_path / "out.partial" / "mine").read_text() == "x"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "out.partial"]
    with pytest.raises(UserError, match="cannot be made"), new_folder(tmp_path / ("x" * 300)):
        pass


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16", "float64"])
def test_not_finite_numbers_are_seen_in_every_dtype(dtype):
    dtype = jnp.dtype(dtype)
    fine = np.array([0, -1, np.finfo(np.float16).max, 1e-7, 0]).astype(dtype)
    assert all_finite(fine)
    assert all_finite(fine[:0])
    for bad in (np.nan, np.inf, -np.inf):
        assert not all_finite(np.append(fine, np.asarray(bad, dtype)))
