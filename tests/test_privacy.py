"""Names of people and files, dates and whatever else a container says stay in the source and its ledger."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from video_factory import av, write_video

pytest.importorskip("mediapipe", reason="MediaPipe is not installed (extra: extract)")

ROOT = Path(__file__).parents[1]
PEOPLE = ("Annamaria", "Bertolt", "Carlotta")
TAGS = {
    "title": "Visit of Annamaria",
    "comment": "ward Hohenfels",
    "creation_time": "1987-06-05T04:03:02.000000Z",
    "location": "+47.0700+015.4300/",
}
# What must not be found anywhere, in any case of letters: names, file names, tags and their parts.
SECRETS = [name.lower().encode() for name in (*PEOPLE, "hohenfels", "1987-06-05", "+47.07", "session7")]


def command(module, *arguments, folder=ROOT):
    done = subprocess.run(
        [sys.executable, "-m", module, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=600,
        cwd=folder,
        env=dict(os.environ),
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def secrets_in(folder):
    """(file, secret) for each secret in a name or a content below a folder."""
    found = []
    for path in (path for path in folder.rglob("*") if path.is_file()):
        content = path.read_bytes().lower() + str(path.relative_to(folder)).lower().encode()
        found += [(str(path.relative_to(folder)), secret) for secret in SECRETS if secret in content]
    return found


@pytest.fixture(scope="module")
def source(media, tmp_path_factory):
    """Tagged videos of a face that carry a person's name, one with no video in it, and the list of them."""
    folder = tmp_path_factory.mktemp("source")
    with av.open(str(media / "face_wolfgang_langer_pexels.mp4")) as container:
        decoded = zip(container.decode(video=0), range(12), strict=False)
        pictures = [picture.to_ndarray(format="rgb24") for picture, _ in decoded]
    for k, name in enumerate(PEOPLE):  # unlike videos: the same one twice is left out
        shown = pictures[k:]
        write_video(folder / f"{name}_session7.mp4", shown, range(0, 40 * len(shown), 40), tags=TAGS)
    (folder / "Annamaria_broken_session7.mp4").write_bytes(b"no video")
    reports = ("Blinking is rare.", "The mouth opens little and slowly.", "Both corners of the mouth rise evenly.")
    rows = [f"{name}_session7.mp4,{name},smile,{k},{reports[k]}" for k, name in enumerate(PEOPLE)]
    rows.append("Annamaria_broken_session7.mp4,Annamaria,smile,,")
    (folder / "visits.csv").write_text("\n".join(["path,subject,expression,score,report", *rows]) + "\n")
    return folder


@pytest.fixture(scope="module")
def data(source, media, tmp_path_factory):
    """The source, extracted."""
    folder = tmp_path_factory.mktemp("data") / "own"
    said = command(
        "input_pipeline.extract", source / "visits.csv", f"--landmarker={media / 'face_landmarker.task'}", f"--output={folder}"
    )
    assert "3 clips of 3 subjects" in said
    assert "Annamaria_broken_session7.mp4: not a video" in said  # the console may name files
    return folder


def test_the_source_holds_what_is_looked_for(source, data):
    """Else the search below proves nothing."""
    assert {secret for _, secret in secrets_in(source)} == set(SECRETS)
    assert {secret for path, secret in secrets_in(source) if path == "visits.ledger.csv"} >= set(SECRETS[:3])


def test_data_sets_hold_no_names_dates_or_tags(data):
    assert len(list(data.rglob("*"))) > 5
    assert secrets_in(data) == []


@pytest.mark.slow
def test_runs_and_exports_hold_none_either(data, tmp_path):
    run = tmp_path / "run"
    settings = ("--config=tests/tiny_experiment.py", "--config.total_steps=3", "--config.batch_size.severity=1")
    command("tramp_jax.train", *settings, "--config.batch_size.report=1", f"--config.data.path={data}", f"--workdir={run}")
    command("tramp_jax.evaluate", f"--checkpoint={run}")
    command("tramp_jax.export_hf", f"--checkpoint={run}", f"--output={tmp_path / 'export'}")
    command("tramp_jax.assess", data, f"--checkpoint={run}", f"--output={tmp_path / 'pages'}")
    for folder in ("run", "export", "pages"):
        assert any((tmp_path / folder).iterdir())
        assert secrets_in(tmp_path / folder) == []
