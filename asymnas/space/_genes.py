"""From stages to genes: sizes and channels carried through the branches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from asymnas.space._parts import Branch, Gene, Input, Stage
from asymnas.space.mixers import MixerPlace
from asymnas.space.ops import Place, Size

__all__ = ["genes_of", "mixer_places", "stem_place"]


def _shrunk(size: Size, stride: int) -> Size:
    return tuple(-(-n // stride) for n in size)


def stem_place(branch: Branch) -> Place | None:
    """Return the place of the stem; None without one."""
    if branch.stem is None:
        return None
    out = _shrunk(branch.size, branch.stem.stride)
    return Place(branch.input_channels, branch.stem.channels, branch.size, out, branch.stem.stride, False)


def _walk(branch: Branch) -> Iterator[tuple[Stage, Place, Place]]:
    """Yield each stage with the places of its first and of its other blocks."""
    stem = stem_place(branch)
    channels, size = (stem.out_channels, stem.out_size) if stem else (branch.input_channels, branch.size)
    for stage in branch.stages:
        out = _shrunk(size, stage.stride)
        rest = Place(stage.channels, stage.channels, out, out, 1, False)
        yield stage, Place(channels, stage.channels, size, out, stage.stride, stage.projected), rest
        channels, size = stage.channels, out


def genes_of(branch: Branch) -> Iterator[Gene]:
    """Yield the genes of a branch: per stage its blocks, then those of the mixer."""
    for stage, first, rest in _walk(branch):
        for n in range(1, stage.blocks + 1):
            name, place = f"{branch.name}.{stage.name}.block{n}", first if n == 1 else rest
            yield Gene(name, stage.ops, branch.name, stage.name, f"block{n}", None, place)
        if stage.mixer is not None:
            mixer = stage.mixer.name
            for block, ops in stage.mixer_ops.items():
                yield Gene(f"{branch.name}.{mixer}.{block}", ops, branch.name, stage.name, block, mixer, rest)


def mixer_places(branches: Sequence[Branch], inputs: Mapping[str, Input]) -> dict[str, MixerPlace]:
    """Return `{branch}.{mixer}` -> where the mixer sits and what it reads, by the branches and inputs of a space."""
    places = {branch.name: [rest for _, _, rest in _walk(branch)] for branch in branches}
    found = {}
    for branch in branches:
        for n, stage in enumerate(branch.stages):
            if stage.mixer is None:
                continue
            reads, here = stage.mixer.reads, places[branch.name][n]
            if reads in places:
                source = places[reads][: n + 1][-1]
                channels, size = source.out_channels, source.out_size
            else:
                channels, size = inputs[reads].channels if reads in inputs else None, None
            place = MixerPlace(here.out_channels, here.out_size, channels, size, stage.mixer.settings)
            found[f"{branch.name}.{stage.mixer.name}"] = place
    return found
