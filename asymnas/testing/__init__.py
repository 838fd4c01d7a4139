"""Contract tests that plugin authors subclass; needs pytest (`pip install 'asymnas[test]'`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asymnas.core.lazy import lazy

if TYPE_CHECKING:
    from asymnas.testing._mixer import MixerContract
    from asymnas.testing._op import OpContract
    from asymnas.testing._search import EvaluatorContract, SearcherContract
    from asymnas.testing._tracker import TrackerContract, moving_square

__all__ = ["EvaluatorContract", "MixerContract", "OpContract", "SearcherContract", "TrackerContract", "moving_square"]

_HOME = {
    "EvaluatorContract": "asymnas.testing._search",
    "MixerContract": "asymnas.testing._mixer",
    "OpContract": "asymnas.testing._op",
    "SearcherContract": "asymnas.testing._search",
    "TrackerContract": "asymnas.testing._tracker",
    "moving_square": "asymnas.testing._tracker",
}
__getattr__ = lazy(__name__, _HOME)
