"""What the best architectures of a run have in common, beside what chance would give."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

from asymnas.core.errors import EvaluationError
from asymnas.report.plots import frequency_plot
from asymnas.report.sections import Figure, Section
from asymnas.search.analysis import asymmetry_index, op_frequencies
from asymnas.space import load_space

if TYPE_CHECKING:
    from asymnas.runs.read import RunData
    from asymnas.search import Evaluation

BEST_SHARE = 0.25
FEWEST = 8
"""Fewer distinct architectures say nothing."""


def best_of(evaluations: Sequence[Evaluation]) -> list[Evaluation]:
    """Return the best quarter of the distinct evaluated architectures, best first; [] if there are fewer than 8."""
    distinct = {
        tuple(sorted(item.genes.items())): item for item in evaluations if item.genes and item.value is not None
    }
    if len(distinct) < FEWEST:
        return []
    ranked = sorted(distinct.values(), key=lambda item: item.value or 0.0, reverse=True)
    return ranked[: max(2, round(BEST_SHARE * len(ranked)))]


def frequencies_section(run: RunData) -> Iterator[Section]:
    """Yield how often each op was chosen for each free gene among the best of all searches of a run, if they say it."""
    best = best_of([*run.candidates("search"), *run.candidates("random")])
    if not best or not run.space:
        return
    space = load_space(run.space)
    rows = op_frequencies([space.architecture(item.genes or {}) for item in best])
    note = (
        f"Shares among the best {len(best)} architectures. Framed: outside the band that 95 % of independent uniform "
        "choices keep to. Architectures of an evolution are related, so a frame is a hint and no proof."
    )
    yield Section(
        "Ops of the best", note=note, figures=(Figure(partial(frequency_plot, rows), "png", "op frequencies"),)
    )


def agreement(run: RunData) -> str:
    """Say how alike the first two branches of the found architecture are; "" where they cannot be compared."""
    genes = run.architecture.get("genes")
    if not genes or not run.space:
        return ""
    space = load_space(run.space)
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
