"""Restricted likelihood of the worths' model, its gradient, and draws of its variances around the mode."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from asymnas.core.seeding import rng_for

WIDTH = 1.2
"""Prior standard deviation of the logarithm of a variance, for each on its own."""
TOGETHER = 1.0
"""Prior standard deviation of the logarithm of the variances of the worth, for all of them together."""
LOADING = (0.5, 0.5)
"""Prior mean and standard deviation of loading x sd of the worth, in units of the measure: about its correlation."""
OWN = 0.25
"""Prior median of each of the two variances of a measure's own deviation."""
FLOOR = 0.2
"""Least curvature of the logarithm of the posterior that draws are made with."""


@dataclass(frozen=True, slots=True)
class Told:
    """Means of architectures by measure, in standard units, stacked measure by measure; the target comes first.

    Attributes:
        values: (rows,) mean of an architecture by a measure.
        noise: (rows, rows) covariance of their errors.
        measure: (rows,) number of the measure, 0 for the target.
        architecture: (rows,) number of the architecture.
        kernels: (kernels, n, n) of the architectures' worth.
        own: (n, n) kernel of the part of a measure's own deviation that goes with the ops.
    """

    values: np.ndarray
    noise: np.ndarray
    measure: np.ndarray
    architecture: np.ndarray
    kernels: np.ndarray
    own: np.ndarray


@dataclass(frozen=True, slots=True)
class Solved:
    """What a prediction needs of the data under one set of variances; the covariance with an architecture is k (n,).

    Attributes:
        variances: (kernels,) of the worth.
        others: (measures - 1, 3) loading and the two variances of the own deviation.
        weights: (n,); the worth's mean is level + k @ weights.
        gain: (n, n); its covariance is prior - k @ gain @ k + doubt - 2 k @ tilt.
        tilt: (n,).
        level: mean of the target measure.
        doubt: variance of that level.
    """

    variances: np.ndarray
    others: np.ndarray
    weights: np.ndarray
    gain: np.ndarray
    tilt: np.ndarray
    level: float
    doubt: float


class RestrictedLikelihood:
    """The logarithm of restricted likelihood times prior, as a function of its parameters.

    The parameters are the log variances of the worth, then for each other measure its loading times the standard
    deviation of the worth and the two log variances of its own deviation.

    Args:
        told: the data.
        medians: (kernels,) prior median of each variance of the worth.
    """

    def __init__(self, told: Told, medians: np.ndarray) -> None:
        self.told = told
        self.count = len(medians)
        self.rows = [np.flatnonzero(told.measure == m) for m in range(int(told.measure.max()) + 1)]
        self._archs = [told.architecture[rows] for rows in self.rows]
        others = len(self.rows) - 1
        self.prior = np.concatenate([np.log(medians), np.tile([LOADING[0], np.log(OWN), np.log(OWN)], others)])
        width = np.concatenate([np.full(self.count, WIDTH), np.tile([LOADING[1], WIDTH, WIDTH], others)])
        covariance = np.diag(width**2)
        covariance[: self.count, : self.count] += TOGETHER**2
        self.spread, self._precision = np.sqrt(covariance.diagonal()), np.linalg.inv(covariance)
        self._levels = (told.measure[:, None] == np.arange(len(self.rows))).astype(float)

    def split(self, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the (kernels,) variances and (measures - 1, 3) loadings and own variances of a point."""
        variances, others = np.exp(theta[: self.count]), theta[self.count :].reshape(-1, 3).copy()
        others[:, 0] /= np.sqrt(variances.sum())
        others[:, 1:] = np.exp(others[:, 1:])
        return variances, others

    def _factors(self, theta: np.ndarray) -> tuple[float, dict[str, np.ndarray]]:
        """Return the restricted log likelihood and the matrices that it, its gradient and predictions share."""
        from scipy.linalg import cho_factor, cho_solve, lapack

        told, (variances, others) = self.told, self.split(theta)
        loading = np.concatenate([[1.0], others[:, 0]])[told.measure]
        worth = np.tensordot(variances, told.kernels, 1)
        cross = worth[np.ix_(told.architecture, told.architecture)]
        total = cross * loading[:, None] * loading + told.noise
        for rows, archs, (_, shared, single) in zip(self.rows[1:], self._archs[1:], others, strict=True):
            total[np.ix_(rows, rows)] += shared * told.own[np.ix_(archs, archs)] + single * np.eye(len(rows))
        factor = cho_factor(total, lower=True, overwrite_a=True, check_finite=False)
        half, _ = lapack.dpotri(factor[0], lower=1)
        inverse = np.tril(half) + np.tril(half, -1).T
        solved = inverse @ self._levels
        levels = cho_factor(self._levels.T @ solved)
        projected = inverse - solved @ cho_solve(levels, solved.T)
        weights = projected @ told.values
        size = 2 * (np.log(factor[0].diagonal()).sum() + np.log(levels[0].diagonal()).sum())
        value = -0.5 * (size + told.values @ weights)
        return float(value), {
            "loading": loading, "cross": cross, "inverse": inverse, "solved": solved, "projected": projected,
            "weights": weights, "levels": cho_solve(levels, np.eye(len(self.rows))),
        }  # fmt: skip

    def value(self, theta: np.ndarray) -> float:
        """Return the log posterior at a point, up to a constant."""
        away = theta - self.prior
        return self._factors(theta)[0] - 0.5 * float(away @ self._precision @ away)

    def with_gradient(self, theta: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the negative log posterior and its gradient (Harville 1977: traces with the projected inverse)."""
        told, (variances, others) = self.told, self.split(theta)
        value, made = self._factors(theta)
        left = made["projected"] - np.outer(made["weights"], made["weights"])
        loading = made["loading"]
        inner = self._by_architecture(left * loading[:, None] * loading)
        gradient, total = [variances * np.tensordot(told.kernels, inner, 2)], variances.sum()
        for rows, archs, (load, shared, single) in zip(self.rows[1:], self._archs[1:], others, strict=True):
            block = left[np.ix_(rows, rows)]
            slope = 2 * ((left[rows] * made["cross"][rows]) @ loading).sum()
            own = (block * told.own[np.ix_(archs, archs)]).sum()
            gradient[0] -= slope * load * variances / (2 * total)
            gradient.append(np.array([slope / np.sqrt(total), shared * own, single * np.trace(block)]))
        away = theta - self.prior
        pull = self._precision @ away
        return -value + 0.5 * float(away @ pull), 0.5 * np.concatenate(gradient) + pull

    def _by_architecture(self, matrix: np.ndarray) -> np.ndarray:
        """Return (n, n): the sum of the blocks of a (rows, rows) matrix, a block for two measures."""
        summed = np.zeros_like(self.told.own)
        for one, here in zip(self.rows, self._archs, strict=True):
            for two, there in zip(self.rows, self._archs, strict=True):
                summed[np.ix_(here, there)] += matrix[np.ix_(one, two)]
        return summed

    def mode(self, starts: int) -> np.ndarray:
        """Return the best point of `starts` climbs: from the prior's centre, and from fixed points around it."""
        from scipy.optimize import minimize

        rng = rng_for(0, "estimator", "starts")
        away = np.concatenate([np.zeros((1, len(self.prior))), rng.standard_normal((starts - 1, len(self.prior)))])
        bounds = [(mean - 6 * sd, mean + 6 * sd) for mean, sd in zip(self.prior, self.spread, strict=True)]
        options = {"maxiter": 200, "ftol": 1e-8, "gtol": 1e-4}
        found = [
            minimize(self.with_gradient, start, jac=True, method="L-BFGS-B", bounds=bounds, options=options)
            for start in self.prior + away * self.spread
        ]
        return min(found, key=lambda result: result.fun).x

    def draws(self, mode: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Return (count, parameters) points around the mode and their (count,) weights, which sum to 1.

        Points come in pairs from the normal distribution with the curvature at the mode; weights are the ratio of the
        posterior to it, none above sqrt(count) times the average (Ionides 2008). A count of 0 is the mode alone.
        """
        if count == 0:
            return mode[None], np.ones(1)
        step = 1e-3 * np.eye(len(mode))
        slopes = [(self.with_gradient(mode + h)[1] - self.with_gradient(mode - h)[1]) / 2e-3 for h in step]
        curvature = np.array(slopes)
        values, vectors = np.linalg.eigh((curvature + curvature.T) / 2)
        normal = rng_for(0, "estimator", "draws").standard_normal((-(-count // 2), len(mode)))
        normal = np.concatenate([normal, -normal])[:count]
        points = mode + (normal / np.sqrt(np.maximum(values, FLOOR))) @ vectors.T
        log = np.array([self.value(point) for point in points]) + 0.5 * (normal**2).sum(1)
        weights = np.exp(log - log.max())
        weights = np.minimum(weights, np.sqrt(count) * weights.mean())
        return points, weights / weights.sum()

    def solved(self, theta: np.ndarray) -> Solved:
        """Return what predictions of the target need under one point."""
        _, made = self._factors(theta)
        variances, others = self.split(theta)
        loading = made["loading"]
        weights = np.bincount(self.told.architecture, made["weights"] * loading, len(self.told.own))
        tilt = np.bincount(self.told.architecture, loading * (made["solved"] @ made["levels"][0]), len(self.told.own))
        gain = self._by_architecture(made["projected"] * loading[:, None] * loading)
        level = float(made["levels"][0] @ (made["solved"].T @ self.told.values))
        return Solved(variances, others, weights, gain, tilt, level, float(made["levels"][0, 0]))
