"""Patterns over gene ids: `*` stands for any characters, dots included."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile("(.*)".join(re.escape(part) for part in pattern.split("*")))


def stars(pattern: str) -> int:
    """Return how many stars the pattern has."""
    return pattern.count("*")


def captures(pattern: str, name: str) -> tuple[str, ...] | None:
    """Return what each star stands for in `name`, or None where the pattern does not match."""
    found = _compiled(pattern).fullmatch(name)
    return found.groups() if found else None


def matching(pattern: str, names: Iterable[str]) -> list[str]:
    """Return the names that match, in their order."""
    return [name for name in names if _compiled(pattern).fullmatch(name)]


def filled(pattern: str, parts: tuple[str, ...]) -> str:
    """Return the pattern with its stars replaced by `parts`."""
    pieces = pattern.split("*")
    return "".join(piece + part for piece, part in zip(pieces, (*parts, ""), strict=True))
