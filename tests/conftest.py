"""Fixtures that several test files share."""

import os
from pathlib import Path

# The test extra brings libtpu, which looks for a TPU, and says at length where there is none.
os.environ.setdefault("JAX_PLATFORMS", "cpu")
# Compilation is most of the suite's time, and tiny programs gain nothing from optimised machine code. Before JAX is imported.
os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} --xla_backend_optimization_level=0".strip()

import differences
import faults
import jax
import pytest

from input_pipeline.simulate.build import Plan, simulate


def pytest_addoption(parser):
    """`--differences` prints what comparisons with other people's code found; `--update-golden` writes golden texts."""
    parser.addoption("--differences", action="store_true", help="Print the largest difference from every reference.")
    parser.addoption("--faults", action="store_true", help="Print what was broken, how often, and what came of it.")
    parser.addoption("--update-golden", action="store_true", help="Write tests/golden anew.")


def pytest_terminal_summary(terminalreporter, config):
    """The tables of `--differences` and `--faults`."""
    if config.getoption("differences"):
        terminalreporter.write_line("\n".join(["", *differences.table()]))
    if config.getoption("faults"):
        terminalreporter.write_line("\n".join(["", *faults.table()]))


@pytest.fixture(scope="session")
def media() -> Path:
    """The folder of real media, kept outside the repository: no face and no model file is committed."""
    folder = Path(os.environ.get("TRAMP_JAX_MEDIA") or Path(__file__).parents[1].parent / "shared" / "media")
    if not (folder / "face_landmarker.task").is_file():
        pytest.skip(f"real media absent: {folder}")
    return folder


@pytest.fixture(scope="session", autouse=True)
def compilation_cache(tmp_path_factory):
    """Programs that several tests compile are compiled once, whatever process they are in; nothing outlives the session."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:  # its own folder lies in that of all
        folder = folder.parent
    os.environ["JAX_COMPILATION_CACHE_DIR"] = str(folder / "xla")
    os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0.1"
    jax.config.update("jax_compilation_cache_dir", str(folder / "xla"))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.1)


@pytest.fixture(scope="session", autouse=True)
def configuration(tmp_path_factory):
    """Keys that tests make lie in no user's configuration."""
    os.environ["XDG_CONFIG_HOME"] = str(tmp_path_factory.mktemp("config"))


@pytest.fixture(scope="session")
def simulated(tmp_path_factory) -> Path:
    """A simulated data set of 12 subjects, small in every way, with the split "default"."""
    folder = tmp_path_factory.mktemp("data") / "simulated"
    simulate(Plan(str(folder), subjects=12, takes=1, seed=0, frames=4, frame_size=32), workers=1)
    return folder
