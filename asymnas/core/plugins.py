"""One registry for all that can be plugged in: entry points of installed packages, and objects registered by hand."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Generic, TypeVar

from asymnas.core.errors import AsymNASError, Problem, nearest

T = TypeVar("T")


@dataclass
class Registry(Generic[T]):
    """Plugins of one kind by name, imported when they are first asked for.

    Args:
        kind: what one is called in messages, such as "tracker".
        group: the entry-point group that packages declare theirs in, such as "asymnas.trackers".
        base: the class that every plugin is an instance of, as "module:Class"; imported with the first plugin.
        error: the error of this kind.
        named: whether a plugin has a `name`, which must then be the one it is registered under.
    """

    kind: str
    group: str
    base: str
    error: type[AsymNASError]
    named: bool = True
    _objects: dict[str, T] = field(default_factory=dict)

    def register(self, name: str, plugin: T, *, replace: bool = False) -> T:
        """Register a plugin for this process; a package declares an entry point instead, which workers see too.

        A name that is taken is the registry's `error`, unless `replace`.
        """
        if not replace and name in self and self._objects.get(name) is not plugin:
            raise self.error(Problem(f"{self.kind} '{name}'", "the name is taken", way_out="Choose another name."))
        self._objects[name] = plugin
        return plugin

    def get(self, name: str) -> T:
        """Return the plugin of that name; the package that declares it is imported.

        Raises:
            AsymNASError: no plugin has the name, or its package cannot be imported (the cause is chained), or what it
                declares is no such plugin; the class is the registry's `error`.
        """
        if name not in self._objects:
            self._objects[name] = self._load(name)
        return self._objects[name]

    def names(self) -> list[str]:
        """Return the names of all plugins, sorted; nothing is imported."""
        return sorted({*self._points, *self._objects})

    def origin(self, name: str) -> str:
        """Return the module that a plugin comes from; nothing is imported."""
        return self._points[name].value.partition(":")[0] if name in self._points else "this process"

    def __contains__(self, name: object) -> bool:
        return name in self._objects or name in self._points

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())

    @cached_property
    def _points(self) -> dict[str, EntryPoint]:
        found: dict[str, EntryPoint] = {}
        for point in entry_points(group=self.group):
            other = found.setdefault(point.name, point)
            if other.value != point.value:
                rule, value = f"two packages declare a {self.kind} of this name", f"{other.value} and {point.value}"
                raise self.error(Problem(f"{self.kind} '{point.name}'", rule, value, "Uninstall one of them."))
        return found

    def _load(self, name: str) -> T:
        if name not in self._points:
            rule = f"must name a registered {self.kind}"
            raise self.error(Problem(self.kind, rule, repr(name), nearest(name, self.names())))
        where, target = f"{self.kind} '{name}'", self._points[name].value
        try:
            plugin = self._points[name].load()
        except Exception as error:  # what a package's own code may raise is not known
            reason = f"{type(error).__name__}: {error}"
            raise self.error(Problem(where, f"cannot import {target}", reason, "Reinstall its package.")) from error
        if not isinstance(plugin, load_object(self.base)):
            raise self.error(
                Problem(where, f"{target} must be of class {self.base.replace(':', '.')}", repr(plugin)[:60])
            )
        if self.named and getattr(plugin, "name", None) != name:
            raise self.error(Problem(where, f"{target} must be named '{name}'", repr(plugin)))
        return plugin


def load_object(target: str | Callable[..., Any]) -> Any:
    """Return what "module:name" stands for; anything that is no text is returned as it is."""
    if not isinstance(target, str):
        return target
    module, _, name = target.partition(":")
    return getattr(importlib.import_module(module), name)
