"""AsymNAS: architecture search for models that read several inputs at once, each with a network of its own."""

from asymnas._version import __version__

__all__ = ["__version__"]
