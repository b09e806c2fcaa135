"""The Colab notebook: committed without outputs, installs what is missing, runs from top to bottom on a CPU."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

NOTEBOOK = Path(__file__).parents[1] / "launch" / "colab" / "tramp_jax_demo.ipynb"
STEPS = 4


@pytest.fixture(scope="module")
def notebook():
    return nbformat.read(NOTEBOOK, as_version=4)


def code(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def test_the_notebook_is_valid_and_committed_without_outputs(notebook):
    nbformat.validate(notebook)
    assert all(cell.outputs == [] and cell.execution_count is None for cell in code(notebook))


def test_it_says_first_that_the_faces_are_simulated(notebook):
    assert "Every face here is simulated: the results mean nothing for real faces." in notebook.cells[0].source
    assert "Research use only" in notebook.cells[0].source


@pytest.mark.parametrize(("gpu", "extra"), [(False, ""), (True, "[cuda12]")])
def test_where_the_package_is_absent_it_is_cloned_and_installed(notebook, tmp_path, gpu, extra):
    if list(Path("/dev").glob("accel*")) or list(Path("/dev/vfio").glob("[0-9]*")):
        pytest.skip("this machine has a TPU")
    stand_ins = {"git": 'mkdir "${@: -1}"', "python": "true"} | ({"nvidia-smi": "true"} if gpu else {})
    for name, body in stand_ins.items():
        (tmp_path / name).write_text(f'#!/bin/bash\necho {name} "$@" >>{tmp_path}/calls\n{body}\n')
        (tmp_path / name).chmod(0o755)
    cells = "\n".join(cell.source for cell in code(notebook)[:2])
    # -S: without site-packages, and so without the package.
    subprocess.run(
        [sys.executable, "-S", "-c", f"import sys\nsys.executable = {str(tmp_path / 'python')!r}\n{cells}"],
        cwd=tmp_path,
        env={**os.environ, "PATH": f"{tmp_path}:/usr/bin:/bin", "REPOSITORY": "https://example.org/tramp-jax"},
        check=True,
    )
    clone = tmp_path / "tramp-jax"
    if not gpu and shutil.which("nvidia-smi", path="/usr/bin:/bin"):
        extra = "[cuda12]"
    assert (tmp_path / "calls").read_text().splitlines() == [
        f"git clone --depth=1 https://example.org/tramp-jax {clone}",
        f"python -m pip install --quiet --editable {clone}{extra}",
        "python -m tramp_jax.env",
    ]


@pytest.mark.slow
def test_it_runs_from_top_to_bottom(tmp_path):
    path = tmp_path / NOTEBOOK.name
    shutil.copy(NOTEBOOK, path)
    result = subprocess.run(
        [sys.executable, "-m", "jupyter", "execute", "--inplace", path],
        capture_output=True,
        text=True,
        timeout=500,
        env={**os.environ, "STEPS": str(STEPS), "SUBJECTS": "12"},
    )
    assert result.returncode == 0, result.stderr
    cells = code(nbformat.read(path, as_version=4))
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    shown = [output for cell in cells for output in cell.outputs]
    printed = "".join(output.text for output in shown if output.output_type == "stream")
    assert "\x1b" not in printed
    assert "60 simulated clips of 12 subjects" in printed
    (curves,) = [output.data for output in shown if "application/vnd.plotly.v1+json" in output.get("data", {})]
    traces = curves["application/vnd.plotly.v1+json"]["data"]
    assert sum(len(trace["x"]) for trace in traces) == STEPS
    (page,) = [output.data["text/html"] for output in shown if "srcdoc" in output.get("data", {}).get("text/html", "")]
    assert "&lt;!doctype html&gt;" in page.lower()
    model = json.loads((tmp_path / "export" / "full" / "config.json").read_text())
    assert model["model_type"]
    assert (tmp_path / "export" / "llm" / "model.safetensors").stat().st_size > 0
