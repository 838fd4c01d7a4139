"""How often each op was chosen for each gene among the best architectures, beside what chance would give."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from asymnas.search import Evaluation

__all__ = ["OpFrequencies", "op_frequencies"]

BEST_SHARE = 0.25


@dataclass(frozen=True, slots=True)
class OpFrequencies:
    """Shares of ops among the best architectures.

    Args:
        genes: gene ids.
        ops: op tokens.
        shares: share by gene and op, in [0, 1]; None where the gene does not have the op.
        chance: by gene, (low, high): 95 % of independent uniform choices fall between.
        count: architectures counted.
    """

    genes: list[str]
    ops: list[str]
    shares: list[list[float | None]]
    chance: list[tuple[float, float]]
    count: int


def op_frequencies(evaluations: Sequence[Evaluation]) -> OpFrequencies | None:
    """Count the ops of the best quarter of distinct evaluated architectures; None if there are fewer than 8 in all.

    The band is for independent choices. Architectures of an evolution are kin: a share outside it is a hint, no proof.
    """
    distinct = {tuple(sorted(item.genes.items())): item for item in evaluations if item.genes and item.suc is not None}
    if len(distinct) < 8:
        return None
    ranked = sorted(distinct.values(), key=lambda item: item.suc or 0.0, reverse=True)
    best = [item.genes or {} for item in ranked[: max(4, round(BEST_SHARE * len(ranked)))]]
    every = [item.genes or {} for item in ranked]
    genes = list(every[0])
    ops = sorted({op for item in every for op in item.values()})
    shares: list[list[float | None]] = []
    chance = []
    for gene in genes:
        seen = {item[gene] for item in every}
        shares.append([sum(item[gene] == op for item in best) / len(best) if op in seen else None for op in ops])
        p = 1 / len(seen)
        half = 1.96 * math.sqrt(p * (1 - p) / len(best))
        chance.append((max(0.0, p - half), min(1.0, p + half)))
    return OpFrequencies(genes, ops, shares, chance, len(best))
