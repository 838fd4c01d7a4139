"""What the scores of a run say of the truth: a supernet's ranking against the table."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from asymnas.core.errors import DataError, Problem
from asymnas.core.models import Record
from asymnas.core.reliability import corrected_tau, kendall_tau
from asymnas.core.statistics import Interval
from asymnas.search import Evaluation
from asymnas.study.bench.table import TruthTable
from asymnas.study.bench.truth import reliability_of_truth

STAGES = ("search", "random")


class AgainstTruth(Record):
    """How a run's scores order the architectures that it evaluated, against their true values.

    Args:
        table: fingerprint of the table.
        architectures: that the run scored in its search and its random search, each once, by the most items.
        tau: Kendall's tau with the true values; the interval is over architectures.
        corrected: tau, the noise of the few seeds of the true values taken out.
        pearson: correlation with the true values.
        chosen: true value of the highest score; `regret` is how far it is below the best of the table.
        random: the mean true value of all architectures of the table.
    """

    table: str
    architectures: int
    tau: Interval
    corrected: float
    pearson: float
    chosen: float
    regret: float
    random: float


def against_truth(table: TruthTable, evaluations: Sequence[Evaluation]) -> AgainstTruth:
    """Compare the scores of a run's log with a table.

    Raises:
        ArchitectureMismatch: the run is of another space.
        DataError: it scored fewer than 3 architectures.
    """
    scores: dict[int, tuple[int, float]] = {}
    for item in evaluations:
        if item.stage in STAGES and item.value is not None and item.genes is not None:
            place = table.index(table.space.architecture(item.genes))
            scores[place] = max(scores.get(place, (0, 0.0)), (len(item.items), item.value), key=lambda pair: pair[0])
    if len(scores) < 3:
        raise DataError(Problem("the run", "must have scored at least 3 architectures", str(len(scores))))
    places = np.array(list(scores))
    measured, truth = np.array([value for _, value in scores.values()]), table.truth[places]
    tau = kendall_tau(measured, truth)
    chosen = float(truth[measured.argmax()])
    return AgainstTruth(
        table=table.header.fingerprint,
        architectures=len(places),
        tau=tau,
        corrected=corrected_tau(tau.value, 1.0, reliability_of_truth(table)),
        pearson=float(np.corrcoef(measured, truth)[0, 1]),
        chosen=chosen,
        regret=float(table.truth.max()) - chosen,
        random=float(table.truth.mean()),
    )
