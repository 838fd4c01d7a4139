"""What an estimator says: the joint worth of architectures, effects of ops, and where differences come from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Posterior:
    """What some architectures are worth, given all that was told.

    Attributes:
        mean: (n,) expected worth, in units of the target measure, at the average of the items told of it.
        covariance: (n, n) of the worths.
    """

    mean: np.ndarray
    covariance: np.ndarray

    @property
    def sd(self) -> np.ndarray:
        """(n,) standard deviation of each worth."""
        return np.sqrt(self.covariance.diagonal())

    def draw(self, rng: np.random.Generator, samples: int) -> np.ndarray:
        """Return (samples, n) joint normal draws of the worths."""
        values, vectors = np.linalg.eigh(self.covariance)
        root = vectors * np.sqrt(np.maximum(values, 0))
        return self.mean + rng.standard_normal((samples, len(self.mean))) @ root.T

    def chance_of_best(self, rng: np.random.Generator, samples: int = 4000) -> np.ndarray:
        """Return (n,) probability that each architecture has the largest worth; sums to 1, equals share."""
        drawn = self.draw(rng, samples)
        first = drawn == drawn.max(1, keepdims=True)
        return (first / first.sum(1, keepdims=True)).mean(0)


@dataclass(frozen=True, slots=True)
class GeneEffect:
    """What an op at a free gene adds to the worth, against the mean of the gene's ops.

    Attributes:
        gene: id of the free gene.
        op: the op.
        branch: the branch of the gene (tied genes: of their first place).
        mean: expected effect, shrunk, in units of the target measure; the means of a gene sum to 0.
        sd: standard deviation of the effect.
    """

    gene: str
    op: str
    branch: str
    mean: float
    sd: float


@dataclass(frozen=True, slots=True)
class MeasurePart:
    """How one measure goes with the worth.

    Attributes:
        loading: units of the measure for a unit of worth; 1 for the target.
        own: standard deviation, in units of the measure, of what it says of architectures beside the worth; 0 for the
            target.
        correlation: between its true means and the worth, in [-1, 1]; 1 for the target.
        noise: standard deviation of one item's value around the sum of architecture and item.
        architectures: how many it was told of.
        items: how many items it was told on.
    """

    loading: float
    own: float
    correlation: float
    noise: float
    architectures: int
    items: int


@dataclass(frozen=True, slots=True)
class Components:
    """Where differences in worth come from; standard deviations in units of the target measure.

    Attributes:
        branches: of the main effects over uniform draws of the space, by branch; `NAME mixers` for mixers' genes.
        interactions: of interactions of two genes.
        residual: of what is an architecture's own.
        measures: by measure, those told of at least one architecture.
        reliability: share of the variance of the worth among the told architectures that the posterior mean explains,
            in [0, 1]; NaN for fewer than two.
    """

    branches: dict[str, float]
    interactions: float
    residual: float
    measures: dict[str, MeasurePart]
    reliability: float
