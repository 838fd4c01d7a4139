"""Whether what an estimator says of a search holds on new items."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import NormalDist

import numpy as np

from asymnas.core.reliability import components, corrected_interval, kendall_tau
from asymnas.runs.diagnosis import EstimatorCheck
from asymnas.search import Estimator, Evaluation
from asymnas.space import SearchSpace
from asymnas.study.diagnosis.rankings import ScoreTable

LEVEL = 0.8
"""Coverage that the intervals are to have."""


def estimator_of(space: SearchSpace, evaluations: Sequence[Evaluation], measures: Sequence[str]) -> Estimator:
    """Return the estimator of a search, told in the log's order what its search and finals measured, and fitted."""
    estimator = Estimator(space, measures, measures[-1])
    for item in evaluations:
        if item.stage in ("search", "finals") and item.ok and item.genes and item.reward in measures:
            estimator.tell(space.architecture(dict(item.genes)), item.reward, item.items)
    estimator.fit()
    return estimator


def check_estimator(estimator: Estimator, table: ScoreTable) -> EstimatorCheck:
    """Compare worths with the means of new items, both less their average: a level that all share ranks nothing.

    Args:
        estimator: fitted; only where its target is the table's reward are its intervals about it.
        table: architectures on new items, all on the same ones.
    """
    keys, items = table.block()
    values = table.array(keys, items)
    truth = values.mean(1)
    posterior = estimator.predict([estimator.space.architecture(dict(key)) for key in keys])
    found = components(values)
    trust = found.reliability()
    tau = kendall_tau(posterior.mean, truth)
    count = len(keys)
    centre = np.eye(count) - 1 / count
    doubt = centre @ (posterior.covariance + np.eye(count) * found.residual.value / len(items)) @ centre
    error = np.abs(centre @ (posterior.mean - truth))
    inside = error < NormalDist().inv_cdf((1 + LEVEL) / 2) * np.sqrt(doubt.diagonal())
    return EstimatorCheck(
        architectures=count,
        items=len(items),
        tau=tau,
        corrected=corrected_interval(tau, 1.0, trust.value),
        truth_reliability=trust,
        level=LEVEL,
        coverage=float(inside.mean()) if table.reward == estimator.target else None,
        worths=posterior.mean.tolist(),
        sds=posterior.sd.tolist(),
        truths=truth.tolist(),
    )
