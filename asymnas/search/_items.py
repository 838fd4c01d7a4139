"""Means of architectures on common items, where some architectures have more items than others."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

FEW = 3
"""Below so many degrees of freedom the items' noise is not told from the items' own spread."""


@dataclass(frozen=True, slots=True)
class AdditiveFit:
    """The fit of value = mean of the architecture + effect of the item + noise.

    Attributes:
        means: (n,) value of each architecture at the average of all items.
        covariance: (n, n) of the means' errors; noise^2 / items where all have the same items.
        noise: standard deviation of one value around the fit.
        items: (k,) effect of each item; they sum to 0.
    """

    means: np.ndarray
    covariance: np.ndarray
    noise: float
    items: np.ndarray


def additive_fit(table: np.ndarray) -> AdditiveFit:
    """Fit architectures and items to an (architectures, items) table with NaN where nothing was measured.

    The items' effects are random around the level of the measure, with a variance estimated from a first fit in which
    they are free; so architectures without a common item can be compared too, only with more doubt. Henderson's
    mixed model equations (Searle, Casella and McCulloch, Variance Components, 1992, ch. 7) with the items absorbed.

    Args:
        table: each row and each column has at least one value.
    """
    seen = (~np.isnan(table)).astype(float)
    centre = float(np.nanmean(table))
    values = np.where(seen > 0, table - centre, 0.0)
    means, items, _ = _solve(values, seen, 1e-6)
    rest = ((values - seen * (means[:, None] + items)) ** 2).sum()
    within = ((values - seen * (values.sum(1) / seen.sum(1))[:, None]) ** 2).sum() / max(seen.sum() - len(seen), 1)
    freedom = seen.sum() - sum(seen.shape) + 1
    noise = rest / freedom if freedom >= FEW else within
    tiny = (1e-9 * (np.abs(values).max() + abs(centre))) ** 2  # what rounding leaves of no noise
    spread = max(float(items.var()) - noise / seen.sum(0).mean(), 1e-3 * noise, tiny)
    means, items, error = _solve(values, seen, max(noise / spread, 1e-6))
    return AdditiveFit(means + centre, max(noise, tiny) * error, float(np.sqrt(noise)), items)


def _solve(values: np.ndarray, seen: np.ndarray, ridge: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return means, effects of items (sum 0, of variance noise / ridge) and the means' covariance / noise^2."""
    from scipy.linalg import cho_factor, cho_solve

    share = 1 / (seen.sum(0) + ridge)
    whole, reach = share.sum(), seen @ share
    of_item = values.sum(0)
    information = np.diag(seen.sum(1)) - (seen * share) @ seen.T + np.outer(reach, reach) / whole
    total = values.sum(1) - seen @ (share * of_item) + reach * (share @ of_item) / whole
    covariance = cho_solve(cho_factor(information), np.eye(len(seen)))
    means = covariance @ total
    left = share * (of_item - means @ seen)
    return means, left - share * left.sum() / whole, covariance
