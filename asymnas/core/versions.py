"""The versions of the packages that decide the numbers."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

from asymnas._version import __version__


def versions() -> dict[str, str]:
    """Return the versions of the packages that decide the numbers."""
    found = {"asymnas": __version__}
    for package in ("torch", "numpy", "opencv-python", "transformers", "ray", "nni"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found
