"""What the best architectures of a run have in common, beside what chance would give."""

from __future__ import annotations

from collections.abc import Sequence

from asymnas.core.errors import EvaluationError
from asymnas.runs.read import RunData
from asymnas.search import Evaluation
from asymnas.search.analysis import OpFrequency, asymmetry_index, op_frequencies
from asymnas.space import SearchSpace

__all__ = ["agreement", "best_of", "frequencies_of"]

BEST_SHARE = 0.25
FEWEST = 8
"""Fewer distinct architectures say nothing."""


def best_of(evaluations: Sequence[Evaluation]) -> list[Evaluation]:
    """Return the best quarter of the distinct evaluated architectures, best first; [] if there are fewer than 8."""
    distinct = {tuple(sorted(item.genes.items())): item for item in evaluations if item.genes and item.suc is not None}
    if len(distinct) < FEWEST:
        return []
    ranked = sorted(distinct.values(), key=lambda item: item.suc or 0.0, reverse=True)
    return ranked[: max(2, round(BEST_SHARE * len(ranked)))]


def frequencies_of(run: RunData) -> list[OpFrequency]:
    """Return how often each op was chosen for each free gene among the best of all searches of a run."""
    best = best_of([*run.stage("search"), *run.stage("random")])
    if not best or not run.space:
        return []
    space = SearchSpace.from_dict(run.space)
    return op_frequencies([space.architecture(item.genes or {}) for item in best])


def agreement(run: RunData) -> str:
    """Say how alike the first two branches of the found architecture are; "" where they cannot be compared."""
    genes = run.architecture.get("genes")
    if not genes or not run.space:
        return ""
    space = SearchSpace.from_dict(run.space)
    if len(space.branches) < 2:
        return ""
    first, second = space.branches[0].name, space.branches[1].name
    try:
        index = asymmetry_index(space.architecture(genes), first, second)
    except EvaluationError:  # the two branches have no place in common
        return ""
    if not index.places:
        return f"{first} and {second} are tied: one choice serves both."
    low, high = index.band()
    return (
        f"{first} and {second} have the same op at {index.equal} of {index.places} places ({index.share:.0%}); "
        f"by chance it would be {index.expected:.0%}, in 95 % of cases {low:.0%} to {high:.0%}."
    )
