"""Features that are made in several goes are those made in one; two makers never write to one folder."""

import shutil

import pytest
from test_vision_features import about_of, data_config, seen, write_data, write_features

from input_pipeline.errors import UserError
from input_pipeline.vision_feature_shards import FeatureWriter
from input_pipeline.vision_features import is_made
from input_pipeline.vision_records import KINDS


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return write_data(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def whole(dataset):
    """The files of features made in one go."""
    return contents(write_features(dataset, name="whole"))


@pytest.fixture
def folder(dataset, tmp_path):
    yield dataset.path / "features" / "pieces"
    shutil.rmtree(dataset.path / "features" / "pieces", ignore_errors=True)


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def go_on(dataset, folder, shards, about=None, fail_at=None):
    """Writes the next `shards` shards; stops short of the clip `fail_at`, as something going wrong would."""
    writer = FeatureWriter(folder, about or about_of(dataset, data_config()))
    for number, clips in writer.missing()[:shards]:
        with writer.shard(number) as shard:
            for index in clips:
                if index == fail_at:
                    raise KeyboardInterrupt
                shard.add({kind: seen(dataset, index, kind) for kind in KINDS})
    return writer


def test_what_an_interrupted_maker_left_is_gone_on_with(dataset, whole, folder):
    with pytest.raises(KeyboardInterrupt):
        go_on(dataset, folder, 2, fail_at=4)
    assert not is_made(dataset, "pieces")
    before = {path.name: path.stat().st_mtime_ns for path in folder.glob("*-00000-*")}
    assert [number for number, _ in FeatureWriter(folder, about_of(dataset, data_config())).missing()] == [1, 2]
    go_on(dataset, folder, 1)
    go_on(dataset, folder, 1).finish()
    assert contents(folder) == whole
    assert {path.name: path.stat().st_mtime_ns for path in folder.glob("*-00000-*")} == before


def test_a_shard_that_was_damaged_or_lost_meanwhile_is_made_again(dataset, whole, folder):
    go_on(dataset, folder, 3)
    path = folder / "plain-00001-of-00003.arrayrecord"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    (folder / "mirrored-00002-of-00003.arrayrecord").unlink()
    writer = FeatureWriter(folder, about_of(dataset, data_config()))
    assert [number for number, _ in writer.missing()] == [1, 2]
    del writer
    go_on(dataset, folder, 2).finish()
    assert contents(folder) == whole


def test_what_is_made_already_is_left_alone(dataset, whole, folder):
    go_on(dataset, folder, 3).finish()
    writer = FeatureWriter(folder, about_of(dataset, data_config()))
    assert (writer.done, writer.missing(), writer.bytes_to_write()) == (True, [], 0)


@pytest.mark.parametrize("finished", [False, True])
@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"vit": {"digest": "1" * 64, "config": {}, "pretrained": {}}}, "vit: ViT 000000000000… there, ViT 111111111111… here"),
        ({"moments": {"num_frames": 4}}, "moments: "),
        ({"kinds": KINDS[:1]}, "kinds: "),
        ({"data": "2" * 64}, "222222222222… here"),
    ],
)
def test_features_of_something_else_are_never_mixed_in(dataset, folder, finished, changes, words):
    writer = go_on(dataset, folder, 3 if finished else 1)
    if finished:
        writer.finish()
    del writer
    before = contents(folder)
    with pytest.raises(UserError, match="holds features of something else") as error:
        FeatureWriter(folder, about_of(dataset, data_config(), **changes))
    assert words in str(error.value)
    assert contents(folder) == before


def test_two_makers_do_not_write_to_one_folder(dataset, folder):
    first = go_on(dataset, folder, 1)
    with pytest.raises(UserError, match="another process makes these features now"):
        FeatureWriter(folder, about_of(dataset, data_config()))
    assert len(first.missing()) == 2


def test_the_size_is_told_before_and_is_enough(dataset, folder):
    writer = FeatureWriter(folder, about_of(dataset, data_config()))
    told = writer.bytes_to_write()
    del writer
    go_on(dataset, folder, 3).finish()
    assert sum(len(blob) for blob in contents(folder).values()) < told
    enormous = about_of(dataset, data_config(), shape=(10**6, 10**4, 10**4))
    shutil.rmtree(folder)
    with pytest.raises(UserError, match=r"needs [\d.]+ GB, the disk has"):
        FeatureWriter(folder, enormous).check_space()
    assert enormous.bytes_per_clip == 2 * 10**14


def test_a_folder_that_cannot_be_made_is_one_line(dataset, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot hold features"):
        FeatureWriter(tmp_path / "file" / "made", about_of(dataset, data_config()))
