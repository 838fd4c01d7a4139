"""Constraints: measuring an architecture, and telling early when nothing can satisfy them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from asymnas.core.errors import nearest
from asymnas.space._checks import Finding
from asymnas.space._cost import CostTable
from asymnas.space._model import Constraint, FreeGene, Gene
from asymnas.space._patterns import matching

if TYPE_CHECKING:
    from asymnas.space._resolve import Resolved

__all__ = ["bounds", "check_constraints", "kept", "measured"]


def measured(constraint: Constraint, path: Mapping[str, str], table: CostTable) -> float:
    """Return what a constraint measures, for a path (gene id -> op, all genes)."""
    if constraint.measure == "count":
        return sum(path[gene] == constraint.op for gene in matching(constraint.genes, path))
    if constraint.measure == "macs":
        return table.macs(path, constraint.branch, constraint.amortised)
    if constraint.branch is None:
        return table.params(path)
    of = table.branch_of
    weights = sum(table.ops[gene][op].params for gene, op in path.items() if of[gene] == constraint.branch)
    return table.stems[constraint.branch].params + weights


def kept(constraints: Sequence[Constraint], path: Mapping[str, str], table: CostTable) -> bool:
    """Return whether a path keeps all constraints."""
    for constraint in constraints:
        value = measured(constraint, path, table)
        if constraint.max is not None and value > constraint.max:
            return False
        if constraint.min is not None and value < constraint.min:
            return False
    return True


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
    base = measured_part(constraint, dict(fixed), table, stems=True)
    low = high = base
    for gene in free:
        values = [measured_part(constraint, dict.fromkeys(gene.places, op), table, stems=False) for op in gene.ops]
        low, high = low + min(values), high + max(values)
    return low, high


def measured_part(constraint: Constraint, path: Mapping[str, str], table: CostTable, *, stems: bool) -> float:
    """Return what a part of a path adds to an additive measure, with or without the stems."""
    empty = 0.0 if stems else measured(constraint, {}, table)
    return measured(constraint, path, table) - empty


def check_constraints(
    constraints: Sequence[Constraint], genes: Sequence[Gene], resolved: Resolved, table: CostTable
) -> list[Finding]:
    """Find constraints that count an op no place has, and those no architecture can keep by their bounds alone."""
    found = []
    domains = {gene.id: gene.ops for gene in genes}
    for n, item in enumerate(constraints):
        key = ("constraints", n)
        if item.measure == "count":
            places = matching(item.genes, domains)
            ops = {op for name in places for op in domains[name]}
            if not places:
                way_out = nearest(item.genes, domains)
                found.append(Finding((*key, "genes"), "the pattern matches no gene", f"'{item.genes}'", way_out))
                continue
            if item.op not in ops:
                way_out = nearest(str(item.op), ops)
                found.append(Finding((*key, "op"), "none of the places has this op", f"'{item.op}'", way_out))
                continue
        low, high = bounds(item, resolved.free, resolved.fixed, table)
        way_out = f"The space reaches from {low:,.0f} to {high:,.0f}."
        if item.max is not None and low > item.max:
            found.append(Finding((*key, "max"), f"no architecture can keep '{item}'", f"{item.max:,}", way_out))
        if item.min is not None and high < item.min:
            found.append(Finding((*key, "min"), f"no architecture can keep '{item}'", f"{item.min:,}", way_out))
    return found
