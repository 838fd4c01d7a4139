"""An architecture: one op for every gene of a space."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING

from asymnas.core.errors import ArchitectureMismatch, Problem, nearest

if TYPE_CHECKING:
    from asymnas.space._space import SearchSpace

ENUMERABLE = 16_384
"""Spaces up to this size are enumerated where draws say less."""


@dataclass(frozen=True, eq=False)
class Architecture:
    """A path and the space it is of; equal and hashable by content. Made by `SearchSpace`, which checks it.

    Attributes:
        space: the space.
        ops: one op a gene, in the order of `space.genes`.
    """

    space: SearchSpace
    ops: tuple[str, ...]

    @property
    def genes(self) -> dict[str, str]:
        """Gene id -> op, all genes in declaration order (a new dict each time)."""
        return dict(zip(self.space.gene_ids, self.ops, strict=True))

    @property
    def free_ops(self) -> tuple[str, ...]:
        """One op a free gene, in the order of `space.free_genes`."""
        return tuple(self.ops[n] for n in self.space.free_positions)

    @property
    def free(self) -> dict[str, str]:
        """Free gene id -> op."""
        return {gene.id: op for gene, op in zip(self.space.free_genes, self.free_ops, strict=True)}

    @cached_property
    def key(self) -> str:
        """16 hex digits that name this architecture of this space, the same on every machine."""
        text = json.dumps({"genes": self.genes, "space": self.space.hash}, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Architecture):
            return NotImplemented
        return self.ops == other.ops and self.space.hash == other.space.hash

    def __hash__(self) -> int:
        return hash(self.key)

    def __repr__(self) -> str:
        return f"<Architecture {self.key} of {self.space.name}>"


def checked_path(space: SearchSpace, genes: Mapping[str, str], where: str = "genes") -> tuple[str, ...]:
    """Return one op a gene after checking names, ops, ties and fixes.

    Raises:
        ArchitectureMismatch: with all that is wrong.
    """
    domains = {gene.id: gene.ops for gene in space.genes}
    problems = [
        Problem(f"{where}.{name}", f"space '{space.name}' has no such gene", f"'{name}'", nearest(name, domains))
        for name in genes
        if name not in domains
    ]
    for name, ops in domains.items():
        if name not in genes:
            problems.append(Problem(f"{where}.{name}", "every gene of the space has an op", "none"))
        elif genes[name] not in ops:
            way_out = nearest(str(genes[name]), ops)
            problems.append(Problem(f"{where}.{name}", "the op is not one of this gene", repr(genes[name]), way_out))
        elif name in space.fixed and genes[name] != space.fixed[name]:
            rule = f"the gene is fixed to '{space.fixed[name]}'"
            problems.append(Problem(f"{where}.{name}", rule, repr(genes[name])))
    for free in space.free_genes:
        chosen = {genes[place] for place in free.places if genes.get(place) in free.ops}
        if len(chosen) > 1:
            rule = f"{', '.join(free.places)} are tied: they have one op"
            problems.append(Problem(f"{where}.{free.id}", rule, ", ".join(sorted(map(str, chosen)))))
    if problems:
        raise ArchitectureMismatch(problems)
    return tuple(genes[name] for name in domains)


def distance(a: Architecture, b: Architecture) -> int:
    """Return the number of genes (all places, tied ones each) at which two architectures differ.

    Raises:
        ArchitectureMismatch: their spaces have different genes.
    """
    one, two = a.genes, b.genes
    if one.keys() != two.keys():
        only = sorted(one.keys() ^ two.keys())
        rule = f"a distance needs the same genes, but '{a.space.name}' and '{b.space.name}' differ in {len(only)}"
        raise ArchitectureMismatch(Problem("distance", rule, only[0]))
    return sum(op != two[name] for name, op in one.items())


def available(space: SearchSpace, wanted: int) -> int:
    """Return how many of `wanted` distinct architectures a space has.

    Constraints count in spaces of up to `ENUMERABLE` points; in larger ones the points are counted before constraints.
    """
    if not space.constraints or space.size > ENUMERABLE:
        return min(wanted, space.size)
    return sum(1 for _ in islice(space.enumerate(), wanted))
