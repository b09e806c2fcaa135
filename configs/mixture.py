"""The demo on two data sets at once: `data/demo` is what `make demo` simulates, `data/mine` what `extract` makes of your own.

`configs/mixture.py:runlocal` is the same in a few steps, for tests.
"""

import runpy
from pathlib import Path

from ml_collections import ConfigDict

from input_pipeline.mixture import source


def get_config(arg: str | None = None) -> ConfigDict:
    """The demo's model and schedule; see `source` for what each folder can be given."""
    config = runpy.run_path(str(Path(__file__).with_name("demo.py")))["get_config"](arg)
    config.name = "mixture"
    config.data.path = ""
    # One clip in three of an epoch is simulated, but no more than 500; reports are learned from both, grades from one's own.
    config.data.sources.mine = source("data/mine", weight=2.0)
    config.data.sources.demo = source("data/demo", weight=1.0, cap=500, tasks=("report",))
    return config
