"""The rules that the fields of a logged evaluation keep: a line changed by hand is told and not believed."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any

from asymnas.core.errors import Problem, shown

__all__ = ["field_problems"]

TOLERANCE = 1e-6
"""How far a SUC may be from the mean of its videos: scores are written with all their digits."""

WAY_OUT = "The line is damaged or was changed by hand: restore the file, or delete the line to have it evaluated again."


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63


def _number(value: Any) -> bool:
    plain = isinstance(value, int | float) and not isinstance(value, bool)
    return plain and 0 <= value <= sys.float_info.max


def _share(value: Any) -> bool:
    return _number(value) and value <= 1


def _mapping(inner: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, dict) and all(map(inner, value.values()))


def _or_null(inner: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: value is None or inner(value)


RULES: dict[str, tuple[Callable[[Any], bool], str]] = {
    **dict.fromkeys(("key", "stage", "video_set", "protocol", "error", "traceback"), (_text, "must be text")),
    **dict.fromkeys(("index", "frames", "recalibration"), (_whole, "must be a whole number of at least 0")),
    "genes": (_or_null(_mapping(_text)), "must be null or a mapping from genes to ops"),
    "tracker": (_or_null(_text), "must be null or text"),
    "language": (lambda value: value in ("with", "without", "both"), "must be with, without or both"),
    "status": (lambda value: value in ("ok", "failed"), "must be ok or failed"),
    "suc": (_or_null(_share), "must be null or a number from 0 to 1"),
    "se": (_or_null(_number), "must be null or a number of at least 0"),
    "videos": (_mapping(_share), "must be a mapping from videos to numbers from 0 to 1"),
    "conditions": (_mapping(_share), "must be a mapping from conditions to numbers from 0 to 1"),
    "cost": (lambda value: isinstance(value, dict), "must be a mapping"),
    "seconds": (_number, "must be a number of at least 0"),
    "cached": (lambda value: isinstance(value, bool), "must be true or false"),
}
"""What each field must be."""


def field_problems(values: Mapping[str, Any], where: str) -> list[Problem]:
    """Return what is wrong with the fields of an evaluation, all of which are there."""
    problems = [
        Problem(f"{where}: {name}", rule, shown(values[name]), WAY_OUT)
        for name, (keeps, rule) in RULES.items()
        if not keeps(values[name])
    ]
    if problems:
        return problems
    suc, scores = values["suc"], list(values["videos"].values())
    if values["status"] == "failed":
        return [] if suc is None else [Problem(f"{where}: suc", "must be null where it failed", shown(suc), WAY_OUT)]
    mean = sum(scores) / len(scores) if scores else None
    if suc is None or mean is None or abs(suc - mean) > TOLERANCE:
        rule = "must be the mean of the scores of the videos" + ("" if mean is None else f", {mean:.6g}")
        return [Problem(f"{where}: suc", rule, shown(suc), WAY_OUT)]
    return []
