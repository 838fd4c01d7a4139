"""Drawing, mutation and crossover over the free genes of a space, as functions that draw one op a free gene."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from asymnas.space._genes import FreeGene, Gene

Level = Literal["gene", "stage", "branch"]
FreeOps = tuple[str, ...]
"""One op a free gene, in their order."""
Draw = Callable[[], FreeOps]


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


def uniform(free: Sequence[FreeGene], rng: np.random.Generator) -> Draw:
    """Draw every free gene's op uniformly."""
    domains = [gene.ops for gene in free]
    counts = np.array([len(ops) for ops in domains], dtype=np.int64)
    return lambda: tuple(ops[n] for ops, n in zip(domains, rng.integers(counts), strict=True))


def mutant(free: Sequence[FreeGene], start: FreeOps, rng: np.random.Generator, prob: float, *, force: bool) -> Draw:
    """Give each free gene another op than `start` has with probability `prob`; with `force` at least one changes."""

    def draw() -> FreeOps:
        hit = rng.random(len(start)) < prob
        if force and len(start) and not hit.any():
            hit[int(rng.integers(len(start)))] = True
        found = list(start)
        for n in np.flatnonzero(hit).tolist():
            others = [op for op in free[n].ops if op != start[n]]
            found[n] = others[int(rng.integers(len(others)))]
        return tuple(found)

    return draw


def child(firsts: Sequence[Gene], one: FreeOps, two: FreeOps, rng: np.random.Generator, level: Level) -> Draw:
    """Take each gene, stage or branch from one of two parents by a fair coin; `firsts` are the free genes' places."""
    units: dict[str, Callable[[Gene], Hashable]] = {
        "gene": lambda gene: gene.id,
        "stage": lambda gene: (gene.branch, gene.stage),
        "branch": lambda gene: gene.branch,
    }
    owner = [units[level](gene) for gene in firsts]
    number = {unit: n for n, unit in enumerate(dict.fromkeys(owner))}

    def draw() -> FreeOps:
        coins = rng.random(len(number)) < 0.5
        return tuple(x if coins[number[unit]] else y for unit, x, y in zip(owner, one, two, strict=True))

    return draw
