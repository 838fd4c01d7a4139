"""Tests of scores paired by item, one pair or many at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from asymnas.core.reliability import complete_block


def paired_p(a: np.ndarray, b: np.ndarray) -> float:
    """Return the two-sided p of Wilcoxon's signed-rank test of two (n,) scores of the same items; 1 for equal ones."""
    from scipy.stats import wilcoxon

    difference = np.asarray(a, float) - np.asarray(b, float)
    return float(wilcoxon(difference).pvalue) if difference.any() else 1.0


def holm(given: Sequence[float]) -> np.ndarray:
    """Return (n,) p values adjusted by Holm's rule: together they err with the probability that each states."""
    p = np.asarray(given, float)
    order = np.argsort(p)
    stepped = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(1.0, stepped)
    return adjusted


def not_worse_than_best(table: np.ndarray, *, level: float = 0.95) -> int:
    """Return how many others of an (architectures, items) table cannot be told from the one with the highest mean.

    Paired by item, Wilcoxon's test with Holm's rule. The best was chosen by the same values, which flatters it: the
    number is too small rather than too large.
    """
    table = np.asarray(table, float)
    block = complete_block(table)
    values = table[np.ix_(block.rows, block.columns)]
    best = int(values.mean(1).argmax())
    p = holm([paired_p(values[best], row) for place, row in enumerate(values) if place != best])
    return int((p > 1 - level).sum())
