"""The Python files of an export: the model, the processor, and the parts of `input_pipeline` that the processor uses.

transformers copies and imports them as flat files with relative imports, so a module of `input_pipeline` becomes one file,
"input_pipeline_motion_layouts.py", and only its import statements change. Nothing here imports torch.
"""

from __future__ import annotations

import ast
import dataclasses
from collections.abc import Iterator
from pathlib import Path

import input_pipeline

HERE, PIPELINE = Path(__file__).parent, Path(input_pipeline.__file__).parent
MODELING, PROCESSING = "modeling_tramp_llama", "processing_tramp_llama"
# What `pip install torch transformers` does not bring: absent, the names are None until something needs them.
OPTIONAL = ("scipy", "simplejpeg")


@dataclasses.dataclass(frozen=True)
class _Import:
    """Lines `first` to `last` (from 1), the indented text that replaces them, and the flat modules that it imports."""

    first: int
    last: int
    text: list[str]
    modules: tuple[str, ...]


def python_files() -> dict[str, str]:
    """File name -> source, everything that the model and the processor import."""
    files: dict[str, str] = {}
    for entry in (MODELING, PROCESSING):
        found = _closure(entry)
        # transformers copies the files that it sees imported, by one form alone, and in version 4 by the first file alone.
        lines = [f"from .{module} import __name__ as _  # noqa\n" for module in sorted(found) if module != entry]
        found[entry] += "\n# For transformers, which copies the files named here.\n" + "".join(lines)
        files |= {f"{module}.py": source for module, source in found.items()}
    return files


def _closure(entry: str) -> dict[str, str]:
    """Flat module -> source, the entry and everything that it imports."""
    found: dict[str, str] = {}
    waiting = [entry]
    while waiting:
        module = waiting.pop()
        if module not in found:
            found[module], needed = _flat(module)
            waiting += needed
    return found


def _flat(module: str) -> tuple[str, list[str]]:
    """The source of a flat module with relative imports, and the flat modules that it imports."""
    path = _path(module)
    source = path.read_text(encoding="utf-8")
    found = list(_imports(ast.parse(source)))
    lines = source.splitlines()
    for each in sorted(found, key=lambda each: each.first, reverse=True):
        lines[each.first - 1 : each.last] = each.text
    root = PIPELINE if PIPELINE in path.parents else HERE.parents[1]
    header = f"# From tramp-jax (Apache-2.0), {path.relative_to(root.parent).as_posix()}; only imports differ."
    return "\n".join([header, *lines]) + "\n", [name for each in found for name in each.modules]


def _path(module: str) -> Path:
    own = HERE / f"{module}.py"
    return own if own.is_file() else next(path for path in PIPELINE.rglob("*.py") if _name(path) == module)


def _name(path: Path) -> str:
    return "_".join(path.relative_to(PIPELINE.parent).with_suffix("").parts)


def _imports(tree: ast.AST) -> Iterator[_Import]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            # transformers would look for these as well.
            yield _Import(node.body[0].lineno, node.body[-1].end_lineno, [" " * node.body[0].col_offset + "pass"], ())
        elif isinstance(node, ast.Import | ast.ImportFrom):
            text, modules = _rewritten(node)
            yield _Import(node.lineno, node.end_lineno, [" " * node.col_offset + line for line in text], modules)
        else:
            yield from _imports(node)


def _rewritten(node: ast.Import | ast.ImportFrom) -> tuple[list[str], tuple[str, ...]]:
    """The lines in place of one import statement, and the flat modules that they import."""
    root = (node.names[0].name if isinstance(node, ast.Import) else node.module or "").split(".")[0]
    if root in OPTIONAL:
        names = " = ".join(alias.asname or alias.name for alias in node.names)
        return ["try:", f"    {ast.unparse(node)}", "except ImportError:", f"    {names} = None"], ()
    if isinstance(node, ast.Import) or (root != PIPELINE.name and not node.level):
        return [ast.unparse(node)], ()
    if node.level:
        return [ast.unparse(node)], (node.module,)
    folder = PIPELINE.parent.joinpath(*node.module.split("."))
    flat = node.module.replace(".", "_")
    if not folder.is_dir():
        return [f"from .{flat} import {', '.join(map(ast.unparse, node.names))}"], (flat,)
    modules = {f"{flat}_{alias.name}": alias.asname or alias.name for alias in node.names}
    return [f"from . import {module} as {name}" for module, name in modules.items()], tuple(modules)
