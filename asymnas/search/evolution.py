"""Evolution as in SPOS: mutants and children of the best so far, topped up with random architectures."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np

from asymnas.core.errors import JobError, Problem
from asymnas.core.seeding import rng_for
from asymnas.search.searcher import Searcher, SearcherPlugin
from asymnas.space import Architecture, SearchSpace

CrossoverLevel = Literal["gene", "stage", "branch"]


class EvolutionSearcher(Searcher):
    """Evolution of SPOS (Guo et al., 2020, https://arxiv.org/abs/1904.00420, algorithm 1), with its published settings.

    The first generation is random. Every later one is made of mutants of the best `parents` found so far, children of
    two of them, and random architectures up to `population`. All are distinct from everything asked before. Unlike the
    public code, every free gene can mutate, a mutation always changes the architecture, and the last generation
    takes part in the choice of the best.

    Args:
        space, seed: see `Searcher`.
        population: architectures a generation.
        parents: how many of the best so far may have offspring (SPOS: top-k).
        mutants: mutations wanted a generation; `TRIES_PER_CHILD` draws for each, random ones replace those missing.
        children: crossovers wanted a generation, bounded in the same way.
        mutation_prob: probability of each free gene to get another op, in (0, 1].
        generations: all generations, the random one included; the budget is `population * generations`.
        crossover: what is taken from one parent as a whole: single genes (SPOS), stages or branches.

    Raises:
        JobError: mutants and children exceed the population.
    """

    name: ClassVar[str] = "evolution"

    def __init__(
        self,
        space: SearchSpace,
        *,
        seed: int,
        population: int = 50,
        parents: int = 10,
        mutants: int = 25,
        children: int = 25,
        mutation_prob: float = 0.1,
        generations: int = 20,
        crossover: CrossoverLevel = "gene",
    ) -> None:
        if mutants + children > population:
            rule = f"mutants + children must not exceed {population}"
            raise JobError(Problem("mutants", rule, f"{mutants} + {children}"))
        super().__init__(space, seed=seed, total=population * generations, generation_size=population)
        self.parents, self.mutants, self.children = parents, mutants, children
        self.mutation_prob, self.crossover = mutation_prob, crossover

    def propose(self, generation: int, size: int) -> list[Architecture]:
        """Return mutants and children, the best of `screen` times as many proposals, and random architectures."""
        selected = [architecture for architecture, _ in self.ranked()[: self.parents]]
        found: dict[str, Architecture] = {}
        if selected:
            mutation = rng_for(self.seed, "search", generation, "mutation")
            found |= self.bred(lambda: self._mutant(selected, mutation), self.mutants, mutation)
        if len(selected) > 1:
            crossover = rng_for(self.seed, "search", generation, "crossover")
            found |= self.bred(lambda: self._child(selected, crossover), self.children, crossover, found)
        return self.filled(found, size, rng_for(self.seed, "search", generation, "random"))

    def _mutant(self, parents: list[Architecture], rng: np.random.Generator) -> Architecture:
        return self.space.mutate(parents[rng.integers(len(parents))], rng, self.mutation_prob)

    def _child(self, parents: list[Architecture], rng: np.random.Generator) -> Architecture:
        first, second = rng.choice(len(parents), size=2, replace=False)
        return self.space.crossover(parents[first], parents[second], rng, self.crossover)


def _build(space: SearchSpace, seed: int, section: Any) -> EvolutionSearcher:
    names = ("population", "parents", "mutants", "children", "mutation_prob", "generations", "crossover")
    return EvolutionSearcher(space, seed=seed, **{name: getattr(section, name) for name in names})


plugin = SearcherPlugin("evolution", "mutants and children of the best so far (SPOS)", _build)
