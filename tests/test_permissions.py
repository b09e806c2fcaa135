"""What may not be read or entered is told as that, in one line: not as missing, damaged or of another kind."""

import json
import shutil

import numpy as np
import pytest
from predictions_factory import make_rows, write_rows
from safetensors.numpy import save_file
from unprivileged import python

from input_pipeline.whole_files import check_writable

# Each of the files that are closed, and the function that is to say so.
READERS = {
    "data/landmarks": "input_pipeline.dataset:Dataset.open('{place}/data').clip(0)",
    "data/manifest.json": "input_pipeline.dataset:Dataset.open('{place}/data')",
    "data/labels.jsonl": "input_pipeline.dataset:Dataset.open('{place}/data')",
    "data/splits": "input_pipeline.splits:load_split(Dataset.open('{place}/data'), 'default')",
    "list.csv": "input_pipeline.extract.batch:list_items('{place}/list.csv', 'smile')",
    "clips.csv": "input_pipeline.datasets.tables:list(rows(Path('{place}/clips.csv'), ('path',)))",
    "rows.json": "input_pipeline.instruction_json:list(read_rows(Path('{place}/rows.json')))",
    "samples.jsonl": "tramp_jax.metrics.predictions:read_predictions(Path('{place}/samples.jsonl'))",
    "run/config.json": "tramp_jax.config:load_config(Path('{place}/run'))",
    "model": "tramp_jax.hf.hub:local_folder('{place}/model/inside', None)",
    "model/config.json": "tramp_jax.hf.sources:read_json(Path('{place}/model/config.json'))",
    "model/model.safetensors": "tramp_jax.hf.tensors:TensorFolder(Path('{place}/model'))",
}
ASK = """
import importlib, json, os, sys
from pathlib import Path
from input_pipeline.dataset import Dataset
said = {}
for closed, (module, call) in json.loads(sys.argv[1]).items():
    place = Path(sys.argv[2]) / closed
    before = place.stat().st_mode
    os.chmod(place, 0)
    try:
        exec(call, {**globals(), **vars(importlib.import_module(module))})
    except Exception as error:
        said[closed] = [str(error), isinstance(error, OSError)]
    os.chmod(place, before)
print(json.dumps(said))
"""


@pytest.fixture
def place(simulated, tmp_path):
    """A folder with a file of every kind."""
    folder = tmp_path / "place"
    shutil.copytree(simulated, folder / "data")
    (first, *_) = sorted((folder / "data").glob("landmarks-*"))
    (folder / "data" / "landmarks").symlink_to(first)
    write_rows(folder / "samples.jsonl", make_rows())
    for name in ("run/config.json", "model/config.json", "rows.json", "list.csv", "clips.csv"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("{}")
    save_file({"one": np.zeros(2)}, folder / "model" / "model.safetensors")
    return folder


def test_a_closed_file_is_told_as_that_whatever_reads_it(place, tmp_path):
    calls = {name: call.format(place=place).split(":", 1) for name, call in READERS.items()}
    done = python("-c", ASK, json.dumps(calls), place, folder=tmp_path)
    assert done.returncode == 0, done.stderr[-3000:]
    said = json.loads(done.stdout.splitlines()[-1])
    assert said.keys() == READERS.keys()
    for name, (text, plain) in said.items():
        assert "Permission denied" in text, (name, text)
        assert f"{place}" in text, (name, text)
        # The others go to the command line's own handler.
        assert plain or "cannot be read (Permission denied): see that it is there and may be read" in text, (name, text)


def test_a_folder_that_may_not_be_written_into_is_told_before_the_work(place, tmp_path):
    place.chmod(0o555)
    output = place / "new" / "assessed"
    done = python("-m", "tramp_jax.assess", place / "data", "--checkpoint=none", f"--output={output}", folder=tmp_path)
    place.chmod(0o755)
    said = f"error: {place}: Permission denied: ask its owner, or choose another folder\n"
    assert (done.returncode, done.stderr) == (2, said)
    check_writable(output)
    assert not output.parent.exists()
