"""The results of an arm as a comparison reads them; what a crash or a hand has damaged does not count as finished."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

__all__ = ["read_summary"]

Key = tuple[str, ...]

NEEDED: dict[Key, type | tuple[type, ...]] = {
    ("protocol",): str,
    ("versions",): dict,
    ("training",): dict,
    ("search", "budget"): int,
    ("architecture", "key"): str,
    ("validation", "suc"): (int, float),
    ("validation", "videos"): dict,
    ("test",): dict,
}
"""What every finished arm has."""

WHERE_THERE: dict[Key, dict[Key, type | tuple[type, ...]]] = {
    ("test", "best"): {("suc",): (int, float), ("frames",): int, ("videos",): dict},
    ("test", "random_search"): {("suc",): (int, float), ("videos",): dict},
    ("test", "random_architectures"): {("median",): (int, float)},
}
"""What parts that an arm may lack hold where they are there."""


def read_summary(folder: Path) -> dict[str, Any] | None:
    """Return the summary of an arm, None where there is none, or none that a comparison can read."""
    try:
        summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(summary, dict) or not _has(summary, NEEDED):
        return None
    for key, needed in WHERE_THERE.items():
        part = _at(summary, key)
        if part is not None and not _has(part, needed):
            return None
    return summary


def _has(data: Any, needed: Mapping[Key, type | tuple[type, ...]]) -> bool:
    return all(isinstance(_at(data, key), kind) for key, kind in needed.items())


def _at(data: Any, key: Key) -> Any:
    for name in key:
        data = data.get(name) if isinstance(data, Mapping) else None
    return data
