"""Shorthands of a space's file: `ops` for all stages, `width` for all channels, and null for what is not given."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from asymnas.core.document import Document, Place
from asymnas.core.errors import Problem, SpaceError, shown

SUGAR = ("ops", "width", "extends")
"""Keys of a file that a space itself does not have."""


def spread(document: Document) -> None:
    """Write `ops` and `width` into the stages, and leave out what is null.

    Raises:
        SpaceError: they are wrong, or `extends` was not followed.
    """
    document.data = data = _given(document.data)
    if not isinstance(data, dict):
        return
    problems = []
    width, ops = data.get("width", 1), data.get("ops")
    if isinstance(width, bool) or not isinstance(width, int | float) or not 0 < width <= 1e6:
        problems.append(Problem(document.where(("width",)), "must be a number above 0", shown(width)))
        width = 1
    if ops is not None and not (isinstance(ops, list) and all(isinstance(op, str) for op in ops)):
        problems.append(Problem(document.where(("ops",)), "must be a list of names of ops", shown(ops)))
    if "extends" in data:
        rule = "only `load_space` follows `extends`"
        problems.append(Problem(document.where(("extends",)), rule, shown(data["extends"])))
    for place, stage in _stages(data):
        if ops is not None:
            stage.setdefault("ops", ops)
        channels = stage.get("channels")
        if width != 1 and isinstance(channels, int):
            scaled = channels * width
            if scaled < 1 or scaled != int(scaled):
                rule = f"channels x width is a whole number, but {channels} x {width} is not"
                problems.append(Problem(document.where((*place, "channels")), rule, f"{scaled:g}"))
            stage["channels"] = int(scaled)
    if problems:
        raise SpaceError([*document.problems, *problems])


def _given(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _given(item) for key, item in value.items() if item is not None}
    return [_given(item) for item in value] if isinstance(value, list) else value


def _stages(data: dict[str, Any]) -> Iterator[tuple[Place, dict[str, Any]]]:
    for branch, content in _mappings(data.get("branches")):
        for stage, inner in _mappings(content.get("stages")):
            yield ("branches", branch, "stages", stage), inner


def _mappings(value: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(value, dict):
        yield from ((key, item) for key, item in value.items() if isinstance(item, dict))
