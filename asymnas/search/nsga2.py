"""NSGA-II: a search that leaves the best compromises between several objectives."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

import numpy as np
from pydantic import Field, field_validator

from asymnas.core.models import JobModel, Share
from asymnas.core.seeding import rng_for
from asymnas.search.evolution import CrossoverLevel
from asymnas.search.objectives import Objectives, faults, order_by_fronts
from asymnas.search.searcher import Searcher, SearcherPlugin
from asymnas.space import Architecture, SearchSpace

DEFAULT = ("reward", "macs")


class NSGA2Searcher(Searcher):
    """NSGA-II (Deb et al. 2002, https://doi.org/10.1109/4235.996017) with mutation and crossover of the space.

    The first generation is random. The parents of every later one are the best `population` of all so far, by front
    and, inside a front, by crowding distance; a child has the winners of two tournaments as parents, and mutates.
    Different from the paper, parents come from all that was ever measured, which worths that an estimator corrects
    later may bring back, and no architecture is asked twice.

    Args:
        space, seed: see `Searcher`.
        budget: architectures in all.
        population: architectures a generation, and parents.
        objectives: their names, see `asymnas.search.objectives.Objective`; `best` goes by the reward alone.
        mutation_prob: probability of each free gene of a child to get another op; at least one does.
        crossover: what is taken from one parent as a whole.
        crossover_prob: probability that a child has two parents.

    Raises:
        JobError: an objective is none.
    """

    name: ClassVar[str] = "nsga2"

    def __init__(
        self,
        space: SearchSpace,
        *,
        seed: int,
        budget: int,
        population: int = 50,
        objectives: tuple[str, ...] = DEFAULT,
        mutation_prob: float = 0.1,
        crossover: CrossoverLevel = "gene",
        crossover_prob: float = 0.9,
    ) -> None:
        super().__init__(space, seed=seed, total=budget, generation_size=min(population, budget))
        self.objectives = Objectives(objectives, space)
        self.mutation_prob, self.crossover, self.crossover_prob = mutation_prob, crossover, crossover_prob

    def propose(self, generation: int, size: int) -> list[Architecture]:
        """Return children of the best compromises, and random architectures where there are too few."""
        rng = rng_for(self.seed, "search", generation, "nsga2")
        found: dict[str, Architecture] = {}
        architectures, values = self.measured()
        if len(architectures) > 1:
            ranks, crowding = order_by_fronts(values * self.objectives.signs)
            parents = np.lexsort((-crowding, ranks))[: self.generation_size]  # best first
            found = self.bred(lambda: self._child([architectures[n] for n in parents], rng), size, rng)
        return self.filled(found, size, rng)

    def measured(self) -> tuple[list[Architecture], np.ndarray]:
        """Return all successes in the order told, and (n, m) values of the objectives."""
        successes = self.successes()
        found = [architecture for architecture, _ in successes]
        evaluations = [self.evaluations.get(item.key) for item in found]
        return found, self.objectives.values(found, [worth for _, worth in successes], evaluations)

    def screened(self, proposals: Any, count: int, rng: np.random.Generator) -> list[Architecture]:
        """Return `count` of the proposals, by fronts and crowding of one draw of their worths and their costs."""
        if self.estimator is None or not self._archive or len(proposals) <= count:
            return list(proposals[:count])
        worths = self.estimator.predict(proposals).draw(rng, 1)[0]
        values = self.objectives.values(proposals, worths.tolist(), [None] * len(proposals))
        ranks, crowding = order_by_fronts(values * self.objectives.signs)
        return [proposals[n] for n in np.lexsort((-crowding, ranks))[:count]]

    def _child(self, parents: list[Architecture], rng: np.random.Generator) -> Architecture:
        one, two = rng.integers(len(parents), size=(2, 2)).min(1)  # tournaments of two; parents are sorted
        child = parents[one]
        if rng.random() < self.crossover_prob:
            child = self.space.crossover(child, parents[two], rng, self.crossover)
        return self.space.mutate(child, rng, self.mutation_prob)


class NSGA2Options(JobModel):
    """What a job adds."""

    objectives: Annotated[list[str], Field(min_length=2)] = Field(default_factory=lambda: list(DEFAULT))
    """reward, worst_condition, condition:NAME, macs, params, latency, or any of the last three .BRANCH: two or more."""
    crossover_prob: Share = 0.9
    """Probability that a child has two parents."""

    @field_validator("objectives")
    @classmethod
    def _known(cls, names: list[str]) -> list[str]:
        found = faults(names, None)
        if found:
            raise ValueError("; ".join(f"{item.rule}, not {item.value}. {item.way_out}" for item in found))
        return names


def _build(space: SearchSpace, seed: int, section: Any) -> NSGA2Searcher:
    return NSGA2Searcher(
        space,
        seed=seed,
        budget=section.evaluations,
        population=section.population,
        objectives=tuple(section.objectives),
        mutation_prob=section.mutation_prob,
        crossover=section.crossover,
        crossover_prob=section.crossover_prob,
    )


plugin = SearcherPlugin("nsga2", "the best compromises between objectives (Deb et al. 2002)", _build, NSGA2Options)
