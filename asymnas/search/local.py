"""Local search: from an architecture to a better one beside it, until there is none."""

from __future__ import annotations

from typing import Any, ClassVar

from asymnas.core.models import Count, JobModel
from asymnas.core.seeding import rng_for
from asymnas.search.searcher import Searcher, SearcherPlugin, distinct_samples
from asymnas.space import Architecture, SearchSpace


class LocalSearcher(Searcher):
    """Local search (White et al. 2021, https://arxiv.org/abs/2005.02960), in batches.

    A climb starts at the best of `batch` random architectures. Neighbours of where it stands, one gene away, are asked
    in random order, `batch` at once; the climb goes to the best of them as soon as one is better. Where all neighbours
    were asked and none is better, random ones fill the batch, and the best of these is the next start.

    Args:
        space, seed: see `Searcher`.
        budget: architectures in all.
        batch: architectures asked at once.
    """

    name: ClassVar[str] = "local"

    def __init__(self, space: SearchSpace, *, seed: int, budget: int, batch: int = 10) -> None:
        super().__init__(space, seed=seed, total=budget, generation_size=min(batch, budget))
        self._here: Architecture | None = None
        self._near: list[Architecture] = []  # neighbours asked last
        self._far: list[Architecture] = []  # random ones asked last

    def propose(self, generation: int, size: int) -> list[Architecture]:
        """Return neighbours not asked before, then random architectures."""
        rng = rng_for(self.seed, "search", generation, "local")
        self._move()
        near: list[Architecture] = []
        if self._here is not None:
            near = [item for item in self.space.neighbours(self._here) if item.key not in self.seen]
            near = [near[n] for n in rng.permutation(len(near))]
        self._near = self.screened(near[: self.screen * size], size, rng)
        taken = self.seen | {item.key for item in self._near}
        self._far = distinct_samples(self.space, rng, size - len(self._near), taken)
        return [*self._near, *self._far]

    def _move(self) -> None:
        """Go to the best of what was asked last, if it is better, or to a new start."""
        merit = {success[0].key: self.merit(success) for success in self.successes()}
        if self._here is not None:
            best = max([self._here, *self._near], key=lambda item: merit.get(item.key, (-1, 0.0)))
            if best is not self._here or not self._far:
                self._here = best
                return
        starts = [item for item in self._far if item.key in merit]
        self._here = max(starts, key=lambda item: merit[item.key], default=None)


class LocalOptions(JobModel):
    """What a job adds."""

    batch: Count = 10
    """Neighbours asked at once."""


def _build(space: SearchSpace, seed: int, section: Any) -> LocalSearcher:
    return LocalSearcher(space, seed=seed, budget=section.evaluations, batch=section.batch)


plugin = SearcherPlugin(
    "local", "from one to a better neighbour, with restarts (White et al. 2021)", _build, LocalOptions
)
