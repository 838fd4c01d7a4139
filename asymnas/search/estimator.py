"""What architectures are worth: a mixed model of gene effects over all that was measured, at every rung.

The model and its equations are in `docs/estimator.md`.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence

import numpy as np

from asymnas.core.errors import EvaluationError, Problem, nearest
from asymnas.search._items import AdditiveFit, additive_fit, kinship_noise, shared_errors
from asymnas.search._kernels import GeneKernels
from asymnas.search._restricted import RestrictedLikelihood, Solved, Told
from asymnas.search.worth import Components, GeneEffect, MeasurePart, Posterior
from asymnas.space import Architecture, SearchSpace

MEDIANS = {"common": 0.2, "interactions": 0.1, "residual": 0.1}
"""Prior medians of the variances, as shares of the told means' variance; the groups of genes share MAIN."""
MAIN = 0.4


class Estimator:
    """Estimates what architectures are worth from the values of all measures, of them and of their relatives.

    Args:
        space: where the architectures come from.
        measures: names of the measures.
        target: the measure whose expected value is the worth.
        starts: climbs to the mode of the variances, at least 1.
        draws: sets of variances that predictions average over; 0 takes the mode alone (intervals too narrow).

    Raises:
        EvaluationError: the target is no measure.
    """

    def __init__(
        self, space: SearchSpace, measures: Sequence[str], target: str, *, starts: int = 2, draws: int = 32
    ) -> None:
        self.space, self.measures, self.target = space, tuple(measures), target
        self.starts, self.draws = starts, draws
        self._check(target)
        self._kernels = GeneKernels(space)
        self._coded = self._kernels.encode([])
        self._architectures: dict[tuple[str, ...], Architecture] = {}
        self._items: dict[str, dict[str, int]] = {name: {} for name in self.measures}
        self._values: dict[str, dict[tuple[str, ...], list[tuple[np.ndarray, np.ndarray]]]] = {
            name: {} for name in self.measures
        }
        self._points: list[tuple[float, Solved]] = []

    def _check(self, measure: str) -> None:
        if measure not in self.measures:
            rule, way_out = "the estimator has no such measure", nearest(measure, self.measures)
            raise EvaluationError(Problem("estimator", rule, repr(measure), way_out))

    @property
    def architectures(self) -> list[Architecture]:
        """The architectures told of, in the order they were told first."""
        return list(self._architectures.values())

    def tell(self, architecture: Architecture, measure: str, values: Mapping[str, float]) -> None:
        """Add one measure's values by item; they join those told before, and a later value of an item counts.

        Raises:
            EvaluationError: unknown measure, or a value that is not finite.
            ArchitectureMismatch: the architecture does not fit into the space.
        """
        self._check(measure)
        for item, value in values.items():
            if not math.isfinite(value):
                where = f"estimator, {measure} of {architecture.key}"
                raise EvaluationError(Problem(where, "values must be finite", f"{value} for '{item}'"))
        if not values:
            return
        ops = self._kernels.known(architecture).free_ops
        self._architectures.setdefault(ops, architecture)
        index = self._items[measure]
        places = np.array([index.setdefault(item, len(index)) for item in values])
        told = self._values[measure].setdefault(ops, [])
        told.append((places, np.fromiter(values.values(), float, len(values))))

    def fit(self) -> None:
        """Estimate all from what was told; the same data told in the same order give the same bits.

        Raises:
            EvaluationError: no architecture has a value of the target.
        """
        if not self._values[self.target]:
            rule = f"the target measure '{self.target}' must be told of at least one architecture"
            raise EvaluationError(Problem("estimator", rule, "none", "Measure the ladder's last rung at least once."))
        order = [self.target, *(name for name in self.measures if name != self.target and self._values[name])]
        self._fits = {name: additive_fit(self._table(name)) for name in order}
        self._coded = self._kernels.encode(self.architectures)
        self._errors_of = {name: kinship_noise(self._fits[name], self._kinship(name)) for name in order}
        self._scales = {name: _scale(fit, self._errors_of[name][1]) for name, fit in self._fits.items()}
        likelihood = RestrictedLikelihood(self._told(order), self._medians())
        points, weights = likelihood.draws(likelihood.mode(self.starts), self.draws)
        self._points = [(float(w), likelihood.solved(point)) for w, point in zip(weights, points, strict=True)]

    def _table(self, measure: str) -> np.ndarray:
        told = self._values[measure]
        table = np.full((len(told), len(self._items[measure])), np.nan)
        for row, parts in enumerate(told.values()):
            for places, values in parts:
                table[row, places] = values
        return table

    def _kinship(self, measure: str) -> np.ndarray:
        """Return (kernels, n, n): how the architectures that have a measure are related."""
        number = {ops: n for n, ops in enumerate(self._architectures)}
        coded = self._coded[[number[ops] for ops in self._values[measure]]]
        return self._kernels.stack(coded, coded)[:-1]

    def _told(self, order: Sequence[str]) -> Told:
        number = {ops: n for n, ops in enumerate(self._architectures)}
        rows = [[number[ops] for ops in self._values[name]] for name in order]
        fits = [(self._fits[name], self._scales[name]) for name in order]
        kernels = self._kernels.stack(self._coded, self._coded)
        main = kernels[: len(self._kernels.effects)]
        return Told(
            values=np.concatenate([(fit.means - fit.means.mean()) / scale for fit, scale in fits]),
            noise=self._noise(order),
            measure=np.repeat(np.arange(len(order)), [len(row) for row in rows]),
            architecture=np.concatenate(rows).astype(int),
            kernels=kernels,
            own=main.mean(0) if len(main) else np.zeros_like(kernels[0]),
        )

    def _noise(self, order: Sequence[str]) -> np.ndarray:
        """Return the (rows, rows) covariance of all errors: that of independent noise, with each measure's own kinship
        put in by a linear map of its rows, which keeps it a covariance."""
        from scipy.linalg import block_diag, cholesky, solve_triangular

        maps = []
        for name in order:
            plain, related = self._fits[name].covariance, self._errors_of[name][1]
            root = cholesky(plain, lower=True)
            inverse = solve_triangular(root, np.eye(len(root)), lower=True)
            maps.append(cholesky(related, lower=True) @ inverse if related is not plain else np.eye(len(root)))
        whole = block_diag(*maps)
        return whole @ np.block([[self._errors(one, two) for two in order] for one in order]) @ whole.T

    def _errors(self, one: str, two: str) -> np.ndarray:
        """Return the covariance of the errors of two measures' means, in their units; an item is known by its name."""
        unit = self._scales[one] * self._scales[two]
        if one == two:
            return self._fits[one].covariance / unit
        rows = _common(list(self._values[one]), list(self._values[two]))
        columns = _common(list(self._items[one]), list(self._items[two]))
        return shared_errors(self._fits[one], self._fits[two], rows, columns) / unit

    def _medians(self) -> np.ndarray:
        groups = len(self._kernels.group_names)
        return np.array([MEDIANS.get(label, MAIN / max(groups, 1)) for label in self._kernels.labels])

    def predict(self, architectures: Sequence[Architecture]) -> Posterior:
        """Return what architectures are worth, seen or not, averaged over the variances that the data allow.

        The covariance holds the doubt of the level, which architectures share, but not that other items would shift
        the level for all alike.

        Raises:
            EvaluationError: nothing was fitted yet.
            ArchitectureMismatch: an architecture does not fit into the space.
        """
        coded = self._kernels.encode(architectures)
        return self._posterior(coded, self._kernels.stack(coded, self._coded))

    def _posterior(self, coded: np.ndarray, cross: np.ndarray) -> Posterior:
        """Return the worths of (n, features) encoded architectures; `cross` is (kernels, n, told)."""
        points, weights = [point for _, point in self._fitted()], np.array([weight for weight, _ in self._fitted()])
        k = np.tensordot(np.array([point.variances for point in points]), cross, 1)  # (points, n, told)
        means = [point.level + each @ point.weights for each, point in zip(k, points, strict=True)]
        mean, between = _mixed(np.array(means), weights)
        tilt = np.sum([w * (each @ point.tilt) for w, each, point in zip(weights, k, points, strict=True)], axis=0)
        known = k @ (weights[:, None, None] * np.array([point.gain for point in points]))
        covariance = self._kernels.combined(coded, coded, self._variances()) - np.tensordot(known, k, ((0, 2), (0, 2)))
        covariance += weights @ [point.doubt for point in points] - tilt[:, None] - tilt
        scale, centre = self._scales[self.target], float(self._fits[self.target].means.mean())
        covariance = (covariance + covariance.T) / 2 + between.T @ between
        covariance[np.diag_indices(len(mean))] = np.maximum(covariance.diagonal(), 0)
        return Posterior(centre + scale * mean, covariance * scale**2)

    def _fitted(self) -> list[tuple[float, Solved]]:
        if not self._points:
            raise EvaluationError(Problem("estimator", "it must be fitted before it is asked", "", "Call fit() first."))
        return self._points

    def _variances(self) -> np.ndarray:
        """Return the (kernels,) variances of the worth, averaged."""
        return np.sum([weight * point.variances for weight, point in self._fitted()], axis=0)

    def effects(self) -> list[GeneEffect]:
        """Return the main effect of each op of each free gene; raises as `predict` does."""
        points, main = self._fitted(), len(self._kernels.effects)
        prior, means, variance = self._kernels.effects, [], 0.0
        cross = prior @ self._coded.T
        for weight, point in points:
            c = np.tensordot(point.variances[:main], cross, 1)
            means.append(c @ point.weights)
            own = np.tensordot(point.variances[:main], prior.diagonal(axis1=1, axis2=2), 1)
            variance = variance + weight * (own - ((c @ point.gain) * c).sum(1))
        mean, between = _mixed(np.array(means), np.array([weight for weight, _ in points]))
        scale = self._scales[self.target]
        sd = np.sqrt(np.maximum(variance, 0) + (between**2).sum(0))
        rows = zip(self._kernels.features, self._kernels.branches, mean * scale, sd * scale, strict=True)
        return [GeneEffect(gene, op, branch, float(m), float(s)) for (gene, op), branch, m, s in rows]

    def components(self) -> Components:
        """Return where differences in worth come from, averaged over the variances; raises as `predict` does."""
        variances = dict(zip(self._kernels.labels, self._variances(), strict=True))
        rows = list(zip(self._kernels.groups, self.effects(), strict=True))
        scale, ops = self._scales[self.target], {gene.id: len(gene.ops) for gene in self.space.free_genes}
        squares = {
            name: sum((row.mean**2 + row.sd**2) / ops[row.gene] for group, row in rows if group == name)
            for name in self._kernels.group_names
        }
        return Components(
            branches={name: math.sqrt(square) for name, square in squares.items()},
            interactions=scale * math.sqrt(variances.get("interactions", 0.0)),
            residual=scale * math.sqrt(variances["residual"]),
            measures={name: self._part(n, name) for n, name in enumerate(self._fits)},
            reliability=self._reliability(),
        )

    def _part(self, number: int, name: str) -> MeasurePart:
        fit, ratio = self._fits[name], self._scales[name] / self._scales[self.target]
        loading, own, correlation = 1.0, 0.0, 1.0
        if number:
            rows = [(w, *point.others[number - 1], point.variances.sum()) for w, point in self._points]
            loading = sum(w * load for w, load, *_ in rows) * ratio
            own = math.sqrt(sum(w * (a + b) for w, _, a, b, _ in rows)) * self._scales[name]
            correlation = sum(w * load * math.sqrt(u / (load**2 * u + a + b)) for w, load, a, b, u in rows)
        return MeasurePart(
            float(loading), float(own), float(correlation), fit.noise, len(fit.means), len(self._items[name])
        )

    def _reliability(self) -> float:
        posterior = self._posterior(self._coded, self._kernels.stack(self._coded, self._coded))
        if len(posterior.mean) < 2:
            return float("nan")
        explained = posterior.mean.var(ddof=1)
        doubt = _spread(posterior.covariance)
        return float(explained / (explained + doubt)) if explained + doubt > 0 else float("nan")


def _scale(fit: AdditiveFit, errors: np.ndarray) -> float:
    """Return the unit of a measure: about the spread of true means; an item's noise where means are too few or equal.

    The spread is the means' own less that of their errors, at least what half a standard error of it allows.
    """
    count = len(fit.means)
    unit = fit.noise
    if count > 2:
        square, error = fit.means.var(ddof=1), _spread(errors)
        unit = math.sqrt(max(square - error, square / math.sqrt(2 * (count - 1)), 0))
    units = (unit, fit.noise)
    return next((unit for unit in units if unit > 1e-9 * float(np.abs(fit.means).max())), 1.0)


def _spread(covariance: np.ndarray) -> float:
    """Return the expected sample variance of (n,) centred draws with an (n, n) covariance, n > 1."""
    return float((covariance.trace() - covariance.mean() * len(covariance)) / (len(covariance) - 1))


def _common(one: Sequence[Hashable], two: Sequence[Hashable]) -> tuple[np.ndarray, np.ndarray]:
    """Return the places in two sequences of what both have."""
    there = {name: n for n, name in enumerate(two)}
    pairs = [(n, there[name]) for n, name in enumerate(one) if name in there]
    found = np.array(pairs, int).reshape(-1, 2)
    return found[:, 0], found[:, 1]


def _mixed(means: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the (n,) average of (points, n) means, and the root of the covariance between the points."""
    mean = weights @ means
    return mean, (means - mean) * np.sqrt(weights)[:, None]
