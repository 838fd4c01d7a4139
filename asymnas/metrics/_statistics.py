"""The uncertainty of scores: standard errors over videos and bootstrap confidence intervals."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from asymnas.errors import DataError
from asymnas.seeding import rng_for

__all__ = ["Interval", "MeanSE", "bootstrap_ci", "crossed_bootstrap", "mean_se", "paired_difference", "weighted_se"]


class MeanSE(NamedTuple):
    """A mean and its standard error over videos; the error is NaN for fewer than two videos."""

    mean: float
    se: float


class Interval(NamedTuple):
    """An estimate with the ends of its confidence interval."""

    value: float
    low: float
    high: float

    @property
    def clear_of_zero(self) -> bool:
        """Whether the interval excludes zero."""
        return self.low > 0 or self.high < 0


def mean_se(values: np.ndarray) -> MeanSE:
    """Return mean and standard error (sample standard deviation over root n) of (n,) values, one a video."""
    values = _finite(values)
    se = float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else float("nan")
    return MeanSE(float(values.mean()), se)


def weighted_se(values: np.ndarray, weights: np.ndarray) -> float:
    """Return the standard error of the weighted mean of (n,) values, one a video, by linearising the ratio of sums.

    Equal weights give the SE of `mean_se`. NaN for fewer than two videos with a weight.

    Args:
        values: (n,) finite.
        weights: (n,) not negative.
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
    """Return the percentile bootstrap interval of a statistic of (n, ...) values, resampling the first axis.

    Args:
        values: (n, ...) finite values; the first axis is what is resampled (videos).
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
    drawn = np.asarray(statistic(values[index]))
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(statistic(values[None])[0]), float(low), float(high))


def _mean_of_samples(drawn: np.ndarray) -> np.ndarray:
    return drawn.reshape(len(drawn), -1).mean(1)


def _ratio_of_samples(drawn: np.ndarray) -> np.ndarray:
    """Return sum over sum; 0 for a sample in which nothing has weight."""
    sums = drawn.sum(1)
    return np.divide(sums[:, 0], sums[:, 1], out=np.zeros(len(sums)), where=sums[:, 1] > 0)


def paired_difference(
    a: np.ndarray, b: np.ndarray, *, level: float = 0.95, samples: int = 4000, seed: int = 0
) -> Interval:
    """Return mean(a - b) with its bootstrap interval over videos; a and b are (n,) scores of the same videos."""
    a, b = _finite(a), _finite(b)
    if a.shape != b.shape:
        raise DataError(f"Paired scores must be of the same videos, but got {a.shape} and {b.shape} scores.")
    return bootstrap_ci(a - b, level=level, samples=samples, seed=seed)


def crossed_bootstrap(differences: np.ndarray, *, level: float = 0.95, samples: int = 4000, seed: int = 0) -> Interval:
    """Return the mean of (seeds, videos) paired differences with an interval that resamples seeds and videos both.

    With one seed only the videos are resampled. Few seeds make the interval rough: with three, a seed is missing from
    most samples, which widens it as it should.
    """
    differences = np.atleast_2d(_finite(differences))
    seeds, videos = differences.shape
    rng = rng_for(seed, "crossed bootstrap")
    rows = rng.integers(0, seeds, (samples, seeds))
    columns = rng.integers(0, videos, (samples, videos))
    drawn = np.array([differences[np.ix_(row, column)].mean() for row, column in zip(rows, columns, strict=True)])
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(differences.mean()), float(low), float(high))


def _finite(values: np.ndarray) -> np.ndarray:
    values = np.asarray(values, float)
    if values.size == 0 or not np.isfinite(values).all():
        raise DataError(f"Scores must be finite and at least one, but got {values.tolist()}.")
    return values
