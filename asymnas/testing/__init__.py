"""Contract tests that plugin authors subclass; needs pytest (`pip install 'asymnas[test]'`)."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from asymnas.testing._search import EvaluatorContract, SearcherContract
    from asymnas.testing._tracker import TrackerContract, moving_square

__all__ = ["EvaluatorContract", "SearcherContract", "TrackerContract", "moving_square"]

_HOME = {
    "EvaluatorContract": "asymnas.testing._search",
    "SearcherContract": "asymnas.testing._search",
    "TrackerContract": "asymnas.testing._tracker",
    "moving_square": "asymnas.testing._tracker",
}


def __getattr__(name: str) -> Any:
    """Import a contract on first use: each needs other heavy packages."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME[name]), name)
