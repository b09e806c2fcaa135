"""Data sets of the field: from a licensed copy in its own layout to clips. Nothing is downloaded, nothing redistributed.

`python -m input_pipeline.build NAME --root=DIR --output=DIR`; a module per data set, all in `registry`.
"""

from input_pipeline.datasets.registry import BUILDERS, get_builder

__all__ = ["BUILDERS", "get_builder"]
