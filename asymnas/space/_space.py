"""The search space: branches of choice blocks, ties, fixes, removals, constraints and shared weights."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from math import prod
from typing import Any

import numpy as np

from asymnas.core.errors import ArchitectureMismatch, InfeasibleConstraint, Problem, SpaceError, nearest
from asymnas.core.seeding import rng_for
from asymnas.space import _operators
from asymnas.space._architecture import Architecture, checked_path
from asymnas.space._checks import (
    Finding,
    check_branches,
    check_names,
    check_places,
    check_shared,
    check_size,
    genes_of,
    to_problems,
)
from asymnas.space._constraints import check_constraints, kept
from asymnas.space._cost import Cost, CostTable
from asymnas.space._lists import as_fix, as_groups, as_tie, as_without
from asymnas.space._model import Branch, Constraint, FreeGene, Gene
from asymnas.space._parse import Parser
from asymnas.space._patterns import matching
from asymnas.space._plain import space_to_dict
from asymnas.space._resolve import Resolved, resolve
from asymnas.space._yaml import dump_yaml, parse_yaml

__all__ = ["SearchSpace", "check_fields"]


@dataclass(frozen=True, kw_only=True)
class SearchSpace:
    """A space of architectures. Immutable; equal by content.

    `tie`, `fix`, `without` and `share_weights` may be given as in YAML (texts, lists, mappings) and are kept as tuples.

    Attributes:
        name: the space's name; like the description no part of its hash.
        branches: the branches in order.
        share_weights: groups of branches that run through the same parameters. It leaves the choices free.
        tie: tuples of patterns; the genes that match with equal star parts are one decision with several places.
        fix: (pattern, op): genes that are decided.
        without: (pattern, ops): ops removed at places.
        constraints: limits every architecture keeps.
        description: one line for people.

    Raises:
        SpaceError: with all broken rules at once.
        InfeasibleConstraint: no architecture kept the constraints in a bounded number of draws.
    """

    name: str
    branches: tuple[Branch, ...]
    share_weights: tuple[tuple[str, ...], ...] = ()
    tie: tuple[tuple[str, ...], ...] = ()
    fix: tuple[tuple[str, str], ...] = ()
    without: tuple[tuple[str, tuple[str, ...]], ...] = ()
    constraints: tuple[Constraint, ...] = ()
    description: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        found: list[Finding] = []
        values = {
            "branches": tuple(self.branches),
            "constraints": tuple(self.constraints),
            "share_weights": as_groups(self.share_weights, found),
            "tie": as_tie(self.tie, found),
            "fix": as_fix(self.fix, found),
            "without": as_without(self.without, found),
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)
        found += check_names(values["branches"])
        if not found:
            parser = Parser()
            parser.space(self.to_dict())
            found = parser.findings or check_fields(values)
        if found:
            raise SpaceError(to_problems(found, self.name))
        self._check_feasible()

    def __getstate__(self) -> dict[str, Any]:
        return {name: self.__dict__[name] for name in self.__dataclass_fields__}

    def __repr__(self) -> str:
        return f"<SearchSpace {self.name}: {len(self.free_genes)} free of {len(self.genes)} genes, {self.hash[:8]}>"

    def _check_feasible(self) -> None:
        if not self.constraints:
            return
        if self.size <= _operators.DRAWS:
            if next(self.enumerate(), None) is None:
                rules = "; ".join(str(item) for item in self.constraints)
                rule = f"none of the {self.size} architectures keeps all constraints: {rules}"
                raise InfeasibleConstraint(Problem(f"{self.name}: constraints", rule, "acceptance rate 0"))
        else:
            self.sample(rng_for(0, "feasible"))

    @cached_property
    def _resolved(self) -> Resolved:
        genes = [gene for branch in self.branches for gene in genes_of(branch)]
        return resolve(genes, self.tie, self.fix, self.without)[0]

    @cached_property
    def _table(self) -> CostTable:
        return CostTable(self.branches, self.genes, self.share_weights)

    def branch(self, name: str) -> Branch:
        """Return the branch called `name`."""
        for branch in self.branches:
            if branch.name == name:
                return branch
        known = [branch.name for branch in self.branches]
        raise SpaceError(Problem(self.name, "the space has no such branch", f"'{name}'", nearest(name, known)))

    def matching(self, pattern: str) -> tuple[str, ...]:
        """Return the ids of the genes that match a pattern (`*` stands for any characters)."""
        return tuple(matching(pattern, self.gene_ids))

    @property
    def genes(self) -> tuple[Gene, ...]:
        """All genes in declaration order, with the ops left after `without`."""
        return self._resolved.genes

    @cached_property
    def gene_ids(self) -> tuple[str, ...]:
        """The ids of all genes in declaration order."""
        return tuple(gene.id for gene in self.genes)

    @property
    def free_genes(self) -> tuple[FreeGene, ...]:
        """The decisions: genes after ties and fixes; a gene with a single op is none."""
        return self._resolved.free

    @property
    def fixed(self) -> dict[str, str]:
        """Gene id -> op of the genes with nothing to decide."""
        return self._resolved.fixed

    @property
    def tied_to(self) -> dict[str, str]:
        """Gene id -> the first place of its tie; its own id where it is not tied."""
        return self._resolved.first

    @cached_property
    def free_positions(self) -> tuple[int, ...]:
        """For each free gene the position of its first place among all genes."""
        position = {name: n for n, name in enumerate(self.gene_ids)}
        return tuple(position[gene.id] for gene in self.free_genes)

    @cached_property
    def _layout(self) -> tuple[tuple[int, str], ...]:
        """For each gene the number of its free gene, or -1 and its fixed op."""
        free = {place: n for n, gene in enumerate(self.free_genes) for place in gene.places}
        return tuple((free.get(name, -1), self.fixed.get(name, "")) for name in self.gene_ids)

    @property
    def shared_weights(self) -> tuple[tuple[str, ...], ...]:
        """Groups of branches that run through the same parameters."""
        return self.share_weights

    @cached_property
    def size(self) -> int:
        """The exact number of architectures, before constraints."""
        return prod(len(gene.ops) for gene in self.free_genes)

    @cached_property
    def hash(self) -> str:
        """16 hex digits of the content; name, description and the order of unordered lists do not matter."""
        return self._digest(("branches", "share_weights", "tie", "fix", "without", "constraints"))

    @cached_property
    def structure_hash(self) -> str:
        """16 hex digits of what the supernet's weights depend on: branches and shared weights, nothing of the choices.

        Spaces that differ only in ties, fixes, removals and constraints have it in common: their weights have the same
        names and shapes, though a space with fewer ops needs a part of them only.
        """
        return self._digest(("branches", "share_weights"))

    def _digest(self, keys: tuple[str, ...]) -> str:
        content = space_to_dict(self, factored=False)
        for key in ("share_weights", "tie", "constraints"):
            content[key] = sorted(json.dumps(item) for item in content.get(key, []))
        for key in ("fix", "without"):
            content[key] = sorted(content.get(key, {}).items())
        text = json.dumps([content[key] for key in keys], separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def from_free_ops(self, ops: tuple[str, ...]) -> Architecture:
        """Make an architecture of one op a free gene, in their order, unchecked."""
        return Architecture(self, tuple(ops[n] if n >= 0 else fixed for n, fixed in self._layout))

    def architecture(self, genes: Mapping[str, str]) -> Architecture:
        """Make an architecture of a full path: all genes, known ops, ties and fixes kept. Constraints are not asked.

        Raises:
            ArchitectureMismatch: with all that is wrong.
        """
        return Architecture(self, checked_path(self, genes))

    def expand(self, free: Mapping[str, str]) -> Architecture:
        """Make an architecture of one op for each free gene.

        Raises:
            ArchitectureMismatch: a free gene is missing or unknown, or has no such op.
        """
        known = {gene.id: gene.ops for gene in self.free_genes}
        problems = [
            Problem(f"free.{name}", f"space '{self.name}' has no such free gene", f"'{name}'", nearest(name, known))
            for name in free
            if name not in known
        ]
        for name, ops in known.items():
            if free.get(name) not in ops:
                problems.append(Problem(f"free.{name}", f"one of {', '.join(ops)} is needed", repr(free.get(name))))
        if problems:
            raise ArchitectureMismatch(problems)
        return self.from_free_ops(tuple(free[name] for name in known))

    def satisfies(self, arch: Architecture) -> bool:
        """Return whether an architecture keeps the constraints."""
        return not self.constraints or kept(self.constraints, arch.genes, self._table)

    def cost(self, arch: Architecture) -> Cost:
        """Return multiply-accumulates and weights of an architecture."""
        return self._table.cost(arch.genes)

    @property
    def cost_table(self) -> CostTable:
        """The cost of every op at every gene."""
        return self._table

    def sample(self, rng: np.random.Generator) -> Architecture:
        """Draw uniformly among the architectures that keep the constraints.

        Raises:
            InfeasibleConstraint: a bounded number of draws kept none; with the acceptance rate.
        """
        return _operators.sample(self, rng)

    def mutate(
        self, arch: Architecture, rng: np.random.Generator, prob: float = 0.1, *, force: bool = True
    ) -> Architecture:
        """Give each free gene another op with probability `prob`; with `force` at least one gene changes."""
        return _operators.mutate(self, arch, rng, prob, force=force)

    def crossover(
        self, a: Architecture, b: Architecture, rng: np.random.Generator, level: _operators.Level = "gene"
    ) -> Architecture:
        """Take each gene, stage (with its mixer) or branch from one of two parents by a fair coin."""
        return _operators.crossover(self, a, b, rng, level)

    def neighbours(self, arch: Architecture) -> Iterator[Architecture]:
        """Yield the architectures one free gene away that keep the constraints."""
        return _operators.neighbours(self, arch)

    def enumerate(self) -> Iterator[Architecture]:
        """Yield all architectures that keep the constraints."""
        return _operators.enumerate_all(self)

    def count(self, *, limit: int = 100_000, draws: int = 2000, seed: int = 0) -> _operators.Count:
        """Count the architectures that keep the constraints: exactly up to `limit` points, else from `draws` draws."""
        return _operators.count(self, limit=limit, draws=draws, seed=seed)

    def to_dict(self) -> dict[str, Any]:
        """Return the space as plain values, as YAML and JSON write it."""
        return space_to_dict(self, factored=True)

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> SearchSpace:
        """Read plain values without `extends` (see `load_space`)."""
        parser = Parser()
        fields = parser.space(content)
        if parser.findings or fields is None:
            raise SpaceError(to_problems(parser.findings))
        return cls(**fields)

    def to_yaml(self) -> str:
        """Return the space as YAML."""
        return dump_yaml(self.to_dict())

    @classmethod
    def from_yaml(cls, text: str) -> SearchSpace:
        """Read YAML without `extends` (see `load_space`)."""
        return cls.from_dict(parse_yaml(text, "yaml")[0])


def check_fields(fields: Mapping[str, Any]) -> list[Finding]:
    """Check the parts of a space against each other; `fields` are the arguments of `SearchSpace`."""
    found = check_branches(fields["branches"])
    if found:
        return found
    found += check_shared(fields["share_weights"], fields["branches"])
    genes = [gene for branch in fields["branches"] for gene in genes_of(branch)]
    resolved, broken = resolve(genes, fields["tie"], fields["fix"], fields["without"])
    found += broken + check_places(fields["branches"], resolved.genes) + check_size(resolved.free)
    if not found:
        table = CostTable(fields["branches"], resolved.genes, fields["share_weights"])
        found += check_constraints(fields["constraints"], resolved.genes, resolved, table)
    return found
