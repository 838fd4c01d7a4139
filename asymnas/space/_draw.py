"""Spaces and architectures as plain text: one row a branch, one column a stage or mixer, one symbol a choice block."""

from __future__ import annotations

from dataclasses import asdict
from itertools import groupby
from typing import Any

from asymnas.space._architecture import Architecture
from asymnas.space._constraints import bounds
from asymnas.space._diff import size_text
from asymnas.space._parts import Branch, Constraint
from asymnas.space._space import SearchSpace
from asymnas.space.mixers import LANGUAGE

_SYMBOLS = {"shuffle_3x3": "3", "shuffle_5x5": "5", "shuffle_7x7": "7", "shuffle_xception": "X", "skip": "-"}
_STEM, _FREE, _TIED = "o", ".", "="


def draw(what: Architecture | SearchSpace) -> str:
    """Draw an architecture, as in the paper's Table 1, or a space.

    Of an architecture each symbol is the op of a choice block. Of a space a dot is a free choice, `=` a choice that is
    one with an earlier one, and another symbol a fixed op; size, ties and the range of costs stand above. A mixer's two
    symbols are its `mixed` and its `visual` block.
    """
    space = what.space if isinstance(what, Architecture) else what
    symbols = _symbols(space)
    if isinstance(what, Architecture):
        shown = {name: symbols[op] for name, op in what.genes.items()}
        return "\n".join([*_rows(space, shown), "", _legend(symbols)])
    shown = {}
    for name, first in space.tied_to.items():
        fixed = symbols.get(space.fixed.get(name, ""), "")
        shown[name] = fixed or (_FREE if first == name else _TIED)
    marks = [f"{_FREE} free"] + ([f"{_TIED} tied to an earlier block"] if _TIED in shown.values() else [])
    return "\n".join([*_facts(space), "", *_rows(space, shown), "", _legend(symbols), ", ".join(marks)])


def _symbols(space: SearchSpace) -> dict[str, str]:
    """One character an op: the usual ones of shuffle ops, letters for others."""
    ops = dict.fromkeys(op for gene in space.genes for op in gene.ops)
    letters = iter("abcdefghijklmnpqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWYZ")
    return {op: _SYMBOLS.get(op) or next(letters, "#") for op in ops}


def _legend(symbols: dict[str, str]) -> str:
    return ", ".join([f"{_STEM} stem", *(f"{symbol} {op}" for op, symbol in symbols.items())])


def _cells(space: SearchSpace, branch: Branch, shown: dict[str, str]) -> list[tuple[str, str]]:
    """(column title, symbols) of a branch."""
    cells = [("stem", _STEM)] if branch.stem is not None else []
    for stage in branch.stages:
        blocks = " ".join(shown[f"{branch.name}.{stage.name}.block{n}"] for n in range(1, stage.blocks + 1))
        cells.append((stage.name, blocks))
        if stage.mixer is not None:
            name = stage.mixer.name
            cells.append((name, " ".join(shown[f"{branch.name}.{name}.{block}"] for block in stage.mixer.blocks)))
    return cells


def _rows(space: SearchSpace, shown: dict[str, str]) -> list[str]:
    """A table for each run of branches with the same columns."""
    all_cells = [(branch.name, _cells(space, branch, shown)) for branch in space.branches]
    first = max(len(name) for name, _ in all_cells)
    lines: list[str] = []
    for titles, group in groupby(all_cells, key=lambda item: [title for title, _ in item[1]]):
        rows = [(name, [text for _, text in cells]) for name, cells in group]
        widths = [max(len(title), *(len(row[n]) for _, row in rows)) for n, title in enumerate(titles)]
        lines += [""] if lines else []
        for name, row in [("", titles), *rows]:
            cells = (text.ljust(width) for text, width in zip(row, widths, strict=True))
            lines.append("  ".join([name.ljust(first), *cells]).rstrip())
    return lines


def _range(space: SearchSpace, **measured: Any) -> list[int]:
    return [int(end) for end in bounds(Constraint(**measured), space.free_genes, space.fixed, space.cost_table)]


def describe(space: SearchSpace) -> dict[str, Any]:
    """Return what there is to know about a space, as JSON values.

    The ranges of multiply-accumulates and weights of a branch are exact: both are sums over its genes. They are those
    before constraints.
    """
    count = space.count() if space.constraints else None
    return {
        "name": space.name,
        "description": space.description,
        "hash": space.hash,
        "structure_hash": space.structure_hash,
        "size": space.size,
        "genes": [{"id": gene.id, "ops": list(gene.ops)} for gene in space.genes],
        "free_genes": [asdict(gene) for gene in space.free_genes],
        "tie": [" = ".join(sides) for sides in space.tie],
        "fixed": dict(space.fixed),
        "share_weights": [list(group) for group in space.share_weights],
        "constraints": [str(item) for item in space.constraints],
        "feasible": None if count is None else {"count": count.feasible, "share": count.share, "se": count.se},
        "branches": {
            branch.name: {
                "input_channels": branch.input_channels,
                "input_size": list(branch.size),
                "rate": branch.rate,
                "macs": _range(space, measure="macs", branch=branch.name),
                "params": _range(space, measure="params", branch=branch.name),
            }
            for branch in space.branches
        },
        "macs": _range(space, measure="macs"),
        "mixers": {
            f"{branch.name}.{stage.mixer.name}": [stage.mixer.kind, stage.mixer.reads]
            for branch in space.branches
            for stage in branch.stages
            if stage.mixer is not None
        },
    }


def _facts(space: SearchSpace) -> list[str]:
    facts = describe(space)
    counts = sorted({len(gene.ops) for gene in space.free_genes})
    power = f"{counts[0]}^{len(space.free_genes)} = " if len(counts) == 1 else ""
    lines = [f"{space.name}: {space.description}" if space.description else space.name]
    lines.append(f"size      {power}{size_text(space.size)} architectures")
    lines.append(f"genes     {len(space.genes)}, of which {len(space.free_genes)} are free")
    lines += [f"tie       {tie}" for tie in facts["tie"]]
    lines += [f"fix       {pattern}: {op}" for pattern, op in space.fix.items()]
    lines += [f"without   {pattern}: {', '.join(ops)}" for pattern, ops in space.without.items()]
    lines += [f"weights   shared by {' and '.join(group)}" for group in space.share_weights]
    lines += [f"limit     {item}" for item in facts["constraints"]]
    lines += [
        f"mixer     {name}: {kind} of {reads}"
        for name, (kind, reads) in facts["mixers"].items()
        if (kind, reads) != ("moda", LANGUAGE)
    ]
    if facts["feasible"] is not None:
        share, se = facts["feasible"]["share"], facts["feasible"]["se"]
        lines.append(f"          kept by {share:.2%} of the space" + (f" ± {se:.2%}" if se else ""))
    for name, branch in facts["branches"].items():
        size = " x ".join(map(str, branch["input_size"]))
        macs, params = (_span(*branch[key]) for key in ("macs", "params"))
        lines.append(f"cost      {name}, {size}, once a {branch['rate']}: {macs} MACs, {params} weights")
    return lines


def _span(low: int, high: int) -> str:
    for unit, factor in (("G", 10**9), ("M", 10**6), ("k", 10**3), ("", 1)):
        if high >= factor:
            one, two = f"{low / factor:.3g}", f"{high / factor:.3g}"
            return (f"{one} to {two}" if one != two else two) + f" {unit}".rstrip()
    return "0"
