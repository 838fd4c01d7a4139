"""Trackers by name, and their weights."""

from __future__ import annotations

from pathlib import Path

from asymnas.core.errors import Problem, TrackerError
from asymnas.core.plugins import Registry
from asymnas.tracking.contract import OnlineTracker, TrackerPlugin

__all__ = ["TRACKERS", "get_tracker", "list_trackers", "load_tracker_weights", "register_tracker"]

TRACKERS: Registry[TrackerPlugin] = Registry(
    "tracker", "asymnas.trackers", "asymnas.tracking.contract:TrackerPlugin", TrackerError
)


def register_tracker(plugin: TrackerPlugin) -> TrackerPlugin:
    """Register a tracker for this process; a package declares an entry point instead, which workers see too."""
    return TRACKERS.register(plugin.name, plugin)


def get_tracker(name: str) -> TrackerPlugin:
    """Return the tracker of that name; `TrackerError` if there is none, or its package cannot be imported."""
    return TRACKERS.get(name)


def list_trackers() -> list[str]:
    """Return the names of all trackers, sorted; nothing is imported."""
    return TRACKERS.names()


def load_tracker_weights(plugin: TrackerPlugin, tracker: OnlineTracker, file: Path | str) -> None:
    """Load a safetensors file into a tracker that the plugin built.

    Raises:
        TrackerError: the plugin has no weights.
        WeightsError: the file is missing or no safetensors file, or its tensors are not exactly the tracker's.
    """
    from torch import nn

    from asymnas.nn import load_weights

    if not plugin.has_weights or not isinstance(tracker, nn.Module):
        raise TrackerError(Problem(f"tracker '{plugin.name}'", "has no weights to load", str(file), "Leave them out."))
    load_weights(file, tracker)
