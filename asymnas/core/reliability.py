"""How well scores rank architectures: variance components of a table (architectures x items), reliability, ranks.

The model of a value of architecture a on item i is the two-way crossed random-effects model with one value a cell,

    y_ai = m + A_a + I_i + e_ai,    A_a ~ N(0, s_A^2), I_i ~ N(0, s_I^2), e_ai ~ N(0, s_e^2),

in which e is interaction and noise together. The mean of n items common to all architectures has the reliability
R = s_A^2 / (s_A^2 + s_e^2 / n): the share of the variance of measured means that is due to the architectures. Items
that are hard for all move all means alike and change no ranking. Estimates are those of the analysis of variance;
intervals are of the F distribution for R and for what follows from it, of Williams (1962) and Tukey for s_A^2 and s_I^2
(Burdick and Graybill, "Confidence Intervals on Variance Components", 1992), of chi-square for s_e^2.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from asymnas.core.errors import DataError
from asymnas.core.seeding import rng_for
from asymnas.core.statistics import Interval


@dataclass(frozen=True, slots=True)
class Block:
    """The complete part of a table that is analysed: positions of its rows (architectures) and columns (items)."""

    rows: tuple[int, ...]
    columns: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class VarianceComponents:
    """Variances of a table of scores, each with a confidence interval; an estimate below zero is zero.

    Args:
        architecture: variance between architectures.
        item: variance between items, common to all architectures.
        residual: variance of interaction and noise together.
        ratio: architecture over residual; what reliability and the items needed follow from. May be infinite.
        architectures: number of architectures analysed.
        items: number of items analysed.
        level: coverage of the intervals.
        complete: whether no cell was missing; if not, items that not all have, or architectures, were left out.
    """

    architecture: Interval
    item: Interval
    residual: Interval
    ratio: Interval
    architectures: int
    items: int
    level: float = 0.95
    complete: bool = True

    def reliability(self, items: float | None = None) -> Interval:
        """Return the reliability, in [0, 1], of a mean over `items` items, by default as many as were analysed."""
        count = self.items if items is None else items
        return self.ratio.mapped(lambda ratio: 1.0 if np.isinf(ratio) else count * ratio / (1 + count * ratio))


def complete_block(table: np.ndarray) -> Block:
    """Return which part of an (architectures, items) table with NaN for missing cells is analysed.

    All architectures with a value, on the items that all of them have; if those are fewer than two, the architectures
    with the most items whose common block has the most degrees of freedom.

    Raises:
        DataError: no two architectures have two items in common, or a value is infinite.
    """
    table = np.asarray(table, float)
    if table.ndim != 2 or np.isinf(table).any():
        raise DataError(f"Scores must be a finite table (architectures, items), but got shape {table.shape}.")
    known = ~np.isnan(table)
    counts = known.sum(1)
    order = [int(row) for row in np.argsort(-counts, kind="stable") if counts[row]]
    best: tuple[int, int] | None = None
    common = np.ones(table.shape[1], bool)
    for used, row in enumerate(order, start=1):
        common = common & known[row]
        freedom = (used - 1) * (int(common.sum()) - 1)
        if used >= 2 and common.sum() >= 2 and (best is None or used == len(order) or freedom > best[0]):
            best = freedom, used
    if best is None:
        raise DataError(f"Two architectures with two items in common are needed, but got a table of {table.shape}.")
    rows = sorted(order[: best[1]])
    return Block(tuple(rows), tuple(int(column) for column in np.flatnonzero(known[rows].all(0))))


def components(table: np.ndarray, *, level: float = 0.95) -> VarianceComponents:
    """Return the variance components of an (architectures, items) table; NaN is a missing cell.

    Of an incomplete table the `complete_block` is analysed.

    Raises:
        DataError: no two architectures have two items in common, or a value is infinite.
    """
    from scipy.special import chdtri, fdtri

    table = np.asarray(table, float)
    block = complete_block(table)
    values = table[np.ix_(block.rows, block.columns)]
    rows, columns = values.shape
    means, items, mean = values.mean(1), values.mean(0), values.mean()
    freedom = (rows - 1) * (columns - 1)
    rest = float(((values - means[:, None] - items[None] + mean) ** 2).sum()) / freedom
    rest = 0.0 if rest < 1e-24 * max(1.0, mean**2) else rest  # rounding alone
    tails = (1 - level) / 2, (1 + level) / 2
    between = columns * float(means.var(ddof=1)), rows - 1, columns
    across = rows * float(items.var(ddof=1)), columns - 1, rows
    low, high = (freedom * rest / float(chdtri(freedom, tail)) for tail in tails)
    square, degrees, count = between
    f = square / rest if rest else (np.inf if square > 0 else 0.0)
    f = 1.0 if abs(f - 1) < 1e-9 else f  # rounding alone
    cut = [float(fdtri(degrees, freedom, 1 - tail)) for tail in tails]
    return VarianceComponents(
        architecture=_effect(*between, rest, freedom, tails),
        item=_effect(*across, rest, freedom, tails),
        residual=Interval(rest, low, high),
        ratio=Interval(*(max(0.0, (f / by - 1) / count) for by in (1.0, *cut))),
        architectures=rows,
        items=columns,
        level=level,
        complete=values.size == table.size,
    )


def _effect(square: float, degrees: int, count: int, rest: float, freedom: int, tails: tuple[float, float]) -> Interval:
    """(square - rest) / count with the interval of Williams and Tukey; `square` is the effect's mean square."""
    from scipy.special import chdtri, fdtri

    value = max(0.0, (square - rest) / count)
    ends = []
    for tail in tails:
        clear = max(0.0, square - rest * float(fdtri(degrees, freedom, 1 - tail)))
        ends.append(degrees * clear / (count * float(chdtri(degrees, tail))))
    return Interval(value, *ends)


def reliability(table: np.ndarray, items: float | None = None, *, level: float = 0.95) -> Interval:
    """Return the reliability of the means of an (architectures, items) table, in [0, 1], with its interval.

    Args:
        table: values; NaN is a missing cell, see `complete_block`.
        items: number of items of the mean; by default as many as all architectures have.
        level: coverage of the interval.
    """
    return components(table, level=level).reliability(items)


def items_needed(found: VarianceComponents, target: float) -> Interval:
    """Return how many items a mean needs for a reliability of `target`, in (0, 1): whole numbers, infinite ones too.

    The ends of the interval are those of the ratio of the variances: `low` belongs to its upper end.
    """
    odds = target / (1 - target)
    value, high, low = (
        float("inf") if ratio == 0 else float(max(1.0, np.ceil(odds / ratio - 1e-9)))
        for ratio in (found.ratio.value, found.ratio.low, found.ratio.high)
    )
    return Interval(value, low, high)


def kendall_tau(a: np.ndarray, b: np.ndarray, *, level: float = 0.95) -> Interval:
    """Return Kendall's tau-b of two (n,) scores of the same architectures, n >= 2, in [-1, 1]; NaN for constant scores.

    The interval is over architectures, by the jackknife.
    """
    from scipy.stats import kendalltau

    a, b = np.asarray(a, float), np.asarray(b, float)
    value = float(kendalltau(a, b).statistic)
    return _tau_interval(value, _agreement(a, b), level)


def _agreement(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Which pairs (n, n) are in the same order by both: 1, in opposite orders: -1, tied: 0."""
    return np.sign(a[:, None] - a[None]) * np.sign(b[:, None] - b[None])


def _tau_interval(value: float, agreement: np.ndarray, level: float) -> Interval:
    """The interval of a tau by the jackknife over architectures; all of [-1, 1] for fewer than four."""
    from scipy.special import ndtri

    n = len(agreement)
    if n < 4:
        return Interval(value, -1.0, 1.0)
    without = (agreement.sum() - 2 * agreement.sum(1)) / ((n - 1) * (n - 2))
    reach = float(ndtri((1 + level) / 2) * np.sqrt((n - 1) * without.var()))
    return Interval(value, max(-1.0, value - reach), min(1.0, value + reach))


def corrected_tau(tau: float, reliability_a: float, reliability_b: float) -> float:
    """Return the Kendall tau of what two measures measure, from that of their noisy values; NaN without reliability.

    For bivariate normal scores tau = 2/pi asin(rho) (Greiner, 1909); independent noise of the two sides divides rho by
    sqrt(reliability_a * reliability_b) (Spearman, 1904). So tau is turned into rho, corrected, clipped to [-1, 1] and
    turned back. The noise of the two must be independent: measure them on different items.

    Args:
        tau: of the measured values, in [-1, 1].
        reliability_a: of the one side, in [0, 1]; 1 for a measure without noise.
        reliability_b: of the other.
    """
    both = reliability_a * reliability_b
    if not both > 0:
        return float("nan")
    rho = np.clip(np.sin(np.pi / 2 * tau) / np.sqrt(both), -1, 1)
    return float(2 / np.pi * np.arcsin(rho))


def corrected_interval(tau: Interval, reliability_a: float, reliability_b: float) -> Interval | None:
    """Return a tau and its interval as `corrected_tau` has them, or None; the reliabilities are taken as known."""
    if not reliability_a * reliability_b > 0:
        return None
    return tau.mapped(lambda end: corrected_tau(end, reliability_a, reliability_b))


def split_half_tau(table: np.ndarray, *, halves: int = 200, level: float = 0.95, seed: int = 0) -> Interval:
    """Return the mean Kendall tau between the means of two random halves of the items, over `halves` random halvings.

    The table's `complete_block` of two items or more is used. It is the tau of half as many items as the table has.
    """
    return cross_half_tau(table, table, halves=halves, level=level, seed=seed)


def cross_half_tau(
    first: np.ndarray, second: np.ndarray, *, halves: int = 200, level: float = 0.95, seed: int = 0
) -> Interval:
    """Return the mean tau between one measure on a random half of the items and another on the other half.

    Two measures of the same items share those items' noise; on different halves they do not. `split_half_tau` is the
    same of a measure with itself.

    Args:
        first: (architectures, items) values.
        second: values of the same architectures and items.
        halves: number of random halvings.
        level: coverage of the interval, over architectures.
        seed: of the halvings.
    """
    from scipy.stats import kendalltau

    block = complete_block(np.where(np.isnan(second), np.nan, first))
    a, b = (np.asarray(table, float)[np.ix_(block.rows, block.columns)] for table in (first, second))
    rng, half = rng_for(seed, "halves"), len(block.columns) // 2
    found, agreement = [], np.zeros((len(a), len(a)))
    for _ in range(halves):
        order = rng.permutation(len(block.columns))
        x, y = a[:, order[:half]].mean(1), b[:, order[half : 2 * half]].mean(1)
        found.append(float(kendalltau(x, y).statistic))
        agreement += _agreement(x, y) / halves
    return _tau_interval(float(np.mean(found)), agreement, level)
