"""Compiles one step for a pod that is not there: `python benchmarks/pod_step.py --config=FILE --topology=v5e:4x4`.

Needs libtpu (`pip install 'tramp-jax[tpu]'`) and no TPU. The mesh is the config's. Prints the compile time, the memory
that the compiler reserves per chip, and the bytes that a chip sends per step by kind of collective.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence

from absl import flags
from ml_collections import config_flags

from input_pipeline import cli
from tramp_jax.planning.topology import prepare_environment, topology_devices

_CONFIG = config_flags.DEFINE_config_file("config", None, "The experiment.")
_TOPOLOGY = flags.DEFINE_string("topology", "v5e:4x4", "Generation and chips along each axis.")
_TASK = flags.DEFINE_string("task", "report", "Task whose step is compiled.")
_PER_CHIP = flags.DEFINE_integer("per_chip", 4, "Clips or texts per chip.", lower_bound=1)


def main(argv: Sequence[str]) -> None:
    """Prints a few lines."""
    prepare_environment()
    import jax

    from tramp_jax.config import config_from_flag
    from tramp_jax.planning.collectives import collectives_of
    from tramp_jax.planning.program import lower_step
    from tramp_jax.sharding.mesh import make_mesh

    config = config_from_flag(_CONFIG.value)
    mesh = make_mesh(config.mesh, topology_devices(_TOPOLOGY.value))
    config.batch_size[_TASK.value] = _PER_CHIP.value * mesh.size
    lowered = lower_step(config, _TASK.value, mesh).lowered
    begin = time.monotonic()
    try:
        compiled = lowered.compile()
    except jax.errors.JaxRuntimeError as error:
        raise SystemExit(" ".join(str(error).split())[:300]) from error
    seconds = time.monotonic() - begin
    print(f"{config.name} {_TASK.value} on {_TOPOLOGY.value}, {_PER_CHIP.value} per chip: {seconds:.0f} s to compile")
    memory = compiled.memory_analysis()
    print(
        f"memory per chip: peak {memory.peak_memory_in_bytes / 2**30:.2f} GiB, of it arguments "
        f"{memory.argument_size_in_bytes / 2**30:.2f} GiB"
    )
    wire: Counter[str] = Counter()
    for found in collectives_of(compiled.as_text(), dict(mesh.shape)):
        wire[found.kind] += found.wire
    by_kind = ", ".join(f"{kind} {sent / 1e9:.2f}" for kind, sent in wire.most_common())
    print(f"sent per chip and step: {sum(wire.values()) / 1e9:.2f} GB ({by_kind})")


if __name__ == "__main__":
    flags.mark_flag_as_required("config")
    cli.run(main, "python benchmarks/pod_step.py --config=FILE [--topology=v5e:4x4] [--task=report] [--per_chip=4]")
