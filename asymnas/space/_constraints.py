"""Constraints: what an architecture measures, and those that no architecture can keep."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import inf

from asymnas.core.document import Document, Place
from asymnas.core.errors import Problem, nearest
from asymnas.space._cost import CostTable
from asymnas.space._genes import FreeGene
from asymnas.space._parts import Constraint
from asymnas.space._patterns import matching
from asymnas.space._resolve import Resolved


def measured(constraint: Constraint, path: Mapping[str, str], table: CostTable) -> float:
    """Return what a constraint measures for a path, gene id -> op; a part of one gives a part of a sum over genes."""
    if constraint.measure == "count":
        return sum(path[gene] == constraint.op for gene in matching(constraint.genes, path))
    cost = table.cost(path)
    if constraint.branch is not None:
        part = cost.branches[constraint.branch]
        return part.macs if constraint.measure == "macs" else part.params
    if constraint.measure == "params":
        return cost.params
    return cost.macs if constraint.amortised is None else cost.amortised(constraint.amortised)


def kept(constraints: Sequence[Constraint], path: Mapping[str, str], table: CostTable) -> bool:
    """Return whether a path keeps all constraints."""
    values = ((item, measured(item, path, table)) for item in constraints)
    return all((item.min or 0) <= value <= (inf if item.max is None else item.max) for item, value in values)


def bounds(
    constraint: Constraint, free: Sequence[FreeGene], fixed: Mapping[str, str], table: CostTable
) -> tuple[float, float]:
    """Return the lowest and highest value of a measure over the space; exact, for measures that are sums over genes.

    Weights over all branches are not a sum over genes where branches share them; the bounds are then wide ones.
    """
    if constraint.measure == "params" and constraint.branch is None:
        parts = [Constraint(measure="params", branch=name) for name in table.rates]
        each = [bounds(part, free, fixed, table) for part in parts]
        unshared = len(set(table.owner.values())) == len(table.owner)
        return (sum(low for low, _ in each) if unshared else max(low for low, _ in each)), sum(h for _, h in each)
    low = high = measured(constraint, fixed, table)
    none = measured(constraint, {}, table)
    for gene in free:
        values = [measured(constraint, dict.fromkeys(gene.places, op), table) - none for op in gene.ops]
        low, high = low + min(values), high + max(values)
    return low, high


def check_limits(constraints: Sequence[Constraint], branches: Sequence[str], document: Document) -> list[Problem]:
    """Find constraints that contradict themselves or name a branch that is not there."""
    broken = ((n, _wrong_keys(item, branches)) for n, item in enumerate(constraints))
    return [_problem(n, found, document) for n, found in broken if found is not None]


def check_reach(
    constraints: Sequence[Constraint], resolved: Resolved, table: CostTable, document: Document
) -> list[Problem]:
    """Find constraints that count what is nowhere, and those that no architecture can keep by their bounds alone."""
    domains = {gene.id: gene.ops for gene in resolved.genes}
    problems = []
    for n, item in enumerate(constraints):
        broken = _nowhere(item, domains)
        if broken is None:
            low, high = bounds(item, resolved.free, resolved.fixed, table)
            way_out = f"The space reaches from {low:,.0f} to {high:,.0f}."
            if item.max is not None and low > item.max:
                broken = ("max",), f"no architecture can keep '{item}'", f"{item.max:,}", way_out
            elif item.min is not None and high < item.min:
                broken = ("min",), f"no architecture can keep '{item}'", f"{item.min:,}", way_out
        if broken is not None:
            problems.append(_problem(n, broken, document))
    return problems


def _problem(n: int, broken: Broken, document: Document) -> Problem:
    key, rule, value, way_out = broken
    return Problem(document.where(("constraints", n, *key)), rule, value, way_out)


Broken = tuple[Place, str, str, str]
"""Key inside the constraint, rule, value, way out."""


def _wrong_keys(item: Constraint, branches: Sequence[str]) -> Broken | None:
    if item.min is None and item.max is None:
        return (), "a constraint has `max`, `min` or both", "neither", ""
    if item.min is not None and item.max is not None and item.min > item.max:
        return (), "`min` is at most `max`", f"{item.min} > {item.max}", ""
    if item.measure == "count" and item.op is None:
        return ("op",), "a count constraint names the op it counts", "none", ""
    if item.measure == "count" and item.branch is not None:
        way_out = f"Write `genes: {item.branch}.*`."
        return ("branch",), "a count names its places by `genes`", item.branch, way_out
    if item.measure != "count" and (item.op is not None or item.genes != "*"):
        return (), "`op` and `genes` are for `measure: count`", item.measure, ""
    if item.branch is not None and item.branch not in branches:
        return ("branch",), "the branch is not known", f"'{item.branch}'", nearest(item.branch, branches)
    if item.amortised is not None and (item.measure != "macs" or item.branch is not None):
        return ("amortised",), "only macs over all branches are amortised", item.measure, ""
    return None


def _nowhere(item: Constraint, domains: Mapping[str, tuple[str, ...]]) -> Broken | None:
    """What a count constraint counts that is nowhere."""
    if item.measure != "count":
        return None
    places = matching(item.genes, domains)
    ops = {op for name in places for op in domains[name]}
    if not places:
        return ("genes",), "the pattern matches no gene", f"'{item.genes}'", nearest(item.genes, domains)
    if item.op not in ops:
        return ("op",), "none of the places has this op", f"'{item.op}'", nearest(str(item.op), ops)
    return None
