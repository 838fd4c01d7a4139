"""Random search: distinct architectures, uniformly drawn."""

from __future__ import annotations

from typing import Any, ClassVar

from asymnas.core.seeding import rng_for
from asymnas.search.searcher import Searcher, SearcherPlugin, distinct_samples
from asymnas.space import Architecture, SearchSpace, available


class RandomSearcher(Searcher):
    """Distinct architectures drawn uniformly from the (feasible) space.

    Args:
        space, seed: see `Searcher`.
        budget: architectures in all.
        batch: architectures a generation; it changes nothing but how many are evaluated between two reports.

    Raises:
        SearchSpaceExhausted: fewer than `budget` architectures were found; all are drawn at once.
    """

    name: ClassVar[str] = "random"

    def __init__(self, space: SearchSpace, *, seed: int, budget: int, batch: int = 50) -> None:
        super().__init__(space, seed=seed, total=budget, generation_size=min(batch, budget))
        # one stream for the whole budget, so that `batch` changes nothing
        self._all = distinct_samples(space, rng_for(seed, "search", "random"), budget, set())

    def propose(self, generation: int, size: int) -> list[Architecture]:
        """Return the next of the drawn architectures."""
        start = len(self._archive)
        return self._all[start : start + size]


def drawn_architectures(space: SearchSpace, count: int, seed: int, purpose: str) -> list[Architecture]:
    """Return `count` distinct random architectures, or all that the space has; seed and purpose decide which."""
    own = int(rng_for(seed, purpose).integers(2**31))
    return distinct_samples(space, rng_for(own, "search", "random"), available(space, count), set())


def _build(space: SearchSpace, seed: int, section: Any) -> RandomSearcher:
    own = int(rng_for(seed, "search").integers(2**31))
    return RandomSearcher(space, seed=own, budget=section.evaluations, batch=section.population)


plugin = SearcherPlugin("random", "distinct architectures, uniformly drawn", _build)
