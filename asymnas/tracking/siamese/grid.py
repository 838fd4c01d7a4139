"""Map sizes, strides and grid of one search space: the one geometry that training and inference use."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from asymnas.core.errors import Problem, TrackerError, nearest
from asymnas.space import stage_sizes, stage_strides
from asymnas.tracking.boxes import CropGeometry

if TYPE_CHECKING:
    from asymnas.space import Branch, SearchSpace
    from asymnas.tracking.siamese.options import SiameseOptions

__all__ = ["Grid", "grid_for"]


@dataclass(frozen=True, slots=True)
class Grid:
    """Where the head's answers lie."""

    crops: CropGeometry
    levels: tuple[int, ...]  # indices of the stages the neck reads
    channels: tuple[tuple[int, ...], tuple[int, ...]]  # of those stages, per branch (template, search)
    stride: int  # crop pixels between answers
    kernel: int  # side of the template map that the head gets, in cells
    size: int  # side of the answer map, in cells

    def axis(self) -> Tensor:
        """(size,) float32 places of the answers on one axis, in search-crop pixels, symmetric about the crop's centre.

        A crop of odd side is centred at (side + 1) / 2, so that 255 gives the public 32 + 8 i, as 256 does.
        """
        centre = (self.crops.search_size + 1) // 2
        return centre + self.stride * (torch.arange(self.size, dtype=torch.float32) - (self.size - 1) / 2)


def grid_for(space: SearchSpace, options: SiameseOptions, *, correlated: bool = True, levels: int = 3) -> Grid:
    """Derive the grid from the space alone.

    With `correlated` the head correlates the central half of the template map with the search map (SiamFC)
    and answers at each shift; else it gets the whole map and answers at each cell of the search map (TransT).
    Where the options name no levels, the neck reads the last `levels` stages.

    Raises:
        TrackerError: a branch is missing or reads other crops, or the two branches' maps do not fit together.
    """
    _raise([*_input_problems(space, options), *_level_problems(space, options, levels)])
    branches = space.branch(options.template_branch), space.branch(options.search_branch)
    stages = [stage.name for stage in branches[0].stages]
    read = tuple(map(stages.index, options.levels or stages[-levels:]))
    maps = [_maps(branch) for branch in branches]
    channels = tuple(tuple(branch.stages[level].channels for level in read) for branch in branches)
    (template_map, stride), (search_map, search_stride) = (shapes[read[0]] for shapes in maps)
    kernel = template_map // 2 if correlated else template_map
    problems = []
    for branch, shapes in zip(branches, maps, strict=True):
        used = sorted({shapes[level] for level in read})
        if len(used) > 1:
            rule = "the stages the neck reads must have maps of one size"
            problems.append(Problem(f"branches.{branch.name}", rule, str(used), "Choose other `levels`."))
    if stride != search_stride:
        rule = "both branches need the same stride"
        problems.append(Problem("tracker.levels", rule, f"{stride} and {search_stride}"))
    if kernel < 1 or search_map - kernel + 1 < 3:
        rule = "the search map must be larger than the template's"
        problems.append(Problem("tracker.levels", rule, f"{search_map} and {template_map} cells", "Use larger crops."))
    if options.share_neck and channels[0] != channels[1]:
        rule = "a shared neck needs the same channels in both branches"
        problems.append(Problem("tracker.share_neck", rule, f"{channels[0]} and {channels[1]}", "Set it to false."))
    _raise(problems)
    crops = CropGeometry(template_size=branches[0].size[0], search_size=branches[1].size[0])
    size = search_map - kernel + 1 if correlated else search_map
    return Grid(crops, read, (channels[0], channels[1]), search_stride, kernel, size)


def _raise(problems: list[Problem]) -> None:
    if problems:
        raise TrackerError(problems)


def _input_problems(space: SearchSpace, options: SiameseOptions) -> Iterator[Problem]:
    known = [branch.name for branch in space.branches]
    for role in ("template", "search"):
        name, asked = getattr(options, f"{role}_branch"), getattr(options, f"{role}_size")
        if name not in known:
            rule = f"the space '{space.name}' has no such branch"
            yield Problem(f"tracker.{role}_branch", rule, name, nearest(name, known))
            continue
        size = space.branch(name).size
        if len(size) != 2 or size[0] != size[1]:
            yield Problem(f"branches.{name}.input_size", "the tracker reads square images", str(size))
        elif asked not in (None, size[0]):
            rule = f"the space's branch reads crops of {size[0]} px"
            yield Problem(f"tracker.{role}_size", rule, str(asked), "Leave it out, or use another space.")


def _level_problems(space: SearchSpace, options: SiameseOptions, levels: int) -> Iterator[Problem]:
    read = [branch for branch in space.branches if branch.name in (options.template_branch, options.search_branch)]
    if not read:
        return
    stages, other = ([stage.name for stage in branch.stages] for branch in (read[0], read[-1]))
    if stages != other:
        where = f"branches.{read[0].name}, {read[-1].name}"
        yield Problem(where, "both branches need the same stages", f"{stages} and {other}")
        return
    chosen = options.levels or stages[-levels:]
    unknown = [name for name in chosen if name not in stages]
    for name in unknown:
        yield Problem("tracker.levels", "unknown stage", name, nearest(name, stages))
    if unknown:
        return
    if list(chosen) != [name for name in stages if name in chosen]:
        yield Problem("tracker.levels", "each stage once and in the space's order", str(list(chosen)))
    elif chosen[-1] != stages[-1]:
        way_out = f"Add '{stages[-1]}', or use a space that ends at '{chosen[-1]}'."
        yield Problem("tracker.levels", "must include the last stage", str(list(chosen)), way_out)


def _maps(branch: Branch) -> list[tuple[int, int]]:
    """(cells, stride) after each stage."""
    return [(size[0], stride) for size, stride in zip(stage_sizes(branch), stage_strides(branch), strict=True)]
