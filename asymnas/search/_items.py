"""Means of architectures on common items, where some architectures have more items than others."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

RIDGE = 1e-5
"""Variance of the noise over that of an item's effect in its prior: so wide that effects are as good as free."""
MOST = 0.95
"""Largest correlation of the noise of two measures on one item."""
FEW = 3
"""Below so many degrees of freedom the items' noise is not told from the items' own spread."""


@dataclass(frozen=True, slots=True)
class AdditiveFit:
    """The fit of value = mean of the architecture + effect of the item + noise.

    Attributes:
        means: (n,) value of each architecture at the average of all items.
        covariance: (n, n) of the means' errors; noise^2 / items where all have the same items.
        noise: standard deviation of one value around the fit; 0 where each architecture has a single item.
        items: (k,) effect of each item; they sum to 0.
        left: (n, k) what the fit leaves of each value, 0 where nothing was measured.
        seen: (n, k) 1 where there is a value.
        error: (n, n) covariance / noise^2.
        taken: (n, k) what one unit more of an item takes off the sums that the means are solved from.
    """

    means: np.ndarray
    covariance: np.ndarray
    noise: float
    items: np.ndarray
    left: np.ndarray
    seen: np.ndarray
    error: np.ndarray
    taken: np.ndarray

    @property
    def freedom(self) -> float:
        """Values less what was fitted to them."""
        return float(self.seen.sum()) - sum(self.seen.shape) + 1


def additive_fit(table: np.ndarray) -> AdditiveFit:
    """Fit architectures and items to an (architectures, items) table with NaN where nothing was measured.

    The items' effects are free but for a wide prior, some hundred times the noise, around the level of the measure: an
    architecture is compared with others over their common items, and without any it is hardly compared at all. These
    are the mixed model equations of Henderson with the items absorbed (Searle, Casella and McCulloch, Variance
    Components, 1992, ch. 7).

    Args:
        table: each row and each column has at least one value.
    """
    seen = (~np.isnan(table)).astype(float)
    centre = float(np.nanmean(table))
    values = np.where(seen > 0, table - centre, 0.0)
    from scipy.linalg import cho_factor, cho_solve

    share = 1 / (seen.sum(0) + RIDGE)
    taken = (seen - (seen @ share)[:, None] / share.sum()) * share
    information = np.diag(seen.sum(1)) - taken @ seen.T
    error = cho_solve(cho_factor((information + information.T) / 2), np.eye(len(seen)))
    means = error @ (values.sum(1) - taken @ values.sum(0))
    items = share * (values.sum(0) - means @ seen)
    items -= share * items.sum() / share.sum()
    left = values - seen * (means[:, None] + items)
    noise = _noise(values, seen, left)
    tiny = (1e-9 * (float(np.abs(values).max() + abs(centre)) or 1.0)) ** 2  # what rounding leaves of no noise
    return AdditiveFit(means + centre, max(noise, tiny) * error, float(np.sqrt(noise)), items, left, seen, error, taken)


def _noise(values: np.ndarray, seen: np.ndarray, left: np.ndarray) -> float:
    """Return the variance of one value around the fit."""
    freedom = seen.sum() - sum(seen.shape) + 1
    if freedom >= FEW:
        return float((left**2).sum() / freedom)
    own = values - seen * (values.sum(1) / seen.sum(1))[:, None]
    return float((own**2).sum() / max(seen.sum() - len(seen), 1))


def shared_errors(
    a: AdditiveFit, b: AdditiveFit, rows: tuple[np.ndarray, np.ndarray], columns: tuple[np.ndarray, np.ndarray]
) -> np.ndarray:
    """Return the (n, m) covariance of the errors of two measures' means, which share noise on the items of both.

    Noise of one architecture on one item is correlated between the measures, all other noise is not; the correlation
    comes from what the fits leave.

    Args:
        a, b: fits of (n, k) and (m, l) tables.
        rows: numbers in `a` and in `b` of the architectures that both have.
        columns: numbers in `a` and in `b` of the items that both have.
    """
    both = a.seen[np.ix_(rows[0], columns[0])] * b.seen[np.ix_(rows[1], columns[1])]
    freedom = np.sqrt(a.freedom * b.freedom / (a.seen.sum() * b.seen.sum())) if min(a.freedom, b.freedom) >= FEW else 0
    if freedom * both.sum() < FEW:
        return np.zeros((len(a.means), len(b.means)))
    together = (a.left[np.ix_(rows[0], columns[0])] * b.left[np.ix_(rows[1], columns[1])] * both).sum()
    limit = MOST * a.noise * b.noise
    shared = np.clip(together / (freedom * both.sum()), -limit, limit)
    left, right = a.taken[:, columns[0]], b.taken[:, columns[1]]
    sums = (left * both.sum(0)) @ right.T
    sums[np.ix_(rows[0], rows[1])] += np.diag(both.sum(1))
    sums[rows[0]] -= both @ right.T
    sums[:, rows[1]] -= left @ both.T
    return shared * a.error @ sums @ b.error


def kinship_noise(fit: AdditiveFit, kernels: np.ndarray) -> tuple[float, np.ndarray]:
    """Return the share of the noise that relatives have in common on an item, and the covariance of the means' errors.

    An item suits some ops more than others, so that architectures with equal ops err alike on it, and what they say
    together of these ops holds for the items at hand alone. Over architectures the noise of an item has a covariance
    that is a sum of kernels and the identity, with the weights >= 0 that fit best, by least squares, to the covariance
    over items of what the additive fit leaves.

    Args:
        fit: of an (n, k) table.
        kernels: (kernels, n, n) of the architectures' relationship, about 1 on their diagonals.

    Returns:
        The share in [0, MOST], and (n, n).
    """
    from scipy.optimize import nnls

    whole = fit.seen.all(0)
    count = len(fit.means)
    if count < 3 or whole.sum() < FEW or fit.noise == 0:
        return 0.0, fit.covariance
    left = fit.left[:, whole]
    left = left - left.mean(1, keepdims=True)
    centre = np.eye(count) - 1 / count  # the items' effects were taken off
    terms = np.stack([*(centre @ kernel @ centre for kernel in kernels), centre])
    weights, _ = nnls(terms.reshape(len(terms), -1).T, (left @ left.T).ravel())
    common = weights[:-1].sum()
    if common == 0:
        return 0.0, fit.covariance
    share = min(common / weights.sum(), MOST)
    kernel = share * np.tensordot(weights[:-1] / common, kernels, 1) + (1 - share) * np.eye(count)
    kernel *= (count - 1) / np.trace(centre @ kernel @ centre)  # `noise` is what relatives do not have in common
    covariance = np.zeros_like(fit.error)
    patterns, numbers = np.unique(fit.seen, axis=1, return_counts=True)
    taken = fit.error @ fit.taken
    for pattern, number in zip(patterns.T, numbers, strict=True):
        column = np.flatnonzero((fit.seen == pattern[:, None]).all(0))[0]
        of_item = (fit.error - taken[:, [column]]) * pattern  # what one item's values add to the means
        covariance += number * of_item @ kernel @ of_item.T
    return float(share), fit.covariance[0, 0] / fit.error[0, 0] * covariance
