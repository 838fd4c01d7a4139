"""How much a search may spend, counted from its log."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from asymnas.search.results import Evaluation


@dataclass(frozen=True, slots=True)
class SearchLimit:
    """A search ends after the generation in which one of these is used up; None for no limit.

    Args:
        items: values by item that were measured, over all rungs.
        seconds: of all evaluations, as the log has them, so that a resumed run ends where an uninterrupted one does.
    """

    items: int | None = None
    seconds: float | None = None

    def reached(self, evaluations: Sequence[Evaluation]) -> bool:
        """Whether these evaluations used it up."""
        items, seconds = spent_items(evaluations), spent_seconds(evaluations)
        return (self.items is not None and items >= self.items) or (
            self.seconds is not None and seconds >= self.seconds
        )

    def spent(self, evaluations: Sequence[Evaluation]) -> SearchLimit:
        """Return what these evaluations used, in the units of this limit: that of a baseline of equal cost."""
        return SearchLimit(
            None if self.items is None else spent_items(evaluations),
            None if self.seconds is None else spent_seconds(evaluations),
        )


def spent_items(evaluations: Sequence[Evaluation]) -> int:
    """Return how many values by item there are, of all conditions."""
    return sum(len(item.items) * max(1, len(item.conditions)) for item in evaluations)


def spent_seconds(evaluations: Sequence[Evaluation]) -> float:
    """Return how long they took, in seconds of one worker."""
    return sum(item.seconds for item in evaluations)
