"""What is known of the architecture that scored highest: its chance to be the best, its lead, its equals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from asymnas.core.reliability import complete_block
from asymnas.core.seeding import rng_for


@dataclass(frozen=True, slots=True)
class Shrinkage:
    """What of the winner's lead is expected to be noise (regression to the mean).

    Args:
        lead: the winner's measured mean minus the mean of all.
        expected: (1 - reliability) * lead: how much lower it is expected to come out on new items.
        by_order: the same for the best of as many from a normal distribution, without looking at this winner.
    """

    lead: float
    expected: float
    by_order: float


def chance_of_best_share(
    means: np.ndarray, reliability: float, *, share: float = 0.1, samples: int = 4000, seed: int = 0
) -> float:
    """Return the probability that the one with the highest measured mean is truly among the best `share` of them.

    Normal model: given the measured means, the true ones are independent normals around the shrunken means, with
    variance 1 - reliability in units of the true spread.

    Args:
        means: (n,) measured means, n >= 2.
        reliability: of the means, in [0, 1].
        share: of the n; at least one.
        samples: of the simulation.
        seed: of the simulation.
    """
    means = np.asarray(means, float)
    spread = float(means.std(ddof=1))
    standard = (means - means.mean()) / spread if spread > 0 else np.zeros(len(means))
    noise = rng_for(seed, "best share").normal(size=(samples, len(means)))
    true = np.sqrt(reliability) * standard + np.sqrt(1 - reliability) * noise
    better = (true > true[:, [int(means.argmax())]]).sum(1)
    return float((better < max(1, round(share * len(means)))).mean())


def winners_shrinkage(means: np.ndarray, reliability: float) -> Shrinkage:
    """Return how much of the winner's lead among (n,) measured means, n >= 2, is expected to vanish on new items."""
    from scipy.integrate import quad
    from scipy.special import ndtr

    means = np.asarray(means, float)
    n, lead = len(means), float(means.max() - means.mean())
    # E max of n standard normals = integral of 1 - F^n above 0 minus that of F^n below 0
    largest = quad(lambda x: 1 - ndtr(x) ** n - ndtr(-x) ** n, 0, 12)[0]
    noise = 1 - reliability
    return Shrinkage(lead, noise * lead, noise * float(largest) * float(means.std(ddof=1)))


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
