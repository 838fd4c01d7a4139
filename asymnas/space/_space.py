"""The search space: branches of choice blocks, ties, fixes, removals, constraints and shared weights."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from asymnas.core.document import Document, parse
from asymnas.core.errors import ArchitectureMismatch, InfeasibleConstraint, Problem, SpaceError, nearest
from asymnas.core.schema import check_model
from asymnas.core.seeding import rng_for
from asymnas.space import _operators
from asymnas.space._architecture import Architecture, checked_path
from asymnas.space._constraints import check_limits, check_reach, kept
from asymnas.space._content import SpaceContent
from asymnas.space._cost import Cost, CostTable
from asymnas.space._genes import FreeGene, Gene, genes_of, mixer_places
from asymnas.space._parts import Branch
from asymnas.space._patterns import matching
from asymnas.space._resolve import Resolved, resolve
from asymnas.space._rules import check_branches, check_places, check_shared
from asymnas.space._sugar import SUGAR, spread
from asymnas.space.mixers import MixerPlace

DRAWS = 2000
"""How often a random operator draws before it gives up on the constraints."""


class SearchSpace(SpaceContent):
    """A space of architectures: content, genes, costs, and what draws and changes architectures.

    Made of the fields of `SpaceContent`; immutable, equal by name and content.

    Raises:
        SpaceError: with all broken rules at once.
        InfeasibleConstraint: no architecture kept the constraints in a bounded number of draws.
    """

    if not TYPE_CHECKING:

        def __init__(self, **values: Any) -> None:
            super().__init__(**values)
            self._check(Document(None, self.name))

        __init__.__pydantic_base_init__ = True

    def __getstate__(self) -> dict[Any, Any]:
        state = super().__getstate__()
        fields = {name: value for name, value in state["__dict__"].items() if name in type(self).model_fields}
        return {**state, "__dict__": fields}

    def __repr__(self) -> str:
        return f"<SearchSpace {self.name}: {len(self.free_genes)} free of {len(self.genes)} genes, {self.hash[:8]}>"

    def _check(self, document: Document) -> None:
        if problems := self._problems(document):
            raise SpaceError(problems)
        where = document.where(("constraints",))
        if self.size > DRAWS:
            try:
                self.sample(rng_for(0, "feasible"))
            except InfeasibleConstraint as error:
                raise InfeasibleConstraint([replace(item, where=where) for item in error.problems]) from None
        elif next(self.enumerate(), None) is None:
            rules = "; ".join(str(item) for item in self.constraints)
            rule = f"none of the {self.size} architectures keeps all constraints: {rules}"
            raise InfeasibleConstraint(Problem(where, rule, "acceptance rate 0"))

    def _problems(self, document: Document) -> list[Problem]:
        """Check the parts against each other; what is resolved on the way is kept."""
        found = check_branches(self.branches, self.inputs, document)
        if found:
            return found
        found += check_shared(self.share_weights, self.branches, document)
        resolved, broken = resolve(genes_of(self.branches), self.tie, self.fix, self.without, document)
        self.__dict__["_resolved"] = resolved
        found += check_limits(self.constraints, [branch.name for branch in self.branches], document) + broken
        found += check_places(self.branches, resolved.genes, document)
        return found or check_reach(self.constraints, resolved, self.cost_table, document)

    @cached_property
    def _resolved(self) -> Resolved:  # where the space was unpickled; else `_problems` has put it here
        return resolve(genes_of(self.branches), self.tie, self.fix, self.without, Document(None, self.name))[0]

    @cached_property
    def cost_table(self) -> CostTable:
        """The cost of every op at every gene, and of what is no gene."""
        return CostTable(self.branches, self.genes, self.share_weights, self.mixer_places)

    @cached_property
    def mixer_places(self) -> dict[str, MixerPlace]:
        """`{branch}.{mixer}` -> where the mixer sits and what it reads."""
        return mixer_places(self.branches, self.inputs)

    def replace(self, **changes: Any) -> SearchSpace:
        """Return the space with other values of some fields, checked as a new one is."""
        return SearchSpace(**{name: getattr(self, name) for name in type(self).model_fields} | changes)

    def branch(self, name: str) -> Branch:
        """Return the branch called `name`."""
        found = {branch.name: branch for branch in self.branches}
        if name not in found:
            way_out = nearest(name, found)
            raise SpaceError(Problem(self.name, "the space has no such branch", f"'{name}'", way_out))
        return found[name]

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
    def ties(self) -> dict[str, list[str]]:
        """First place -> all places, for the genes that are tied."""
        groups: dict[str, list[str]] = {}
        for name, first in self.tied_to.items():
            groups.setdefault(first, []).append(name)
        return {name: places for name, places in groups.items() if len(places) > 1}

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

    @cached_property
    def size(self) -> int:
        """The exact number of architectures, before constraints."""
        return prod(len(gene.ops) for gene in self.free_genes)

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
        return not self.constraints or kept(self.constraints, arch.genes, self.cost_table)

    def cost(self, arch: Architecture) -> Cost:
        """Return multiply-accumulates and weights of an architecture."""
        return self.cost_table.cost(arch.genes)

    def sample(self, rng: np.random.Generator) -> Architecture:
        """Draw uniformly among the architectures that keep the constraints.

        Raises:
            InfeasibleConstraint: a bounded number of draws kept none; with the acceptance rate.
        """
        return self._kept(_operators.uniform(self.free_genes, rng), "sampling")

    def mutate(
        self, arch: Architecture, rng: np.random.Generator, prob: float = 0.1, *, force: bool = True
    ) -> Architecture:
        """Give each free gene another op with probability `prob`; with `force` at least one gene changes."""
        return self._kept(_operators.mutant(self.free_genes, self._free_ops(arch), rng, prob, force=force), "mutation")

    def crossover(
        self, a: Architecture, b: Architecture, rng: np.random.Generator, level: _operators.Level = "gene"
    ) -> Architecture:
        """Take each gene, stage (with its mixer) or branch from one of two parents by a fair coin.

        A tied gene goes with its first place.
        """
        firsts = [self.genes[n] for n in self.free_positions]
        draw = _operators.child(firsts, self._free_ops(a), self._free_ops(b), rng, level)
        return self._kept(draw, f"crossover of {a.key} and {b.key}")

    def neighbours(self, arch: Architecture) -> Iterator[Architecture]:
        """Yield the architectures one free gene away that keep the constraints."""
        start = self._free_ops(arch)
        for n, gene in enumerate(self.free_genes):
            others = (self.from_free_ops((*start[:n], op, *start[n + 1 :])) for op in gene.ops if op != start[n])
            yield from filter(self.satisfies, others)

    def enumerate(self) -> Iterator[Architecture]:
        """Yield all architectures that keep the constraints, the last free gene changing fastest."""
        paths = itertools.product(*(gene.ops for gene in self.free_genes))
        return filter(self.satisfies, map(self.from_free_ops, paths))

    def count(self, *, limit: int = 100_000, draws: int = 2000, seed: int = 0) -> _operators.Count:
        """Count the architectures that keep the constraints: exactly up to `limit` points, else from `draws` draws."""
        if not self.constraints:
            return _operators.Count(self.size, self.size, 1.0, 0.0)
        if self.size <= limit:
            feasible = sum(1 for _ in self.enumerate())
            return _operators.Count(self.size, feasible, feasible / self.size, 0.0)
        draw = _operators.uniform(self.free_genes, rng_for(seed, "count"))
        share = sum(self.satisfies(self.from_free_ops(draw())) for _ in range(draws)) / draws
        return _operators.Count(self.size, None, share, (share * (1 - share) / draws) ** 0.5)

    def _kept(self, draw: _operators.Draw, what: str) -> Architecture:
        for _ in range(DRAWS):
            arch = self.from_free_ops(draw())
            if self.satisfies(arch):
                return arch
        rules = "; ".join(str(item) for item in self.constraints)
        rule = f"{what} found no architecture that keeps: {rules}"
        value = f"0 of {DRAWS} draws (acceptance rate below {1 / DRAWS:.2%})"
        raise InfeasibleConstraint(Problem(f"{self.name}: constraints", rule, value, "Loosen the constraints."))

    def _free_ops(self, arch: Architecture) -> _operators.FreeOps:
        """The free ops of an architecture, which may be of another space where it fits into this one."""
        same = arch.space is self or arch.space.hash == self.hash
        return arch.free_ops if same else self.architecture(arch.genes).free_ops

    @classmethod
    def from_yaml(cls, text: str) -> SearchSpace:
        """Read YAML without `extends` (see `load_space`)."""
        return cls.from_document(parse(text, "yaml", SpaceError))

    @classmethod
    def from_document(cls, document: Document) -> SearchSpace:
        """Read a document without `extends`; the document is changed.

        Raises:
            SpaceError: with all that is wrong, each with file, line and key.
        """
        spread(document)
        space, problems, dropped = check_model(cls, document, extra_keys=SUGAR)
        problems = [*document.problems, *problems]
        if space is not None and problems:
            faulty = {str(place[0]) for place in dropped} & {"tie", "constraints", "share_weights"}
            space = space.model_copy(update=dict.fromkeys(faulty, ()))  # their entries have other numbers now
            problems += space._problems(document)
        if space is None or problems:
            raise SpaceError(problems)
        space._check(document)
        return space
