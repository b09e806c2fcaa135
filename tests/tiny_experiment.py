"""A config file for commands: `--config=tests/tiny_experiment.py`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from tiny import tiny_config


def get_config(arg=None):
    """Tiny, but wide enough for the TPU's kernels; both tasks."""
    config = tiny_config()
    config.name = "tiny"
    config.model.llm.update({"num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 128})
    config.data.text_length = 256
    return config
