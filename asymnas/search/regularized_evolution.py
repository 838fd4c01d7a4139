"""Regularized evolution: a population in which the oldest dies, and not the worst."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from asymnas.core.models import Count, JobModel
from asymnas.core.seeding import rng_for
from asymnas.search.searcher import Searcher, SearcherPlugin
from asymnas.space import Architecture, SearchSpace


class RegularizedEvolution(Searcher):
    """Aging evolution of Real et al. (2019, https://arxiv.org/abs/1802.01548, algorithm 1).

    The first `population` architectures are random. Then, for each that is asked, the best of `tournament` members
    drawn with replacement is the parent; its child differs in one gene, and enters the population for the oldest
    member. Different from the paper, `batch` children are asked at once, from one state of the population; no
    architecture is asked twice; failures enter no population.

    Args:
        space, seed: see `Searcher`.
        budget: architectures in all.
        population: members (paper: P).
        tournament: members that a parent is the best of (paper: S).
        batch: children asked at once.
    """

    name: ClassVar[str] = "regularized_evolution"

    def __init__(
        self,
        space: SearchSpace,
        *,
        seed: int,
        budget: int,
        population: int = 50,
        tournament: int = 10,
        batch: int = 10,
    ) -> None:
        super().__init__(space, seed=seed, total=budget, generation_size=min(batch, population, budget))
        self.population, self.tournament = population, tournament

    def propose(self, generation: int, size: int) -> list[Architecture]:
        """Return random architectures until the population is full, then mutants of tournaments' winners."""
        rng = rng_for(self.seed, "search", generation, "regularized evolution")
        members = self.successes()[-self.population :]
        found: dict[str, Architecture] = {}
        if len(self._archive) >= self.population and members:
            found = self.bred(lambda: self._child(members, rng), size, rng)
        return self.filled(found, size, rng)

    def _child(self, members: list[tuple[Architecture, float]], rng: np.random.Generator) -> Architecture:
        drawn = [members[n] for n in rng.integers(len(members), size=self.tournament)]
        parent, _ = max(drawn, key=self.merit)
        return self.space.mutate(parent, rng, 0.0)


class RegularizedOptions(JobModel):
    """What a job adds."""

    tournament: Count = 10
    """Members of the population that a parent is the best of."""
    batch: Count = 10
    """Children asked at once."""


def _build(space: SearchSpace, seed: int, section: Any) -> RegularizedEvolution:
    return RegularizedEvolution(
        space,
        seed=seed,
        budget=section.evaluations,
        population=section.population,
        tournament=section.tournament,
        batch=section.batch,
    )


plugin = SearcherPlugin(
    "regularized_evolution", "mutants; the oldest dies (Real et al. 2019)", _build, RegularizedOptions
)
