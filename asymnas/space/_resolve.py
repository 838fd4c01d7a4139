"""From patterns to places: `without`, `tie` and `fix` applied to the genes of a space."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from asymnas.core.document import Document, Place
from asymnas.core.errors import Problem, nearest
from asymnas.space._genes import FreeGene, Gene
from asymnas.space._patterns import captures, filled, matching, stars

Ties = tuple[tuple[str, ...], ...]
Fixes = Mapping[str, str]
Without = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class _Faults:
    """Collects the rules that the patterns of a space break."""

    document: Document
    found: list[Problem]

    def add(self, key: Place, rule: str, value: str = "", way_out: str = "") -> None:
        self.found.append(Problem(self.document.where(key), rule, value, way_out))


@dataclass(frozen=True)
class Resolved:
    """The genes of a space after `without`, `tie` and `fix`.

    Attributes:
        genes: all genes, with the ops left at each.
        first: gene id -> id of the first place it is tied to (its own id where it is not tied).
        fixed: gene id -> op, for all genes with nothing left to decide.
        free: the decisions of the search.
    """

    genes: tuple[Gene, ...]
    first: dict[str, str]
    fixed: dict[str, str]
    free: tuple[FreeGene, ...]


def resolve(
    genes: Sequence[Gene], ties: Ties, fixes: Fixes, without: Without, document: Document
) -> tuple[Resolved, list[Problem]]:
    """Apply the patterns; the second result lists every rule that is broken, at its line of the document."""
    faults = _Faults(document, [])
    left = _without({gene.id: gene for gene in genes}, without, faults)
    first = _tie(left, ties, faults)
    groups: dict[str, list[str]] = {}
    for name in left:
        groups.setdefault(first[name], []).append(name)
    fixed = _fix(left, first, groups, fixes, faults)
    for name, gene in left.items():
        if len(gene.ops) == 1:
            fixed.setdefault(name, gene.ops[0])
    free = tuple(FreeGene(n, left[n].ops, tuple(places)) for n, places in groups.items() if n not in fixed)
    return Resolved(tuple(left.values()), first, fixed, free), faults.found


def _matches(pattern: str, genes: dict[str, Gene], key: Place, faults: _Faults) -> list[str]:
    names = matching(pattern, genes)
    if not names:
        faults.add(key, "the pattern matches no gene", f"'{pattern}'", nearest(pattern, genes))
    return names


def _without(genes: dict[str, Gene], without: Without, faults: _Faults) -> dict[str, Gene]:
    left = dict(genes)
    for pattern, ops in without.items():
        key: Place = ("without", pattern)
        names = _matches(pattern, genes, key, faults)
        for op in ops:
            if names and not any(op in genes[name].ops for name in names):
                known = {known for name in names for known in genes[name].ops}
                faults.add(key, "none of the places has this op", f"'{op}'", nearest(op, known))
        for name in names:
            rest = tuple(op for op in left[name].ops if op not in ops)
            if rest:
                left[name] = replace(left[name], ops=rest)
            else:
                faults.add(key, f"no op would be left at {name}", f"{list(ops)}")
    return left


def _tie(genes: dict[str, Gene], ties: Ties, faults: _Faults) -> dict[str, str]:
    """Union of all ties; a group is named by its first gene in declaration order."""
    order = {name: n for n, name in enumerate(genes)}
    first = {name: name for name in genes}

    def root(name: str) -> str:
        while first[name] != name:
            name = first[name]
        return name

    for at, sides in enumerate(ties):
        for row in _tied(genes, sides, ("tie", at), faults):
            one = row[0]
            for other in row[1:]:
                if set(genes[one].ops) != set(genes[other].ops):
                    rule = f"tied genes have the same ops, but {one} has {list(genes[one].ops)} and {other} has "
                    faults.add(("tie", at), rule + f"{list(genes[other].ops)}")
                    break
                a, b = sorted((root(one), root(other)), key=order.__getitem__)
                first[b] = a
    return {name: root(name) for name in genes}


def _tied(genes: dict[str, Gene], sides: tuple[str, ...], key: Place, faults: _Faults) -> list[tuple[str, ...]]:
    """The rows of genes that one tie makes one decision; the stars of its sides stand for the same parts."""
    if len(sides) < 2:
        way_out = "Write `template.* = search.*`."
        faults.add(key, "a tie has two sides or more", f"'{' = '.join(sides)}'", way_out)
        return []
    if len({stars(side) for side in sides}) > 1:
        faults.add(key, "the sides of a tie have equally many stars", f"'{' = '.join(sides)}'")
        return []
    matched = [_matches(side, genes, key, faults) for side in sides]
    if not all(matched):
        return []
    rows: dict[tuple[str, ...], None] = {}
    for side, names in zip(sides, matched, strict=True):
        for name in names:
            row = tuple(filled(other, captures(side, name) or ()) for other in sides)
            missing = [other for other in row if other not in genes]
            if missing:
                rule = f"every gene of a tie has its counterpart, but {name} has none"
                faults.add(key, rule, f"'{missing[0]}'", nearest(missing[0], genes))
            else:
                rows[row] = None
    return list(rows)


def _fix(
    genes: dict[str, Gene], first: dict[str, str], groups: dict[str, list[str]], fixes: Fixes, faults: _Faults
) -> dict[str, str]:
    chosen: dict[str, tuple[str, str]] = {}
    for pattern, op in fixes.items():
        key: Place = ("fix", pattern)
        for name in _matches(pattern, genes, key, faults):
            if op not in genes[name].ops:
                rule = f"a gene is fixed to an op it has, but {name} has {list(genes[name].ops)}"
                faults.add(key, rule, f"'{op}'", nearest(op, genes[name].ops))
                break
            other, by = chosen.setdefault(first[name], (op, pattern))
            if other != op:
                rule = f"{name} is fixed to '{other}' by '{by}' already (tied genes are one decision)"
                faults.add(key, rule, f"'{op}'")
                break
    return {name: op for group, (op, _) in chosen.items() for name in groups[group]}
