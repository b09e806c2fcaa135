"""Files that call themselves videos and are made to break, fill, stall or misdirect whoever reads them."""

import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from video_factory import write_video

CONTAINERS = ("mp4", "mov", "mkv", "avi", "webm", "ts", "flv")


def good(folder: Path, suffix: str) -> Path:
    """A sound video of 16 frames."""
    rng = np.random.default_rng(0)
    pictures = [rng.integers(0, 255, (48, 64, 3), np.uint8) for _ in range(16)]
    codec = {"webm": "libvpx-vp9", "flv": "flv"}.get(suffix, "libx264")
    return write_video(folder / f"good.{suffix}", pictures, range(0, 640, 40), codec=codec)


def truncated(folder: Path) -> Iterator[Path]:
    """Every container, cut at nine places: in the header, in the index, in a frame."""
    for suffix in CONTAINERS:
        blob = good(folder, suffix).read_bytes()
        for tenth in range(1, 10):
            path = folder / f"cut{tenth}.{suffix}"
            path.write_bytes(blob[: len(blob) * tenth // 10])
            yield path


def absurd_dimensions(folder: Path) -> Iterator[Path]:
    """Headers that promise pictures of 65,000 pixels a side, and one of none."""
    for side in (0, 1, 32767, 65535):
        gif = folder / f"side{side}.gif"
        gif.write_bytes(
            b"GIF89a" + struct.pack("<HH", side, side) + b"\x80\0\0\0\0\0\xff\xff\xff"
            b"," + struct.pack("<HHHH", 0, 0, side, side) + b"\0\x02\x02\x4c\x01\0;"
        )
        yield gif
        for suffix in ("mp4", "avi"):
            blob = bytearray(good(folder, suffix).read_bytes())
            name, kind, at = {"mp4": (b"avc1", ">HH", 28), "avi": (b"strf", "<ii", 12)}[suffix]
            place = blob.index(name, blob.index(b"stsd") if suffix == "mp4" else 0) + at
            blob[place : place + struct.calcsize(kind)] = struct.pack(kind, side, side)
            path = folder / f"side{side}.{suffix}"
            path.write_bytes(blob)
            yield path


def bombs(folder: Path) -> Iterator[Path]:
    """Small files that become much: many frames, large ones, days of them."""
    pixel = b",\0\0\0\0\x01\0\x01\0\0\x02\x02\x44\x01\0"
    many = folder / "many_frames.gif"
    many.write_bytes(b"GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xff\xff\xff" + pixel * 50_000 + b";")
    yield many
    black = [np.zeros((4096, 4096, 3), np.uint8)] * 4
    yield write_video(folder / "large.mp4", black, range(0, 160, 40))
    small = [np.zeros((48, 64, 3), np.uint8)] * 3
    yield write_video(folder / "days.mkv", small, [0, 40, 400_000_000])


def misdirections(folder: Path, address: str) -> Iterator[Path]:
    """Playlists that name an address or another file, under their own suffix and under a video's."""
    target = good(folder, "mp4")
    entries = (f"http://{address}/a.mp4", f"tcp://{address}", target.name, str(target), f"file:{target}", "/etc/passwd")
    for k, entry in enumerate(entries):
        texts = {
            "m3u8": f"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{entry}\n#EXT-X-ENDLIST\n",
            "ffconcat": f"ffconcat version 1.0\nfile '{entry}'\n",
            "mpd": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" '
            'mediaPresentationDuration="PT1S">'
            f'<Period><AdaptationSet mimeType="video/mp4"><Representation id="1" bandwidth="1"><BaseURL>{entry}</BaseURL>'
            "<SegmentBase/></Representation></AdaptationSet></Period></MPD>\n",
            "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\n"
            f"m=video {address.split(':')[1]} RTP/AVP 96\na=rtpmap:96 H264/90000\n",
            "asx": f'<asx version="3.0"><entry><ref href="{entry}"/></entry></asx>\n',
            "svg": f'<svg xmlns="http://www.w3.org/2000/svg"><image href="{entry}"/></svg>\n',
        }
        for kind, text in texts.items():
            for suffix in (kind, "mp4", "mkv"):
                path = folder / f"link{k}_{kind}.{suffix}"
                path.write_text(text)
                yield path
