"""What every page of this project has: templates that escape, and a content policy under which it asks for nothing."""

from __future__ import annotations

import base64
import hashlib
from importlib import resources
from typing import Any

import jinja2

_ENVIRONMENT = jinja2.Environment(
    loader=jinja2.PackageLoader("tramp_jax", "report"),
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
    undefined=jinja2.StrictUndefined,
)


def render(template: str, **values: Any) -> str:
    """The page of a template in this folder; texts are escaped."""
    return _ENVIRONMENT.get_template(template).render(**values)


def policy(*scripts: str) -> str:
    """The content policy: nothing is fetched, and no script runs but these."""
    digests = (base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts)
    allowed = " ".join(f"'sha256-{digest}'" for digest in digests)
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data: blob:; "
        "base-uri 'none'; form-action 'none'"
    )


def file_text(name: str) -> str:
    """A style sheet or script of this folder."""
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")
