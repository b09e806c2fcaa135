"""Reading video files: true times, upright pictures, one line for every file that cannot be read."""

from fractions import Fraction

import numpy as np
import pytest
from video_factory import av, quadrants, write_sound, write_video

from input_pipeline.errors import ClipError, UserError
from input_pipeline.extract.video import Limits, Video, find_videos

STAMPS = [0, 10, 55, 60, 200, 233, 300]


def grey(level):
    return np.full((48, 64, 3), level, np.uint8)


def error_of(call, *args, **kwargs):
    with pytest.raises(UserError) as caught:
        call(*args, **kwargs)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.mov", "a.webm"])
def test_times_of_a_variable_rate_video_are_the_encoded_ones(tmp_path, name):
    codec = "libvpx-vp9" if name.endswith("webm") else "libx264"
    path = write_video(tmp_path / name, [grey(30 * i) for i in range(7)], [stamp + 500 for stamp in STAMPS], codec=codec)
    frames = list(Video(path).frames())
    np.testing.assert_allclose([frame.time for frame in frames], np.array(STAMPS) / 1000, atol=1e-6)
    assert [frame.index for frame in frames] == list(range(7))
    np.testing.assert_allclose([frame.rgb().mean() for frame in frames], np.arange(7) * 30, atol=4)


def test_avi_with_reordered_frames_keeps_order_and_rate(tmp_path):
    path = write_video(tmp_path / "a.avi", [grey(20 * i) for i in range(12)], range(12), time_base=Fraction(1, 25))
    stored = [packet.pts for packet in av.open(str(path)).demux(video=0) if packet.size]
    shown = [picture.pts for picture in av.open(str(path)).decode(video=0)]
    assert stored == sorted(stored)
    assert shown != sorted(shown), "PyAV gives true times for this file: the case is no longer tested"
    frames = list(Video(path).frames())
    np.testing.assert_allclose([frame.time for frame in frames], np.arange(12) / 25, atol=1e-6)
    np.testing.assert_allclose([frame.rgb().mean() for frame in frames], np.arange(12) * 20, atol=4)


def test_times_of_the_real_variable_rate_clip_are_those_of_its_packets(media):
    path = media / "face_then_no_face.mov"
    with av.open(str(path)) as container:
        stamps = sorted(float(packet.pts * packet.time_base) for packet in container.demux(video=0) if packet.size)
    times = np.array([frame.time for frame in Video(path).frames()])
    assert len(times) == 169
    assert np.ptp(np.diff(times)) > 0.001
    np.testing.assert_allclose(times, np.array(stamps) - stamps[0], atol=1e-6)


def test_a_frame_stored_twice_is_read_once(tmp_path):
    path = write_video(tmp_path / "a.mkv", [grey(50)] * 4, [0, 400, 800, 80_000], time_base=Fraction(1, 1_000_000))
    times = [frame.time for frame in Video(path).frames()]
    assert np.diff(times).min() > 0
    assert len(times) < 4


@pytest.mark.parametrize("hflip", [False, True])
@pytest.mark.parametrize("rotation", [0, 90, 180, -90])
def test_pictures_are_upright(tmp_path, rotation, hflip):
    path = write_video(tmp_path / "a.mp4", [quadrants()] * 2, [0, 40], rotation=rotation, hflip=hflip)
    expected = np.rot90(quadrants(), rotation // 90)
    expected = expected[:, ::-1] if hflip else expected
    video = Video(path)
    picture = next(video.frames()).rgb()
    assert picture.flags.c_contiguous
    assert (video.height, video.width) == picture.shape[:2] == expected.shape[:2]
    assert np.abs(picture.astype(int) - expected).mean() < 6
    assert video.mirrored == hflip
    if not hflip:
        assert video.rotation % 360 == rotation % 360


def test_pixels_are_square(tmp_path):
    path = write_video(tmp_path / "a.mp4", [quadrants()] * 2, [0, 40], aspect=Fraction(3, 2))
    assert next(Video(path).frames()).rgb().shape == (48, 96, 3)


def test_pictures_keep_one_size_when_the_stream_changes_its_own(tmp_path):
    first = write_video(tmp_path / "a.ts", [quadrants()] * 5, range(5), time_base=Fraction(1, 25))
    second = write_video(tmp_path / "b.ts", [quadrants(96, 128)] * 5, range(5, 10), time_base=Fraction(1, 25))
    joined = tmp_path / "c.ts"
    joined.write_bytes(first.read_bytes() + second.read_bytes())
    shapes = [frame.rgb().shape for frame in Video(joined).frames()]
    assert len(shapes) > 6
    assert set(shapes) == {(48, 64, 3)}


def test_a_video_can_be_read_again(tmp_path):
    video = Video(write_video(tmp_path / "a.mp4", [grey(30 * i) for i in range(7)], STAMPS))
    assert video.frames_expected == 7
    assert [frame.time for frame in video.frames()] == [frame.time for frame in video.frames()]


def test_damage_is_counted_and_survived(tmp_path):
    rng = np.random.default_rng(0)
    pictures = [rng.integers(0, 256, (48, 64, 3), dtype=np.uint8) for _ in range(40)]
    path = write_video(tmp_path / "a.mkv", pictures, range(0, 1600, 40))
    content = bytearray(path.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 4000] = bytes(4000)
    path.write_bytes(content)
    video = Video(path)
    times = [frame.time for frame in video.frames()]
    assert video.damaged > 0
    assert len(times) > 5
    assert np.diff(times).min() > 0


def test_files_that_are_no_video_are_refused_in_one_line(tmp_path, capfd):
    text = tmp_path / "text.mp4"
    text.write_text("not a video\n" * 100)
    cut = write_video(tmp_path / "cut.mp4", [grey(9)] * 7, STAMPS)
    cut.write_bytes(cut.read_bytes()[:200])
    (tmp_path / "empty.mp4").touch()
    write_video(tmp_path / "part.ts", [grey(9)] * 7, STAMPS)
    playlist, script = tmp_path / "list.m3u8", tmp_path / "script.mp4"
    playlist.write_text("#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\npart.ts\n#EXT-X-ENDLIST\n")
    script.write_text("ffconcat version 1.0\nfile part.ts\n")
    expected = {
        tmp_path / "absent.mp4": "no such file",
        tmp_path: "folder",
        tmp_path / "empty.mp4": "empty",
        text: "not a video",
        cut: "not a video",
        playlist: "not a video",
        script: "not a video",
        write_sound(tmp_path / "sound.m4a"): "no video stream",
        "https://example.com/a.mp4": "local file",
    }
    for path, words in expected.items():
        message = error_of(Video, path)
        assert words in message
        assert str(path) in message
    assert capfd.readouterr() == ("", "")


def test_sound_with_a_cover_picture_is_no_video(tmp_path):
    path = write_sound(tmp_path / "song.mp4", cover=quadrants())
    with av.open(str(path)) as container:
        assert len(container.streams.video) == 1, "no cover in it: the case is no longer tested"
    with pytest.raises(ClipError) as caught:
        Video(path)
    assert caught.value.code == "no-video-stream"


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        (Limits(frames=6), "at most 6 are read"),
        (Limits(seconds=0.2), "at most 0.2 s"),
        (Limits(pixels=64 * 47), "at most 3008 are read"),
    ],
)
def test_a_video_over_the_limits_is_refused_from_its_header(tmp_path, limits, words):
    path = write_video(tmp_path / "a.mp4", [grey(9)] * 7, STAMPS)
    assert words in error_of(Video, path, limits)


def test_a_header_that_says_nothing_does_not_lift_the_limits(tmp_path):
    path = write_video(tmp_path / "a.ts", [grey(9)] * 50, range(50), time_base=Fraction(1, 25))
    assert Video(path, Limits(seconds=10)).frames_expected == 50
    video = Video(path)
    video.limits = Limits(frames=49)
    assert "49" in error_of(list, video.frames())


def test_folders_list_their_videos_by_name(tmp_path):
    for name in ("b.MP4", "a.mov", "notes.txt", ".hidden.mp4"):
        (tmp_path / name).touch()
    (tmp_path / "folder.mp4").mkdir()
    assert [path.name for path in find_videos(tmp_path)] == ["a.mov", "b.MP4"]
    (tmp_path / "empty").mkdir()
    assert "no video files" in error_of(find_videos, tmp_path / "empty")
    assert "no such folder" in error_of(find_videos, tmp_path / "absent")


@pytest.mark.parametrize(
    ("name", "codec", "pixels"),
    [("a.mp4", "libx264", "yuv420p10le"), ("a.mp4", "libx265", "yuv420p10le"), ("a.mov", "prores_ks", "yuv422p10le")],
)
def test_10_bit_video_gives_the_pictures_of_8_bits(tmp_path, name, codec, pixels):
    coloured = quadrants() // np.array([1, 2, 4], np.uint8)
    deep = Video(write_video(tmp_path / name, [coloured] * 3, [0, 40, 80], codec=codec, pixels=pixels))
    with av.open(str(deep.path)) as container:
        assert container.streams.video[0].codec_context.pix_fmt == pixels, "not 10 bits: the case is no longer tested"
    plain = Video(write_video(tmp_path / "plain.mp4", [coloured] * 3, [0, 40, 80]))
    for one, other in zip(deep.frames(), plain.frames(), strict=True):
        assert one.rgb().dtype == np.uint8
        assert np.abs(one.rgb().astype(int) - other.rgb()).mean() < 3
        assert np.abs(one.rgb().astype(int) - coloured).mean() < 6
        assert one.time == pytest.approx(other.time, abs=1e-3)


def test_interlaced_video_is_known_and_keeps_its_frames_and_lines(tmp_path):
    """Two moments in one picture: even lines dark, odd lines bright."""
    woven = grey(40)
    woven[1::2] = 200
    options = {"x264-params": "tff=1:qp=4"}
    interlaced = Video(write_video(tmp_path / "i.mp4", [woven] * 5, range(0, 200, 40), options=options))
    assert interlaced.interlaced
    pictures = [frame.rgb() for frame in interlaced.frames()]
    assert len(pictures) == 5
    assert abs(pictures[2][::2].mean() - 40) < 8
    assert abs(pictures[2][1::2].mean() - 200) < 8
    assert not Video(write_video(tmp_path / "p.mp4", [woven] * 5, range(0, 200, 40))).interlaced
