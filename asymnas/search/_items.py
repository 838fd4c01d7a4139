"""Means of architectures on common items, where some architectures have more items than others."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

RIDGE = 1e-5
"""Variance of the noise over that of an item's effect in its prior: so wide that effects are as good as free."""
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
    """

    means: np.ndarray
    covariance: np.ndarray
    noise: float
    items: np.ndarray


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
    means, items, error = _solve(values, seen)
    rest = ((values - seen * (means[:, None] + items)) ** 2).sum()
    within = ((values - seen * (values.sum(1) / seen.sum(1))[:, None]) ** 2).sum() / max(seen.sum() - len(seen), 1)
    freedom = seen.sum() - sum(seen.shape) + 1
    noise = rest / freedom if freedom >= FEW else within
    tiny = (1e-9 * (float(np.abs(values).max() + abs(centre)) or 1.0)) ** 2  # what rounding leaves of no noise
    return AdditiveFit(means + centre, max(noise, tiny) * error, float(np.sqrt(noise)), items)


def _solve(values: np.ndarray, seen: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return means, effects of items (sum 0) and the means' covariance / noise^2."""
    from scipy.linalg import cho_factor, cho_solve

    share = 1 / (seen.sum(0) + RIDGE)
    whole, reach = share.sum(), seen @ share
    of_item = values.sum(0)
    information = np.diag(seen.sum(1)) - (seen * share) @ seen.T + np.outer(reach, reach) / whole
    total = values.sum(1) - seen @ (share * of_item) + reach * (share @ of_item) / whole
    covariance = cho_solve(cho_factor(information), np.eye(len(seen)))
    means = covariance @ total
    left = share * (of_item - means @ seen)
    return means, left - share * left.sum() / whole, covariance
