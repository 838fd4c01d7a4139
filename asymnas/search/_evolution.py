"""Evolution as in SPOS: mutants and children of the best so far, topped up with random architectures."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, Literal, get_args

from asymnas.core.errors import InfeasibleConstraint, JobError, Problem
from asymnas.core.seeding import rng_for
from asymnas.search._searcher import Searcher, check_counts, distinct_samples

if TYPE_CHECKING:
    from asymnas.space import Architecture, SearchSpace

__all__ = ["CrossoverLevel", "EvolutionSearcher"]

CrossoverLevel = Literal["gene", "stage", "branch"]

TRIES_PER_CHILD = 10


class EvolutionSearcher(Searcher):
    """Evolution of SPOS (Guo et al., 2020; `evolution` of its public code), the defaults being the published settings.

    The first generation is random. Every later one is made of mutants of the best `parents` found so far, children of
    two of them, and random architectures up to `population`. All are distinct from everything asked before. Unlike the
    public code, every free gene can mutate, a mutation always changes the architecture, and the last generation
    takes part in the choice of the best.

    Args:
        space: the space; its constraints hold for every architecture.
        seed: >= 0.
        population: architectures a generation.
        parents: how many of the best so far may have offspring (SPOS: top-k).
        mutants: mutations wanted a generation; `TRIES_PER_CHILD` draws for each, random ones replace those missing.
        children: crossovers wanted a generation, bounded in the same way.
        mutation_prob: probability of each free gene to get another op, in (0, 1].
        generations: all generations, the random one included; the budget is `population * generations`.
        crossover: what is taken from one parent as a whole: single genes (SPOS), stages or branches.
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
        check_counts({"population": population, "parents": parents, "generations": generations}, least=1)
        check_counts({"mutants": mutants, "children": children, "seed": seed}, least=0)
        problems = []
        if mutants + children > population:
            problems.append(
                Problem("mutants", f"mutants + children must not exceed {population}", f"{mutants} + {children}")
            )
        if not 0 < mutation_prob <= 1:
            problems.append(Problem("mutation_prob", "must be in (0, 1]", str(mutation_prob)))
        if crossover not in get_args(CrossoverLevel):
            problems.append(Problem("crossover", f"must be one of {', '.join(get_args(CrossoverLevel))}", crossover))
        if problems:
            raise JobError(problems)
        super().__init__(space, seed=seed, total=population * generations, generation_size=population)
        self.parents = parents
        self.mutants = mutants
        self.children = children
        self.mutation_prob = mutation_prob
        self.crossover = crossover

    def settings(self) -> dict[str, Any]:
        """Name, seed and options as JSON values."""
        return {
            "searcher": self.name,
            "seed": self.seed,
            "population": self.generation_size,
            "parents": self.parents,
            "mutants": self.mutants,
            "children": self.children,
            "mutation_prob": self.mutation_prob,
            "generations": self.generations,
            "crossover": self.crossover,
        }

    def _propose(self, generation: int, size: int) -> list[Architecture]:
        parents = [architecture for architecture, _ in self.ranked()[: self.parents]]
        found: dict[str, Architecture] = {}
        if parents:
            rng = rng_for(self.seed, "search", generation, "mutation")
            self._breed(
                self.mutants,
                lambda: self.space.mutate(parents[rng.integers(len(parents))], rng, self.mutation_prob),
                found,
            )
        if len(parents) > 1:
            cross_rng = rng_for(self.seed, "search", generation, "crossover")

            def child() -> Architecture:
                first, second = cross_rng.choice(len(parents), size=2, replace=False)
                return self.space.crossover(parents[first], parents[second], cross_rng, self.crossover)

            self._breed(self.children, child, found)
        rng_top_up = rng_for(self.seed, "search", generation, "random")
        seen = self._seen | found.keys()
        return [*found.values(), *distinct_samples(self.space, rng_top_up, size - len(found), seen)]

    def _breed(self, wanted: int, draw: Callable[[], Architecture], found: dict[str, Architecture]) -> None:
        """Add up to `wanted` new architectures to `found`, in at most `TRIES_PER_CHILD` draws for each."""
        goal = len(found) + wanted
        for _ in range(TRIES_PER_CHILD * wanted):
            if len(found) == goal:
                return
            try:
                architecture = draw()
            except InfeasibleConstraint:
                continue  # of these parents no offspring is feasible; others or random ones take the place
            if architecture.key not in self._seen:
                found.setdefault(architecture.key, architecture)
