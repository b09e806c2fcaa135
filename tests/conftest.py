"""Fixtures that several test files share."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def media() -> Path:
    """The folder of real media, kept outside the repository: no face and no model file is committed."""
    folder = Path(os.environ.get("TRAMP_JAX_MEDIA") or Path(__file__).parents[1].parent / "shared" / "media")
    if not (folder / "face_landmarker.task").is_file():
        pytest.skip(f"real media absent: {folder}")
    return folder
