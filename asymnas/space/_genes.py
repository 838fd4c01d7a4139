"""Genes, and how stages become genes: sizes and channels carried through the branches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from operator import mul

from asymnas.space._parts import Branch, Input, Stage
from asymnas.space.mixers import MixerPlace
from asymnas.space.ops import OPS, Place, Size


@dataclass(frozen=True, slots=True)
class Gene:
    """The decision of one choice block.

    Attributes:
        id: `{branch}.{stage}.block{n}`, or `{branch}.{mixer}.{block}` such as `template.mixer1.visual`.
        ops: the ops allowed there (after `without`).
        branch: name of the branch.
        stage: name of the stage, also for the blocks of the mixer after it.
        block: `block1`, ..., or the name of the mixer's block.
        mixer: name of the mixer, or None for a block of the stage.
        place: channels, sizes, stride and form.
    """

    id: str
    ops: tuple[str, ...]
    branch: str
    stage: str
    block: str
    mixer: str | None
    place: Place


@dataclass(frozen=True, slots=True)
class FreeGene:
    """One decision of the search: a gene, or several tied ones (`places`); `id` is that of the first place."""

    id: str
    ops: tuple[str, ...]
    places: tuple[str, ...]


def stem_place(branch: Branch) -> Place | None:
    """Return the place of the stem; None without one."""
    if branch.stem is None:
        return None
    out = OPS.get(branch.stem.op).out_size(branch.size, branch.stem.stride)
    return Place(branch.input_channels, branch.stem.channels, branch.size, out, branch.stem.stride, False)


def _walk(branch: Branch) -> Iterator[tuple[Stage, Place, Place]]:
    """Yield each stage with the places of its first and of its other blocks."""
    stem = stem_place(branch)
    channels, size = (stem.out_channels, stem.out_size) if stem else (branch.input_channels, branch.size)
    for stage in branch.stages:
        out = OPS.get(stage.ops[0]).out_size(size, stage.stride)
        rest = Place(stage.channels, stage.channels, out, out, 1, False)
        yield stage, Place(channels, stage.channels, size, out, stage.stride, stage.projected), rest
        channels, size = stage.channels, out


def stage_sizes(branch: Branch) -> tuple[Size, ...]:
    """Return the spatial size of a branch's features after each stage."""
    return tuple(rest.out_size for _, _, rest in _walk(branch))


def stage_strides(branch: Branch) -> tuple[int, ...]:
    """Return the input pixels a cell of a branch's features after each stage."""
    stem = 1 if branch.stem is None else branch.stem.stride
    return tuple(accumulate((stage.stride for stage in branch.stages), mul, initial=stem))[1:]


def genes_of(branches: Sequence[Branch]) -> list[Gene]:
    """Return the genes of branches: per stage its blocks, then those of the mixer."""
    found = []
    for branch in branches:
        for stage, first, rest in _walk(branch):
            at = (branch.name, stage.name)
            for n in range(1, stage.blocks + 1):
                name, place = f"{branch.name}.{stage.name}.block{n}", first if n == 1 else rest
                found.append(Gene(name, stage.ops, *at, f"block{n}", None, place))
            for block, ops in stage.mixer_ops.items():
                mixer = stage.mixer.name if stage.mixer else ""
                found.append(Gene(f"{branch.name}.{mixer}.{block}", ops, *at, block, mixer, rest))
    return found


def mixer_places(branches: Sequence[Branch], inputs: Mapping[str, Input]) -> dict[str, MixerPlace]:
    """Return `{branch}.{mixer}` -> where the mixer sits and what it reads, by the branches and inputs of a space."""
    places = {branch.name: [rest for _, _, rest in _walk(branch)] for branch in branches}
    found = {}
    for branch in branches:
        for n, stage in enumerate(branch.stages):
            if stage.mixer is None:
                continue
            reads, here = stage.mixer.reads, places[branch.name][n]
            read = places[reads][: n + 1][-1] if reads in places else None
            declared = inputs[reads].channels if reads in inputs else None
            channels, size = (read.out_channels, read.out_size) if read else (declared, None)
            place = MixerPlace(here.out_channels, here.out_size, channels, size, stage.mixer.settings)
            found[f"{branch.name}.{stage.mixer.name}"] = place
    return found
