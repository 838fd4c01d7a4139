"""The rules a space has to keep, as findings with the dotted key they are about."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from math import log10
from typing import Any

from asymnas.core.errors import Problem, nearest
from asymnas.space._model import Branch, FreeGene, Gene, Stage
from asymnas.space.ops import OPS, Place, Size

__all__ = [
    "Finding",
    "Key",
    "check_branches",
    "check_names",
    "check_places",
    "check_shared",
    "check_size",
    "dotted",
    "genes_of",
    "to_problems",
]

Key = tuple["str | int", ...]
_UNKNOWN_OP, _TWICE_OP = "the op is not registered", "an op is listed once"
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
LARGEST_POWER = 4000


@dataclass(frozen=True, slots=True)
class Finding:
    """A broken rule and the key it is about; where the key stands in a file is added later."""

    key: Key
    rule: str
    value: str = ""
    way_out: str = ""


def dotted(key: Key) -> str:
    """Write a key as `branches.template.stages.stage1.mixer` or `tie[0]`."""
    text = ""
    for part in key:
        text += f"[{part}]" if isinstance(part, int) else (f".{part}" if text else str(part))
    return text or "space"


def to_problems(findings: Iterable[Finding], where: str = "") -> list[Problem]:
    """Turn findings of a space without a file into problems."""
    prefix = f"{where}: " if where else ""
    return [Problem(prefix + dotted(item.key), item.rule, item.value, item.way_out) for item in findings]


def _duplicates(names: Sequence[str]) -> list[str]:
    return sorted({name for name in names if names.count(name) > 1})


def _check_ops(key: Key, ops: Sequence[str]) -> Iterator[Finding]:
    if not ops:
        yield Finding(key, "a choice block needs at least one op", "none")
    for op in _duplicates(list(ops)):
        yield Finding(key, _TWICE_OP, f"'{op}' twice")
    for op in dict.fromkeys(ops):
        if op not in OPS:
            yield Finding(key, _UNKNOWN_OP, f"'{op}'", nearest(op, OPS))


def _shrunk(size: Size, stride: int) -> Size:
    return tuple(-(-n // stride) for n in size)


def _stage_places(stage: Stage, channels: int, size: Size) -> tuple[Place, Place]:
    """The places of a stage's first and of its other blocks."""
    out = _shrunk(size, stage.stride)
    first = Place(channels, stage.channels, size, out, stage.stride, stage.projected)
    return first, Place(stage.channels, stage.channels, out, out, 1, False)


def _walk(branch: Branch) -> Iterator[tuple[Stage, Place, Place]]:
    channels, size = branch.input_channels, branch.size
    if branch.stem is not None:
        channels, size = branch.stem.channels, _shrunk(size, branch.stem.stride)
    for stage in branch.stages:
        first, rest = _stage_places(stage, channels, size)
        yield stage, first, rest
        channels, size = rest.out_channels, rest.out_size


def stem_place(branch: Branch) -> Place:
    """The place of the stem; ValueError without one."""
    if branch.stem is None:
        raise ValueError(f"branch {branch.name} has no stem")
    out = _shrunk(branch.size, branch.stem.stride)
    return Place(branch.input_channels, branch.stem.channels, branch.size, out, branch.stem.stride, False)


def genes_of(branch: Branch) -> Iterator[Gene]:
    """Yield the genes of a branch: per stage its blocks, then the mixer's `mixed` and `visual`."""
    for stage, first, rest in _walk(branch):
        for n in range(1, stage.blocks + 1):
            block = f"block{n}"
            place = first if n == 1 else rest
            yield Gene(f"{branch.name}.{stage.name}.{block}", stage.ops, branch.name, stage.name, block, None, place)
        if stage.mixer is not None:
            for block in stage.mixer.blocks:
                ops = stage.mixer.ops[block]
                name = stage.mixer.name
                yield Gene(f"{branch.name}.{name}.{block}", ops, branch.name, stage.name, block, name, rest)


def check_names(branches: Sequence[Any]) -> list[Finding]:
    """Check what has to hold before branches can be written as mappings: parts of the right class with unique names."""
    found: list[Finding] = []
    for n, branch in enumerate(branches):
        if not isinstance(branch, Branch):
            found.append(Finding(("branches", n), "a Branch is needed", repr(branch)[:60]))
        elif not all(isinstance(stage, Stage) for stage in branch.stages):
            found.append(Finding(("branches", branch.name, "stages"), "Stages are needed", repr(branch.stages)[:60]))
        else:
            for name in _duplicates([stage.name for stage in branch.stages]):
                key: Key = ("branches", branch.name, "stages", name)
                found.append(Finding(key, "names of stages are unique in a branch", f"'{name}' twice"))
    if not found:
        for name in _duplicates([branch.name for branch in branches]):
            found.append(Finding(("branches", name), "branch names are unique", f"'{name}' twice"))
    return found


def check_branches(branches: Sequence[Branch]) -> list[Finding]:
    """Check names, ops and channels of all branches."""
    found: list[Finding] = []
    if not branches:
        found.append(Finding(("branches",), "a space needs at least one branch", "none"))
    for branch in branches:
        found += _check_branch(branch)
    seen: dict[tuple[str, str], Finding] = {}
    for item in found:  # a wrong op in a list that all stages take over is told once
        about = item.value if item.rule in (_UNKNOWN_OP, _TWICE_OP) else dotted(item.key)
        seen.setdefault((item.rule, about), item)
    return list(seen.values())


def _check_branch(branch: Branch) -> Iterator[Finding]:
    key: Key = ("branches", branch.name)
    yield from _check_name(key, branch.name)
    if branch.stem is not None:
        yield from _check_ops((*key, "stem", "op"), [branch.stem.op])
    if not branch.stages:
        yield Finding((*key, "stages"), "a branch needs at least one stage", "none")
    names = [stage.name for stage in branch.stages]
    names += [stage.mixer.name for stage in branch.stages if stage.mixer is not None]
    for name in _duplicates(names):
        yield Finding((*key, "stages"), "names of stages and mixers are unique in a branch", f"'{name}' twice")
    for stage in branch.stages:
        at: Key = (*key, "stages", stage.name)
        yield from _check_name(at, stage.name)
        if stage.form == "mapping" and stage.stride != 1:
            rule = "form 'mapping' is for stages of stride 1; a strided block has the two-branch form anyway"
            yield Finding((*at, "form"), rule, f"stride {stage.stride}", "Leave `form` out.")
        yield from _check_ops((*at, "ops"), stage.ops)
        if stage.mixer is not None:
            yield from _check_name((*at, "mixer", "name"), stage.mixer.name)
            for block, ops in stage.mixer.ops.items():
                yield from _check_ops((*at, "mixer", f"ops_{block}"), ops)


def check_places(branches: Sequence[Branch], genes: Iterable[Gene]) -> list[Finding]:
    """Check that every op can run where it is left to choose; once for each key that lists ops."""
    found: dict[Key, Finding] = {}
    for branch in branches:
        if branch.stem is not None and (rule := OPS.get(branch.stem.op).error(stem_place(branch))) is not None:
            key: Key = ("branches", branch.name, "stem")
            found[key] = Finding(key, rule)
    for gene in genes:
        at = ("mixer", f"ops_{gene.block}") if gene.mixer is not None else ("ops",)
        key = ("branches", gene.branch, "stages", gene.stage, *at)
        for op in gene.ops:
            if key not in found and (rule := OPS.get(op).error(gene.place)) is not None:
                found[key] = Finding(key, f"'{op}' cannot run in {gene.id}: {rule}")
    return list(found.values())


def _check_name(key: Key, name: str) -> Iterator[Finding]:
    if not _NAME.fullmatch(name):
        yield Finding(key, "a name starts with a letter and has letters, digits, '_' and '-' only", f"'{name}'")


def check_size(free: Iterable[FreeGene]) -> list[Finding]:
    """Check that the number of architectures can be written: Python writes no whole number of over 4,300 digits."""
    power = sum(log10(len(gene.ops)) for gene in free)
    if power <= LARGEST_POWER:
        return []
    rule = f"a space has at most 10^{LARGEST_POWER} architectures"
    return [Finding(("branches",), rule, f"10^{power:.0f}", "Use fewer blocks, or tie them.")]


def check_shared(groups: Sequence[Sequence[str]], branches: Sequence[Branch]) -> list[Finding]:
    """Check that branches that share weights exist, are named once and have the same layers."""
    found, seen = [], set()
    known = {branch.name: branch for branch in branches}
    for at, group in enumerate(groups):
        key: Key = ("share_weights", at)
        if len(group) < 2:
            found.append(Finding(key, "weights are shared by two branches or more", f"{list(group)}"))
        for n, name in enumerate(group):
            if name not in known:
                found.append(Finding((*key, n), "the branch is not known", f"'{name}'", nearest(name, known)))
            elif name in seen:
                found.append(Finding((*key, n), "a branch is in one group of shared weights", f"'{name}' twice"))
            seen.add(name)
        members = [known[name] for name in group if name in known]
        for other in members[1:]:
            if (difference := _layer_difference(members[0], other)) is not None:
                rule = "branches that share weights have the same layers, but "
                found.append(Finding(key, rule + f"{members[0].name} and {other.name} differ in {difference}"))
    return found


def _layer_difference(a: Branch, b: Branch) -> str | None:
    """Name the first thing in which two branches have other weights; sizes, rates and ops may differ."""
    if (a.input_channels, a.stem) != (b.input_channels, b.stem):
        return "their stem or input channels"
    if len(a.size) != len(b.size):
        return "their number of dimensions"
    if [stage.name for stage in a.stages] != [stage.name for stage in b.stages]:
        return "the names of their stages"
    for one, two in zip(a.stages, b.stages, strict=True):
        if _layers(one) != _layers(two):
            return f"stage '{one.name}'"
    return None


def _layers(stage: Stage) -> Stage:
    mixer = replace(stage.mixer, ops=()) if stage.mixer is not None else None
    return replace(stage, ops=(), mixer=mixer)
