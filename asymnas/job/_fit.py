"""Rules between a job and its search space: enough architectures for what is asked, and crops and stages that fit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from asymnas.core.document import Document, Place
from asymnas.core.errors import AsymNASError, Problem
from asymnas.job._names import Named
from asymnas.job._schema import Job

if TYPE_CHECKING:
    from asymnas.space import SearchSpace

__all__ = ["check_fit"]

MOST = 10_000_000
"""Architectures of a whole search; they are held in memory."""


def check_fit(job: Job, document: Document, dropped: set[Place], named: Named) -> list[Problem]:
    """Return what is wrong between the job and its space; rules that look at a value in `dropped` are silent.

    Args:
        job: the job.
        document: where it was written.
        dropped: places of faulty values, for which the job holds defaults.
        named: what the job's names stand for.
    """
    if named.space is None:
        return []
    problems = list(_budget(job, document, named.space)) if not any(item[:1] == ("search",) for item in dropped) else []
    if named.plugin is not None and named.plugin.geometry is not None and named.options is not None:
        try:
            named.plugin.geometry(named.options, named.space)
        except AsymNASError as error:
            problems += [_placed(document, item) for item in error.problems]
    return problems


def _budget(job: Job, document: Document, space: SearchSpace) -> Iterator[Problem]:
    from asymnas.space import available

    search = job.search
    budgets = {"search": search.evaluations, "random search": search.evaluations}
    if search.algorithm == "evolution":
        budgets["search"] = search.population * search.generations  # it has no other budget
    if not job.baselines.random_search:
        del budgets["random search"]
    told: set[int] = set()
    for what, asked in budgets.items():
        evolution = asked == search.population * search.generations
        place = ("search", "population") if evolution and document.has(("search", "population")) else ("search",)
        place = place if evolution else ("search", "budget")
        value = f"{asked:,}" + (f" ({search.population} x {search.generations})" if evolution else "")
        if asked in told:
            continue
        told.add(asked)
        if asked > MOST:
            yield Problem(document.where(place), f"the {what} must ask for at most {MOST:,} architectures", value)
            continue
        found = available(space, asked)
        if found < asked:
            kept = " that keep its constraints" if space.constraints else ""
            rule = f"the {what} must ask for at most the {found:,} architectures of '{space.name}'{kept}"
            keys = "`population` or `generations`" if evolution else "`budget`"
            more = " or set `baselines.random_search: false`" if what == "random search" else ""
            yield Problem(document.where(place), rule, value, f"Lower {keys}, free more genes{more}.")


def _placed(document: Document, problem: Problem) -> Problem:
    """A problem of the tracker with the space, at the option or the space that it is about."""
    section, _, key = problem.where.partition(".")
    if section == "tracker" and key:
        where = document.where(("tracker", *key.split(".")))
    else:
        where = ": ".join([document.where(("space",)), *([problem.where] if problem.where else [])])
    return Problem(where, problem.rule, problem.value, problem.way_out)
