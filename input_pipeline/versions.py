"""Versions of what is installed."""

from importlib import metadata


def version(package: str) -> str:
    """Installed version, or "-"."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "-"
