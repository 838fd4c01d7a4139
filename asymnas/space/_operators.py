"""Sampling, mutation, crossover, neighbours and enumeration over the free genes of a space."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from asymnas.core.errors import InfeasibleConstraint, Problem, SpaceError
from asymnas.core.seeding import rng_for
from asymnas.space._architecture import Architecture

if TYPE_CHECKING:
    from asymnas.space._space import SearchSpace

__all__ = ["DRAWS", "ENUMERABLE", "Count", "Level", "available", "count", "crossover", "enumerate_all", "mutate"]
__all__ += ["neighbours", "sample"]

Level = Literal["gene", "stage", "branch"]
DRAWS = 2000
"""How often a random operator draws before it gives up on the constraints."""
ENUMERABLE = 16_384
"""Spaces up to this size are enumerated where that tells more than draws."""

FreeOps = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Count:
    """How many architectures keep the constraints.

    Attributes:
        size: points before constraints.
        feasible: points that keep the constraints, or None where they are too many to look at.
        share: feasible / size, exact or estimated from draws.
        se: standard error of an estimated share; 0 where it is exact.
    """

    size: int
    feasible: int | None
    share: float
    se: float


def _bounded(space: SearchSpace, draw: Callable[[], FreeOps], what: str) -> Architecture:
    """The first draw that keeps the constraints."""
    for _ in range(DRAWS):
        arch = space.from_free_ops(draw())
        if not space.constraints or space.satisfies(arch):
            return arch
    rules = "; ".join(str(item) for item in space.constraints)
    raise InfeasibleConstraint(
        Problem(
            f"{space.name}: constraints",
            f"{what} found no architecture that keeps: {rules}",
            f"0 of {DRAWS} draws (acceptance rate below {1 / DRAWS:.2%})",
            "Loosen the constraints.",
        )
    )


def _uniform(space: SearchSpace, rng: np.random.Generator) -> Callable[[], FreeOps]:
    domains = [gene.ops for gene in space.free_genes]
    counts = np.array([len(ops) for ops in domains], dtype=np.int64)
    return lambda: tuple(ops[n] for ops, n in zip(domains, rng.integers(counts), strict=True))


def sample(space: SearchSpace, rng: np.random.Generator) -> Architecture:
    """Draw uniformly among the architectures that keep the constraints."""
    return _bounded(space, _uniform(space, rng), "sampling")


def mutate(
    space: SearchSpace, arch: Architecture, rng: np.random.Generator, prob: float, *, force: bool
) -> Architecture:
    """Give each free gene another op with probability `prob`; with `force` at least one gene changes."""
    if not 0 <= prob <= 1:
        raise SpaceError(Problem("mutate", "prob is in [0, 1]", f"{prob}"))
    start = _of(space, arch).free_ops

    def draw() -> FreeOps:
        hit = rng.random(len(start)) < prob
        if force and len(start) and not hit.any():
            hit[int(rng.integers(len(start)))] = True
        found = list(start)
        for n in np.flatnonzero(hit):
            others = [op for op in space.free_genes[n].ops if op != start[n]]
            found[n] = others[int(rng.integers(len(others)))]
        return tuple(found)

    return _bounded(space, draw, "mutation")


def crossover(
    space: SearchSpace, a: Architecture, b: Architecture, rng: np.random.Generator, level: Level
) -> Architecture:
    """Take each gene, stage or branch from one of two parents by a fair coin; a tied gene goes with its first place."""
    genes = {gene.id: gene for gene in space.genes}
    units = {
        "gene": lambda name: name,
        "stage": lambda name: (genes[name].branch, genes[name].stage),
        "branch": lambda name: genes[name].branch,
    }
    if level not in units:
        raise SpaceError(Problem("crossover", "level is one of gene, stage, branch", f"'{level}'"))
    owner = [units[level](free.id) for free in space.free_genes]
    number = {unit: n for n, unit in enumerate(dict.fromkeys(owner))}
    one, two = _of(space, a).free_ops, _of(space, b).free_ops

    def draw() -> FreeOps:
        coins = rng.random(len(number)) < 0.5
        return tuple(x if coins[number[unit]] else y for unit, x, y in zip(owner, one, two, strict=True))

    return _bounded(space, draw, f"crossover of {a.key} and {b.key}")


def neighbours(space: SearchSpace, arch: Architecture) -> Iterator[Architecture]:
    """Yield the architectures that differ in one free gene and keep the constraints."""
    start = _of(space, arch).free_ops
    for n, gene in enumerate(space.free_genes):
        for op in gene.ops:
            if op != start[n]:
                other = space.from_free_ops((*start[:n], op, *start[n + 1 :]))
                if space.satisfies(other):
                    yield other


def enumerate_all(space: SearchSpace) -> Iterator[Architecture]:
    """Yield every architecture that keeps the constraints, the last free gene changing fastest."""
    for ops in itertools.product(*(gene.ops for gene in space.free_genes)):
        arch = space.from_free_ops(ops)
        if space.satisfies(arch):
            yield arch


def available(space: SearchSpace, wanted: int) -> int:
    """Return how many of `wanted` distinct architectures a space has.

    Constraints count in spaces of up to `ENUMERABLE` points; in larger ones the points are counted before constraints.
    """
    if not space.constraints or space.size > ENUMERABLE:
        return min(wanted, space.size)
    return sum(1 for _ in itertools.islice(enumerate_all(space), wanted))


def _of(space: SearchSpace, arch: Architecture) -> Architecture:
    """The same architecture after a check that it is of this space."""
    return arch if arch.space is space or arch.space.hash == space.hash else space.architecture(arch.genes)


def count(space: SearchSpace, *, limit: int, draws: int, seed: int) -> Count:
    """Count the architectures that keep the constraints: exactly up to `limit` points, else by `draws` draws."""
    if not space.constraints:
        return Count(space.size, space.size, 1.0, 0.0)
    if space.size <= limit:
        feasible = sum(1 for _ in enumerate_all(space))
        return Count(space.size, feasible, feasible / space.size, 0.0)
    draw = _uniform(space, rng_for(seed, "count"))
    share = sum(space.satisfies(space.from_free_ops(draw())) for _ in range(draws)) / draws
    return Count(space.size, None, share, (share * (1 - share) / draws) ** 0.5)
