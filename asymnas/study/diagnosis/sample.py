"""The architectures that a diagnosis measures anew."""

from __future__ import annotations

from asymnas.core.errors import JobError, Problem, nearest
from asymnas.core.seeding import rng_for
from asymnas.runs.read import RunData
from asymnas.search import drawn_architectures
from asymnas.space import Architecture, SearchSpace

MINIMUM = 4
"""Architectures that a rank correlation needs."""


def sample_of(
    space: SearchSpace, run: RunData, count: int, archive: int = 0, *, branch: str | None = None, seed: int
) -> list[Architecture]:
    """Return `count` random architectures, or all that the space has, the best of the search, and `archive` others that
    it scored; each once. With a `branch` the random ones have the best one's genes in it."""
    best = space.architecture(dict(run.architecture["genes"])) if run.architecture else None
    among = space if branch is None else _holding(space, best, branch)
    drawn = [space.architecture(item.genes) for item in drawn_architectures(among, count, seed, "diagnosis")]
    if best is not None and best.key not in {item.key for item in drawn}:
        drawn.append(best)
    known = {item.key for item in drawn}
    searched = [space.architecture(dict(item.genes)) for item in run.candidates("search") if item.genes]
    others = [item for item in searched if item.key not in known]
    chosen = rng_for(seed, "diagnosis", "archive").permutation(len(others))[:archive]
    return drawn + [others[place] for place in sorted(chosen)]


def _holding(space: SearchSpace, best: Architecture | None, branch: str) -> SearchSpace:
    """Return the part of a space in which a branch is as in `best`.

    Raises:
        JobError: there is no best one yet, the space has no such branch, or too little is left to choose.
    """
    if best is None:
        way_out = "Finish the search: `asymnas search JOB --resume`."
        raise JobError(Problem("--hold", "needs the architecture that the search found", repr(branch), way_out))
    names = [item.name for item in space.branches]
    if branch not in names:
        rule = f"must name a branch of '{space.name}'"
        raise JobError(Problem("--hold", rule, repr(branch), nearest(branch, names)))
    held = {gene: best.genes[gene] for gene in space.matching(f"{branch}.*") if gene not in space.fixed}
    part = space.replace(fix={**space.fix, **held})
    if part.size < MINIMUM:
        rule = f"must leave at least {MINIMUM} architectures of '{space.name}'"
        raise JobError(Problem("--hold", rule, f"'{branch}' leaves {part.size}", "Hold another branch, or none."))
    return part
