"""Architectures as SOTS writes them: the four integer lists of the key `MODEL.CAND`."""

from __future__ import annotations

from collections.abc import Sequence

from asymnas.core.errors import ArchitectureMismatch, Problem
from asymnas.space import Architecture, Branch, SearchSpace

OPS = ("shuffle_3x3", "shuffle_5x5", "shuffle_7x7", "shuffle_xception")
"""The op that each integer stands for."""
LENGTH = 20
"""Entries of a branch's long list."""
_BRANCHES = ("template", "search")

Cand = list[list[int]]


def _layout(branch: Branch) -> tuple[list[str], list[str]]:
    """Gene ids of a branch's long list (stage by stage: blocks, the mixer's visual block) and of its mixed list."""
    long: list[str] = []
    mixed: list[str] = []
    for stage in branch.stages:
        long += [f"{branch.name}.{stage.name}.block{n}" for n in range(1, stage.blocks + 1)]
        if stage.mixer is not None:
            if stage.mixer.kind != "moda":
                rule = "SOTS' lists know only ModaMixers"
                raise ArchitectureMismatch(Problem(f"{branch.name}.{stage.mixer.name}", rule, stage.mixer.kind))
            for block in stage.mixer.blocks:
                (mixed if block == "mixed" else long).append(f"{branch.name}.{stage.mixer.name}.{block}")
    return long, mixed


def _lists(space: SearchSpace) -> list[list[str]]:
    """The gene ids behind [template, search, mixed of template, mixed of search]."""
    names = [branch.name for branch in space.branches]
    if sorted(names) != sorted(_BRANCHES):
        rule = "SOTS' lists are for a space of the branches template and search"
        raise ArchitectureMismatch(Problem(f"{space.name}: branches", rule, ", ".join(names)))
    for gene in space.genes:
        other = [op for op in gene.ops if op not in OPS]
        if other:
            rule = "SOTS' lists know only the four shuffle ops"
            raise ArchitectureMismatch(Problem(f"{space.name}: {gene.id}", rule, ", ".join(other)))
    (template, mixed_template), (search, mixed_search) = (_layout(space.branch(name)) for name in _BRANCHES)
    return [template, search, mixed_template, mixed_search]


def to_cand(arch: Architecture) -> Cand:
    """Return [template, search, mixed of template, mixed of search] as integers 0 to 3.

    In the long lists the last entry of each stage is the visual block of its mixer.

    Raises:
        ArchitectureMismatch: the space has other branches than template and search, or other ops.
    """
    genes = arch.genes
    return [[OPS.index(genes[name]) for name in names] for names in _lists(arch.space)]


def cand_yaml(arch: Architecture) -> str:
    """Return the lists as the YAML that SOTS' experiments hold.

    Raises:
        ArchitectureMismatch: as `to_cand`, or SOTS' network is deeper or shallower than the space.
    """
    lists = to_cand(arch)
    if [len(numbers) for numbers in lists[:2]] != [LENGTH, LENGTH]:
        rule = f"SOTS' network has {LENGTH} choice blocks a branch (4, 4, 8 and 4 a stage)"
        got = " and ".join(str(len(numbers)) for numbers in lists[:2])
        raise ArchitectureMismatch(Problem(f"{arch.space.name}: branches", rule, got, "Export it as json or nni."))
    return "MODEL:\n  CAND:\n" + "".join(f"    - {numbers}\n" for numbers in lists)


def from_cand(cand: Sequence[Sequence[int]], space: SearchSpace) -> Architecture:
    """Read four integer lists as an architecture of `space`.

    Raises:
        ArchitectureMismatch: a list is missing or of another length than the space has, a number is none of 0 to 3,
            or the path breaks ties or fixes of the space; all at once.
    """
    lists = _lists(space)
    titles = ("template", "search", "mixed of template", "mixed of search")
    if len(cand) != len(lists):
        got = f"{len(cand)} lists"
        raise ArchitectureMismatch(Problem("CAND", f"four lists are needed: {', '.join(titles)}", got))
    problems: list[Problem] = []
    genes: dict[str, str] = {}
    for n, (names, numbers) in enumerate(zip(lists, cand, strict=True)):
        where = f"CAND[{n}] ({titles[n]})"
        if len(numbers) != len(names):
            rule = f"the space '{space.name}' has {len(names)} choice blocks there"
            problems.append(Problem(where, rule, str(len(numbers))))
            continue
        for at, (name, number) in enumerate(zip(names, numbers, strict=True)):
            if number not in range(len(OPS)):
                problems.append(Problem(f"{where}[{at}]", "a whole number from 0 to 3 is needed", repr(number)))
            else:
                genes[name] = OPS[number]
    if problems:
        raise ArchitectureMismatch(problems)
    return space.architecture(genes)
