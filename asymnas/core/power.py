"""Differences over seeds crossed with items: where their variance comes from, and what a budget can show.

Arms are compared on S seeds and the same I items, which gives paired differences `d[s, i]` (S, I). The model is that of
two crossed random factors without replicates (Searle, Casella and McCulloch, *Variance Components*, 1992, ch. 4):

    d[s, i] = effect + seed[s] + item[i] + interaction[s, i]

with three variances, that are estimated from the mean squares A of seeds, B of items and E of the rest, whose
expectations are `interaction + I seed`, `interaction + S item` and `interaction`. The mean over all has the variance
`(E[A] + E[B] - E[E]) / (S I)`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from asymnas.core.errors import DataError
from asymnas.core.seeding import rng_for
from asymnas.core.statistics import Interval

POWER = 0.8
"""Power that "detectable" is stated for, as is the custom."""

DRAWS = 20_000
"""Simulated comparisons a budget."""


@dataclass(frozen=True, slots=True)
class CrossedVariance:
    """Variances of one paired difference, each >= 0: of the seed, of the item, and of both together with all noise."""

    seed: float
    item: float
    interaction: float

    def parts(self, seeds: int, items: int) -> dict[str, float]:
        """Return what each factor adds to the variance of the mean over `seeds` and `items`."""
        return {
            "seed": self.seed / seeds,
            "item": self.item / items,
            "interaction": self.interaction / (seeds * items),
        }


@dataclass(frozen=True, slots=True)
class Expected:
    """What a comparison of some budget will see.

    Attributes:
        half_width: half the width of its interval; half of all comparisons have a narrower one.
        detectable: the smallest true difference whose interval is clear of zero with probability `POWER`.
    """

    half_width: float
    detectable: float


def crossed_variance(differences: np.ndarray) -> CrossedVariance:
    """Estimate the variances from (seeds, items) paired differences; what comes out negative is 0.

    One seed tells nothing of seeds, and its interaction counts as the items'; so it is the other way round.
    """
    table = _table(differences)
    seeds, items = table.shape
    if seeds == 1 or items == 1:
        spread = float(table.var(ddof=1)) if table.size > 1 else 0.0
        return CrossedVariance(0.0 if seeds == 1 else spread, spread if seeds == 1 else 0.0, 0.0)
    a, b, e = _mean_squares(table)
    return CrossedVariance(max(a - e, 0.0) / items, max(b - e, 0.0) / seeds, e)


def crossed_interval(differences: np.ndarray, *, level: float = 0.95, value: float | None = None) -> Interval:
    """Return the mean of (seeds, items) paired differences with its interval over seeds and items.

    Half of its width is the root of `(t(S-1)^2 A + t(I-1)^2 max(B - E, 0)) / (S I)`, t being the quantiles of Student's
    distribution: the interval of the seeds' means, to which the items add, in quadrature, what all seeds share (Howe,
    JASA 1974). It errs in at most `1 - level` of the cases whatever the variances are, with two seeds too, where
    an interval by Satterthwaite's degrees of freedom errs up to twice as often. With one seed it is the items' t
    interval, and says nothing of other seeds; of one item alone it is 1 to each side.

    Args:
        differences: (seeds, items) finite values.
        level: coverage in (0, 1).
        value: the estimate, where it is not the mean (of jackknife pseudo-values).
    """
    table = _table(differences)
    seeds, items = table.shape
    mean = float(table.mean()) if value is None else value
    if items == 1:
        return Interval(mean, mean - 1.0, mean + 1.0)
    a, b, e = _mean_squares(table)
    half = float(_half_width(np.array(a), np.array(b), np.array(e), seeds, items, level))
    return Interval(mean, mean - half, mean + half)


def expected(variance: CrossedVariance, seeds: int, items: int, *, level: float = 0.95) -> Expected:
    """Return what a comparison over `seeds` >= 1 and `items` >= 2 will see, by simulating its mean squares."""
    rng = rng_for(0, "power of a comparison")
    e = np.full(DRAWS, variance.interaction)
    a = np.zeros(DRAWS)
    at_items = variance.interaction + seeds * variance.item
    b = at_items * rng.chisquare(items - 1, DRAWS) / (items - 1)
    if seeds > 1:
        freedom = (seeds - 1) * (items - 1)
        e = e * rng.chisquare(freedom, DRAWS) / freedom
        a = (variance.interaction + items * variance.seed) * rng.chisquare(seeds - 1, DRAWS) / (seeds - 1)
    half = _half_width(a, b, e, seeds, items, level)
    error = rng.standard_normal(DRAWS) * np.sqrt(sum(variance.parts(seeds, items).values()))
    # a true difference d is seen where d + error > half; that it is seen with the wrong sign never counts
    return Expected(float(np.median(half)), float(np.quantile(half - error, POWER)))


def seeds_needed(
    variance: CrossedVariance, items: int, half_width: float, *, level: float = 0.95, most: int = 256
) -> int | None:
    """Return the fewest seeds (at least 2) that give intervals of at most this half-width; None above `most`."""
    if expected(variance, most, items, level=level).half_width > half_width:
        return None
    low, high = 1, most
    while high - low > 1:
        middle = (low + high) // 2
        enough = expected(variance, middle, items, level=level).half_width <= half_width
        low, high = (low, middle) if enough else (middle, high)
    return high


def _half_width(a: np.ndarray, b: np.ndarray, e: np.ndarray, seeds: int, items: int, level: float) -> np.ndarray:
    """Half the width of the intervals of any number of mean squares; `a` and `e` count with two seeds or more."""
    from scipy.special import stdtrit

    top = (1 + level) / 2
    if seeds == 1:
        return np.asarray(stdtrit(items - 1, top) * np.sqrt(b / items))
    of_seeds, of_items = stdtrit(seeds - 1, top) ** 2 * a, stdtrit(items - 1, top) ** 2 * np.maximum(b - e, 0.0)
    return np.asarray(np.sqrt((of_seeds + of_items) / (seeds * items)))


def _mean_squares(table: np.ndarray) -> tuple[float, float, float]:
    """The mean squares of seeds, items and the rest of a (seeds, items) table; those of one seed are 0, items', 0."""
    seeds, items = table.shape
    mean, by_seed, by_item = table.mean(), table.mean(1), table.mean(0)
    b = seeds * ((by_item - mean) ** 2).sum() / (items - 1)
    if seeds == 1:
        return 0.0, float(b), 0.0
    a = items * ((by_seed - mean) ** 2).sum() / (seeds - 1)
    e = ((table - by_seed[:, None] - by_item + mean) ** 2).sum() / ((seeds - 1) * (items - 1))
    return float(a), float(b), float(e)


def _table(values: np.ndarray) -> np.ndarray:
    table = np.atleast_2d(np.asarray(values, float))
    if table.size == 0 or not np.isfinite(table).all():
        raise DataError(f"Scores must be finite and at least one, but got {table.tolist()}.")
    return table
