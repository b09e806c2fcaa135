"""Simulated clips: posed faces of many subjects whose severity is known. Nothing here is a real person or a clinical norm.

`python -m input_pipeline.simulate --output=data/demo` writes a data set; `make_clip` makes one clip in Python.
"""

from input_pipeline.simulate.clips import make_clip

__all__ = ["make_clip"]
