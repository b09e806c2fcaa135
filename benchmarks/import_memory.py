"""Peak anonymous memory of an import and of a start from it: `python benchmarks/import_memory.py [--layers=12] [--devices=4]`.

Makes a Llama of random bfloat16 weights (1.5 GB by default) in a temporary folder, imports it with `import_hf`, and loads it
as training does, into arrays sharded over simulated devices, each in a process of its own. A third process reads RssAnon of
/proc/PID/status all the while; what a process had before it began is subtracted.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from absl import app, flags

_LAYERS = flags.DEFINE_integer("layers", 12, "Layers of the model, of 51 million parameters each.")
_DEVICES = flags.DEFINE_integer("devices", 4, "Simulated devices that training shards over.")

SIZES = {"vocab_size": 32000, "hidden_size": 2048, "intermediate_size": 5632, "num_attention_heads": 16}
MAKE = """
import json, sys
from pathlib import Path
import ml_dtypes, numpy as np
from tramp_jax.hf.keymap import block_shapes
from tramp_jax.hf.llama import llama_config, llama_keys
from tramp_jax.hf.tensors import write_shards
from tramp_jax.models.blocks import Block
from tramp_jax.models.llama import Llama
folder = Path(sys.argv[1])
values = json.loads((folder / "config.json").read_text())
config = llama_config(values, "config.json")
names = llama_keys(config).expected(block_shapes(Block(lambda rngs: Llama(config, rngs=rngs)))[0])
rng = np.random.default_rng(0)
draw = lambda shape: (lambda: rng.standard_normal(shape, np.float32).astype(ml_dtypes.bfloat16))
write_shards(folder, ((name, draw(shape)) for name, shape in names.items()), 500_000_000)
"""
IMPORT = """
import sys
from pathlib import Path
from tramp_jax.hf.importing import import_model
print("begin", flush=True)
import_model(Path(sys.argv[1]), Path(sys.argv[2]))
print("end", flush=True)
"""
LOAD = """
import sys
from pathlib import Path
import jax
from tramp_jax.config import default_config
from tramp_jax.hf.parts import load_parts, read_manifest
from tramp_jax.models.tramp_llama import TrampLlama
from tramp_jax.sharding.mesh import make_mesh
config = default_config()
config.model.llm.update(read_manifest(Path(sys.argv[2]))["parts"]["llm"]["config"]["llm"])
config.init_from.llm, config.model.llm.param_dtype = sys.argv[2], "bfloat16"
model, mesh = TrampLlama(config.model), make_mesh(config.mesh)
like = dict(zip(("params", "stats"), jax.eval_shape(model.init, jax.random.key(0)), strict=True))
jax.block_until_ready(jax.device_put(0))
print("begin", flush=True)
params = jax.block_until_ready(load_parts(config, like, mesh, frozenset(model.blocks))[0])
print("end", flush=True)
print(sum(x.nbytes for x in jax.tree.leaves(params)), max(x.nbytes for x in jax.tree.leaves(params)))
"""


def anonymous(pid: int) -> int:
    """RssAnon of a process, in bytes; 0 once it is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("RssAnon")), 0)


def peak(script: str, arguments: Sequence[str], devices: int = 1) -> tuple[int, list[str]]:
    """Runs a script; most anonymous memory between its lines "begin" and "end" over what it had at "begin", and its output."""
    environment = os.environ | {"XLA_FLAGS": f"--xla_force_host_platform_device_count={devices}", "JAX_PLATFORMS": "cpu"}
    child = subprocess.Popen([sys.executable, "-c", script, *arguments], stdout=subprocess.PIPE, text=True, env=environment)
    assert child.stdout is not None
    if child.stdout.readline().strip() != "begin":
        raise SystemExit(child.wait() or 1)
    os.set_blocking(child.stdout.fileno(), False)
    before = highest = anonymous(child.pid)
    output: list[str] = []
    while "end" not in output:
        highest = max(highest, anonymous(child.pid))
        output += [line.strip() for line in child.stdout]
        if child.poll() is not None and "end" not in output:
            raise SystemExit(child.returncode or 1)
        time.sleep(0.002)
    os.set_blocking(child.stdout.fileno(), True)
    output += [line.strip() for line in child.stdout]
    if child.wait():
        raise SystemExit(child.returncode)
    return highest - before, output


def main(argv: Sequence[str]) -> None:
    """Prints the table."""
    with tempfile.TemporaryDirectory() as scratch:
        model, imported = Path(scratch) / "model", Path(scratch) / "imported"
        model.mkdir()
        values = {"model_type": "llama", "architectures": ["LlamaForCausalLM"], **SIZES, "num_hidden_layers": _LAYERS.value}
        (model / "config.json").write_text(json.dumps(values))
        subprocess.run([sys.executable, "-c", MAKE, str(model)], check=True)
        importing, _ = peak(IMPORT, [str(model), str(imported)])
        loading, output = peak(LOAD, [str(model), str(imported)], _DEVICES.value)
    size, leaf = map(int, output[-1].split())
    print("| step | model | largest stacked leaf | peak anonymous memory | over |")
    print("|---|---|---|---|---|")
    mib = [f"{x / 2**20:,.0f} MiB" for x in (size, leaf, importing, loading)]
    print(f"| `import_hf` | {mib[0]} | {mib[1]} | {mib[2]} | {importing / leaf:.2f} x the largest leaf |")
    over = loading / (size + leaf)
    print(f"| start on {_DEVICES.value} devices | {mib[0]} | {mib[1]} | {mib[3]} | {over:.2f} x (model + largest leaf) |")


if __name__ == "__main__":
    app.run(main)
