"""The registry of tracker plugins: entry points of the group `asymnas.trackers`, and plugins registered by hand."""

from __future__ import annotations

from functools import cache
from importlib.metadata import EntryPoint, entry_points

from asymnas.core.errors import Problem, TrackerError, nearest
from asymnas.tracking.contract import TrackerPlugin

__all__ = ["GROUP", "get_tracker", "list_trackers", "register_tracker"]

GROUP = "asymnas.trackers"
_registered: dict[str, TrackerPlugin] = {}


def register_tracker(plugin: TrackerPlugin) -> TrackerPlugin:
    """Register a plugin for this process; packages declare an entry point of the group `asymnas.trackers` instead.

    Raises:
        TrackerError: the name is taken by another plugin.
    """
    taken = _registered.get(plugin.name)
    if (taken is not None and taken is not plugin) or plugin.name in _entry_points():
        raise TrackerError(
            Problem(f"tracker '{plugin.name}'", "a tracker's name must be unique", way_out="Choose another name.")
        )
    _registered[plugin.name] = plugin
    return plugin


@cache
def _entry_points() -> dict[str, EntryPoint]:
    found: dict[str, EntryPoint] = {}
    for point in entry_points(group=GROUP):
        if point.name in found and found[point.name].value != point.value:
            raise TrackerError(
                Problem(
                    f"tracker '{point.name}'",
                    "a tracker's name must be unique",
                    f"{found[point.name].value} and {point.value}",
                    "Uninstall one of the packages.",
                )
            )
        found[point.name] = point
    return found


def get_tracker(name: str) -> TrackerPlugin:
    """Return the plugin of that name.

    Raises:
        TrackerError: no plugin has the name, or its package cannot be imported; the cause is chained.
    """
    if name in _registered:
        return _registered[name]
    points = _entry_points()
    if name not in points:
        known = [*points, *_registered]
        raise TrackerError(Problem("tracker", "must name a registered tracker", repr(name), nearest(name, known)))
    try:
        plugin = points[name].load()
    except Exception as error:  # what a package's own code may raise is not known
        reason = f"{type(error).__name__}: {error}"
        raise TrackerError(
            Problem(f"tracker '{name}'", f"cannot import {points[name].value}", reason, "Reinstall its package.")
        ) from error
    if not isinstance(plugin, TrackerPlugin) or plugin.name != name:
        raise TrackerError(
            Problem(f"tracker '{name}'", f"{points[name].value} must be a TrackerPlugin named '{name}'", repr(plugin))
        )
    return plugin


def list_trackers() -> list[str]:
    """Return the names of all trackers, sorted."""
    return sorted({*_entry_points(), *_registered})
