"""Contract tests that plugin authors subclass; needs pytest (`pip install 'asymnas[test]'`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asymnas.core.lazy import lazy

if TYPE_CHECKING:
    from asymnas.testing._mixer import MixerContract
    from asymnas.testing._op import OpContract
    from asymnas.testing._search import PoolContract, SearcherContract
    from asymnas.testing._task import TaskContract
    from asymnas.testing._tracker import TrackerContract, moving_square

__all__ = [
    "MixerContract",
    "OpContract",
    "PoolContract",
    "SearcherContract",
    "TaskContract",
    "TrackerContract",
    "moving_square",
]

__getattr__ = lazy(
    __name__,
    {
        "MixerContract": "asymnas.testing._mixer",
        "OpContract": "asymnas.testing._op",
        **dict.fromkeys(("PoolContract", "SearcherContract"), "asymnas.testing._search"),
        "TaskContract": "asymnas.testing._task",
        **dict.fromkeys(("TrackerContract", "moving_square"), "asymnas.testing._tracker"),
    },
)
