"""What an archive says: which ops are found more often than chance, and how alike two branches are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.stats import binom

from asymnas.core.errors import EvaluationError, Problem
from asymnas.space import Architecture, FreeGene


@dataclass(frozen=True, slots=True)
class OpFrequency:
    """How often one op was chosen at one place.

    Args:
        place: id of the free gene, or name of the branch.
        op: the op.
        count: how often it was chosen.
        draws: choices in all at that place.
        expected: probability of the op under uniform choice.
        low: smallest frequency inside the chance band.
        high: largest frequency inside the chance band.
    """

    place: str
    op: str
    count: int
    draws: int
    expected: float
    low: float
    high: float

    @property
    def frequency(self) -> float:
        """Share of the choices, in [0, 1]."""
        return self.count / self.draws

    @property
    def beyond_chance(self) -> bool:
        """Whether the frequency is outside the band."""
        return not self.low <= self.frequency <= self.high


def op_frequencies(
    architectures: Sequence[Architecture], *, by: Literal["gene", "branch"] = "gene", level: float = 0.95
) -> list[OpFrequency]:
    """Count the ops of some architectures of one space against uniform choice.

    Tied genes are one decision and count once, in the branch of their first place; fixed genes do not count. The band
    is the central binomial interval of as many independent uniform draws. Relatives, such as the best of one
    evolution, are not independent: for them the band is too narrow, and of many bands some are left by chance.

    Args:
        architectures: at least one, e.g. the best of an archive or one winner a seed.
        by: one row an op and free gene, or an op and branch (over genes with equal ops).
        level: probability that a uniform count is inside its band, at least; in (0, 1).

    Raises:
        EvaluationError: there is no architecture, or they are of different spaces.
    """
    hashes = {architecture.space.hash for architecture in architectures}
    if len(hashes) != 1:
        raise EvaluationError(f"ops are counted over architectures of one space, but got {len(hashes)} spaces.")
    genes: Sequence[FreeGene] = architectures[0].space.free_genes
    branch_of = {gene.id: gene.branch for gene in architectures[0].space.genes}
    groups: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for gene in genes:
        place = gene.id if by == "gene" else branch_of[gene.id]
        groups.setdefault((place, tuple(sorted(gene.ops)) if by == "branch" else gene.ops), []).append(gene.id)
    rows = []
    for (place, ops), ids in groups.items():
        chosen = [architecture.genes[name] for architecture in architectures for name in ids]
        draws, expected = len(chosen), 1 / len(ops)
        low, high = (float(bound) / draws for bound in binom.interval(level, draws, expected))
        rows += [OpFrequency(place, op, chosen.count(op), draws, expected, low, high) for op in ops]
    return rows


@dataclass(frozen=True, slots=True)
class AsymmetryIndex:
    """How alike two branches of one architecture chose.

    Args:
        first: name of one branch.
        second: name of the other.
        equal: matching places with the same op.
        places: matching places that are decided independently of each other.
        tied: matching places that cannot differ, because they are tied or fixed; in neither number above.
        null: (places + 1,) probability of each number of equal places under independent uniform choices.
    """

    first: str
    second: str
    equal: int
    places: int
    tied: int
    null: np.ndarray

    @property
    def share(self) -> float:
        """Share of equal places, in [0, 1]; NaN without independent places."""
        return self.equal / self.places if self.places else float("nan")

    @property
    def expected(self) -> float:
        """Share of equal places under the null; NaN without independent places."""
        return float(self.null @ np.arange(len(self.null))) / self.places if self.places else float("nan")

    def band(self, level: float = 0.95) -> tuple[float, float]:
        """Return the central band of the share under the null, of probability `level` or more; NaN without places."""
        if not self.places:
            return float("nan"), float("nan")
        cumulative = self.null.cumsum()
        low, high = (int(np.searchsorted(cumulative, tail)) for tail in ((1 - level) / 2, (1 + level) / 2))
        return low / self.places, min(high, self.places) / self.places


def asymmetry_index(architecture: Architecture, first: str, second: str) -> AsymmetryIndex:
    """Compare two branches place by place (`template.stage2.block1` with `search.stage2.block1`, and so on).

    Two independent uniform branches of 24 places with four ops agree at 6 +- 2.1 places: only a number far from that
    says anything about symmetry. Places that only one of the branches has are left out.

    Raises:
        EvaluationError: the branches have no place in common.
    """
    space = architecture.space
    ops = {gene.id: gene.ops for gene in space.genes}
    group = {place: gene.id for gene in space.free_genes for place in gene.places}
    pairs = [
        (gene.id, f"{second}{gene.id.removeprefix(first)}")
        for gene in space.genes
        if gene.branch == first and f"{second}{gene.id.removeprefix(first)}" in ops
    ]
    if not pairs:
        value = f"'{first}' and '{second}'"
        raise EvaluationError(Problem(f"space '{space.name}'", "the two branches must have places in common", value))
    independent = [(a, b) for a, b in pairs if a in group and b in group and group[a] != group[b]]
    null = np.ones(1)
    for a, b in independent:
        same = len(set(ops[a]) & set(ops[b])) / (len(ops[a]) * len(ops[b]))
        null = np.convolve(null, [1 - same, same])
    equal = sum(architecture.genes[a] == architecture.genes[b] for a, b in independent)
    return AsymmetryIndex(first, second, equal, len(independent), len(pairs) - len(independent), null)
