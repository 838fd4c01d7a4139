"""What a search of several objectives weighs against each other."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from asymnas.core.errors import EvaluationError, JobError, Problem, nearest
from asymnas.search.results import Evaluation
from asymnas.space import Architecture, SearchSpace

FORMS = "reward, worst_condition, condition:NAME, macs, macs.BRANCH, params, params.BRANCH, latency, latency.BRANCH"
COSTS = ("macs", "params", "latency")
Latency = Mapping[str, Mapping[str, float]]
"""Milliseconds by gene and op."""


@dataclass(frozen=True, slots=True)
class Objective:
    """One objective.

    Args:
        name: `reward` (where there is an estimator: the worth), `condition:NAME` (the reward under one condition),
            `worst_condition` (the least of these), `macs` (multiply-accumulates of one run of every branch), `params`,
            `latency` (milliseconds of the ops of one run of every branch, as measured on this machine), or any of the
            three `.BRANCH`. Rewards are maximised, costs minimised.
    """

    name: str

    @property
    def kind(self) -> str:
        """The name without what follows `.` or `:`."""
        return re.split("[:.]", self.name)[0]

    @property
    def of(self) -> str:
        """The branch or condition; "" for none."""
        return self.name.removeprefix(self.kind)[1:]

    @property
    def measured(self) -> bool:
        """Whether its value comes from an evaluation; other values are known before."""
        return self.kind in ("condition", "worst_condition")

    @property
    def maximised(self) -> bool:
        """Whether more is better."""
        return self.kind == "reward" or self.measured

    def value(self, architecture: Architecture, worth: float, evaluation: Evaluation | None, latency: Latency) -> float:
        """Return its value for an architecture.

        Raises:
            EvaluationError: the objective needs an evaluation under conditions, and there is none.
        """
        if self.kind == "reward":
            return worth
        if self.measured:
            found = {} if evaluation is None else evaluation.by_condition
            if not found or self.of not in ("", *found):
                rule, way_out = "was not measured", "Let `evaluation` score all conditions of the objectives."
                raise EvaluationError(Problem(f"architecture {architecture.key}", f"{self.name} {rule}", "", way_out))
            return found[self.of] if self.of else min(found.values())
        if self.kind == "latency":
            return sum(latency[gene][op] for gene, op in architecture.genes.items() if self._has(gene))
        cost = architecture.space.cost(architecture)
        return float(getattr(cost.branches[self.of] if self.of else cost, self.kind))

    def _has(self, gene: str) -> bool:
        return self.of in ("", gene.partition(".")[0])


class Objectives:
    """Two or more objectives.

    Args:
        names: see `Objective`.
        space: has the branches.

    Attributes:
        latency: set before values of `latency` are asked for.

    Raises:
        JobError: with all names that are none.
    """

    def __init__(self, names: Sequence[str], space: SearchSpace) -> None:
        problems = faults(names, [branch.name for branch in space.branches])
        if problems:
            raise JobError(problems)
        self.each = tuple(Objective(name) for name in names)
        self.latency: Latency = {}

    @property
    def timed(self) -> bool:
        """Whether `latency` is needed."""
        return any(item.kind == "latency" for item in self.each)

    @property
    def names(self) -> list[str]:
        """Their names."""
        return [item.name for item in self.each]

    @property
    def signs(self) -> np.ndarray:
        """(m,) 1 for what is minimised, -1 for what is maximised."""
        return np.array([-1.0 if item.maximised else 1.0 for item in self.each])

    def values(
        self, architectures: Sequence[Architecture], worths: Sequence[float], evaluations: Sequence[Evaluation | None]
    ) -> np.ndarray:
        """Return (n, m) values, each in its own unit and direction; raises as `Objective.value` does."""
        rows = [
            [item.value(*row, self.latency) for item in self.each]
            for row in zip(architectures, worths, evaluations, strict=True)
        ]
        return np.array(rows, float).reshape(len(rows), len(self.each))

    def conditions(self, scored: Sequence[str]) -> list[Problem]:
        """Return what is wrong with objectives of conditions where a search scores `scored`."""
        found = []
        for item in self.each:
            if item.measured and (len(scored) < 2 or item.of not in ("", *scored)):
                rule = f"the objective {item.name} needs a search that scores several conditions"
                way_out = "For tracking set `evaluation.language: both`."
                found.append(Problem("search.objectives", rule, f"those scored: {', '.join(scored)}", way_out))
        return found


def faults(names: Sequence[str], branches: Sequence[str] | None) -> list[Problem]:
    """Return what is wrong with names of objectives; `branches` None: they are not known."""
    where, found = "search.objectives", []
    if len(names) < 2 or len(set(names)) < len(names):
        found.append(Problem(where, "must be two or more different objectives", ", ".join(names), f"Known: {FORMS}."))
    for name in names:
        item = Objective(name)
        kinds = {"condition": item.of != "", **dict.fromkeys(COSTS, True)}
        if item.kind not in {"reward", "worst_condition", *kinds} or (item.of and item.kind not in kinds):
            found.append(Problem(where, "must name an objective", repr(name), f"Known: {FORMS}."))
        elif not kinds.get(item.kind, True):
            found.append(Problem(where, "must name a condition", repr(name), "Such as condition:without."))
        elif item.kind in COSTS and item.of and branches is not None and item.of not in branches:
            found.append(Problem(where, "must name a branch of the space", repr(item.of), nearest(item.of, branches)))
    return found


def order_by_fronts(losses: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the rank of each front, from 0, and the crowding distance in it, of (n, m) values to be minimised.

    Deb et al. 2002; the ends of a front have the distance infinity.
    """
    import moocore

    ranks = moocore.pareto_rank(losses) if len(losses) else np.empty(0, int)
    crowding = np.zeros(len(losses))
    for rank in np.unique(ranks):
        front = np.flatnonzero(ranks == rank)
        crowding[front] = _crowding(losses[front])
    return ranks, crowding


def _crowding(front: np.ndarray) -> np.ndarray:
    """Return the (n,) sum over objectives of the distance between the two neighbours, as a share of the range."""
    total = np.zeros(len(front))
    for column in front.T:
        order = np.argsort(column, kind="stable")
        low, high = column[order[0]], column[order[-1]]
        total[order[[0, -1]]] = np.inf
        if high > low:
            total[order[1:-1]] += (column[order[2:]] - column[order[:-2]]) / (high - low)
    return total
