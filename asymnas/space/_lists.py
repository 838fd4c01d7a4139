"""The lists of a space in their plain forms: ties, fixes, removals and groups of branches."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from asymnas.core.errors import shown
from asymnas.space._checks import Finding

__all__ = ["as_fix", "as_groups", "as_tie", "as_without"]


def _text_list(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(item, str) for item in value)


def as_tie(raw: Any, found: list[Finding]) -> tuple[tuple[str, ...], ...]:
    """Read ties: `a.* = b.*`, a list of such texts, or a list of lists of patterns."""
    items = [raw] if isinstance(raw, str) else raw
    if items is None:
        return ()
    if not isinstance(items, list | tuple):
        found.append(Finding(("tie",), "a text such as `template.* = search.*` or a list is needed", shown(raw)))
        return ()
    ties = []
    for n, item in enumerate(items):
        if isinstance(item, str):
            ties.append(tuple(side.strip() for side in item.split("=")))
        elif _text_list(item):
            ties.append(tuple(item))
        else:
            found.append(Finding(("tie", n), "a text such as `template.* = search.*` is needed", shown(item)))
    return tuple(ties)


def as_fix(raw: Any, found: list[Finding]) -> tuple[tuple[str, str], ...]:
    """Read fixes: a mapping from pattern to op, or pairs."""
    pairs = _pairs(raw, "fix", found)
    wrong = [(pattern, op) for pattern, op in pairs if not isinstance(op, str)]
    found += [Finding(("fix", pattern), "the token of an op is needed", shown(op)) for pattern, op in wrong]
    return tuple((pattern, op) for pattern, op in pairs if isinstance(op, str))


def as_without(raw: Any, found: list[Finding]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Read removals: a mapping from pattern to an op or a list of ops, or pairs."""
    removed = []
    for pattern, ops in _pairs(raw, "without", found):
        listed = [ops] if isinstance(ops, str) else ops
        if _text_list(listed) and listed:
            removed.append((pattern, tuple(listed)))
        else:
            found.append(Finding(("without", pattern), "an op or a list of ops is needed", shown(ops)))
    return tuple(removed)


def as_groups(raw: Any, found: list[Finding]) -> tuple[tuple[str, ...], ...]:
    """Read groups of branch names."""
    if raw is None:
        return ()
    if not isinstance(raw, list | tuple) or not all(_text_list(group) for group in raw):
        found.append(Finding(("share_weights",), "a list of lists of branch names is needed", shown(raw)))
        return ()
    return tuple(tuple(group) for group in raw)


def _pairs(raw: Any, name: str, found: list[Finding]) -> list[tuple[str, Any]]:
    if raw is None:
        return []
    if isinstance(raw, Mapping):
        raw = list(raw.items())
    fine = isinstance(raw, list | tuple) and all(isinstance(item, list | tuple) and len(item) == 2 for item in raw)
    if not fine or not all(isinstance(pattern, str) for pattern, _ in raw):
        found.append(Finding((name,), "a mapping from gene patterns to ops is needed", shown(raw)))
        return []
    return [(pattern, value) for pattern, value in raw]
