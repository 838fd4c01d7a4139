"""The uncertainty of scores: standard errors over items and bootstrap confidence intervals."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from asymnas.core.errors import DataError
from asymnas.core.seeding import rng_for


class MeanSE(NamedTuple):
    """A mean and its standard error over items; the error is NaN for fewer than two."""

    mean: float
    se: float


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with the ends of its confidence interval."""

    value: float
    low: float
    high: float

    def mapped(self, function: Callable[[float], float]) -> Interval:
        """Return the interval of a function, that never falls, of what is estimated."""
        return Interval(function(self.value), function(self.low), function(self.high))

    @property
    def clear_of_zero(self) -> bool:
        """Whether the interval excludes zero."""
        return self.low > 0 or self.high < 0


def mean_se(values: np.ndarray) -> MeanSE:
    """Return mean and standard error (sample standard deviation over root n) of (n,) values, one an item."""
    values = _finite(values)
    se = float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else float("nan")
    return MeanSE(float(values.mean()), se)


def weighted_se(values: np.ndarray, weights: np.ndarray) -> float:
    """Return the standard error of the mean of (n,) values with weights >= 0, by linearising the ratio of sums.

    Equal weights give the SE of `mean_se`. NaN for fewer than two values with a weight.
    """
    values, weights = _finite(values), np.asarray(weights, float)
    values, weights = values[weights > 0], weights[weights > 0]
    n = len(values)
    if n < 2:
        return float("nan")
    share = weights / weights.sum()
    return float(np.sqrt(n / (n - 1) * (share**2 * (values - share @ values) ** 2).sum()))


def bootstrap_ci(
    values: np.ndarray,
    *,
    statistic: Callable[[np.ndarray], np.ndarray] | None = None,
    weights: np.ndarray | None = None,
    level: float = 0.95,
    samples: int = 4000,
    seed: int = 0,
) -> Interval:
    """Return the bootstrap interval of a statistic of (n, ...) values, resampling the first axis.

    Percentiles of few values are too near to each other: their distance to the estimate is widened by
    sqrt(n / (n - 1)) t / z, as in Hesterberg's expanded percentile interval (2015), so that the interval covers what it
    says for means of few items too. The interval of one value alone is a whole range of scores, 1, to each side.

    Args:
        values: (n, ...) finite values; the first axis is what is resampled (items).
        statistic: maps (samples, n, ...) to (samples,); the mean over all but the first axis by default.
        weights: (n,) of (n,) values, for the weighted mean; a sample draws a value with its weight.
        level: coverage in (0, 1).
        samples: number of bootstrap samples.
        seed: of the resampling.
    """
    values = _finite(values)
    if weights is not None and np.ptp(weights) > 0:
        values = np.stack([values * weights, np.asarray(weights, float)], axis=1)
        statistic = _ratio_of_samples
    if statistic is None:
        statistic = _mean_of_samples
    index = rng_for(seed, "bootstrap").integers(0, len(values), (samples, len(values)))
    value = float(statistic(values[None])[0])
    return widened(value, np.asarray(statistic(values[index])), len(values), level)


def widened(value: float, drawn: np.ndarray, count: int, level: float) -> Interval:
    """Return the interval of an estimate from (samples,) bootstrap samples, widened for `count` resampled units."""
    if count == 1:
        return Interval(value, value - 1.0, value + 1.0)
    from scipy.special import ndtri, stdtrit

    top = (1 + level) / 2
    factor = np.sqrt(count / (count - 1)) * stdtrit(count - 1, top) / ndtri(top)
    low, high = np.quantile(drawn, [1 - top, top])
    return Interval(value, float(value - factor * (value - low)), float(value + factor * (high - value)))


def _mean_of_samples(drawn: np.ndarray) -> np.ndarray:
    return drawn.reshape(len(drawn), -1).mean(1)


def _ratio_of_samples(drawn: np.ndarray) -> np.ndarray:
    """Return sum over sum; 0 for a sample in which nothing has weight."""
    sums = drawn.sum(1)
    return np.divide(sums[:, 0], sums[:, 1], out=np.zeros(len(sums)), where=sums[:, 1] > 0)


def paired_difference(
    a: np.ndarray, b: np.ndarray, *, level: float = 0.95, samples: int = 4000, seed: int = 0
) -> Interval:
    """Return mean(a - b) with its bootstrap interval over items; a and b are (n,) scores of the same items."""
    a, b = _finite(a), _finite(b)
    if a.shape != b.shape:
        raise DataError(f"Paired scores must be of the same items, but got {a.shape} and {b.shape} scores.")
    return bootstrap_ci(a - b, level=level, samples=samples, seed=seed)


def above_median(
    best: Mapping[str, float],
    others: Sequence[Mapping[str, float]],
    *,
    rule: Callable[[np.ndarray, Sequence[str]], float] | None = None,
    level: float = 0.95,
    samples: int = 4000,
    seed: int = 0,
) -> Interval:
    """Return how far `best` is above the median of others, with an interval over items and over the others.

    Args:
        best: score by item.
        others: one mapping each, of the same items; both are resampled.
        rule: the score of a whole from those of its items, `rule(values (n,), items)`; None is the mean.
        level, samples, seed: see `bootstrap_ci`.
    """
    names = list(best)
    mine = np.array(list(best.values()))
    theirs = np.array([[scores[name] for name in names] for scores in others])

    def above(columns: np.ndarray, rows: np.ndarray) -> float:
        if rule is None:
            return float(mine[columns].mean() - np.median(theirs[np.ix_(rows, columns)].mean(1)))
        items = [names[column] for column in columns]
        return rule(mine[columns], items) - float(np.median([rule(theirs[row, columns], items) for row in rows]))

    rng = rng_for(seed, "above the median")
    drawn = np.empty(samples)
    for sample in range(samples):
        columns = rng.integers(0, len(mine), len(mine))
        drawn[sample] = above(columns, rng.integers(0, len(theirs), len(theirs)))
    return widened(above(np.arange(len(mine)), np.arange(len(theirs))), drawn, len(mine), level)


def crossed_gap(a: np.ndarray, b: np.ndarray, *, level: float = 0.95, samples: int = 4000, seed: int = 0) -> Interval:
    """Return mean(a) - mean(b) of scores on different items with its interval over seeds and both sets of items.

    `a` is (seeds, items), `b` (seeds, other items), of the same seeds.
    """
    a, b = np.atleast_2d(_finite(a)), np.atleast_2d(_finite(b))
    over = [a.mean(0), -b.mean(0)] + ([a.mean(1) - b.mean(1)] if len(a) > 1 else [])
    return _joined(float(a.mean() - b.mean()), over, level=level, samples=samples, seed=seed)


def _joined(value: float, over: list[np.ndarray], *, level: float, samples: int, seed: int) -> Interval:
    """Add the distances of the means' intervals over independent units in quadrature."""
    intervals = [bootstrap_ci(units, level=level, samples=samples, seed=seed) for units in over]
    low = np.sqrt(sum((item.value - item.low) ** 2 for item in intervals))
    high = np.sqrt(sum((item.high - item.value) ** 2 for item in intervals))
    return Interval(value, float(value - low), float(value + high))


def _finite(values: np.ndarray) -> np.ndarray:
    values = np.asarray(values, float)
    if values.size == 0 or not np.isfinite(values).all():
        raise DataError(f"Scores must be finite and at least one, but got {values.tolist()}.")
    return values
