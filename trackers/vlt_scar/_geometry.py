"""Map sizes, strides and grid of one search space: the one geometry that training and inference use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from asymnas.core.errors import Problem, TrackerError, nearest
from asymnas.tracking.boxes import CropGeometry

if TYPE_CHECKING:
    from asymnas.space import SearchSpace

    from ._options import VLTSCAROptions

__all__ = ["Grid", "crop_geometry", "grid_for"]


@dataclass(frozen=True, slots=True)
class Grid:
    """Where the head's answers lie.

    Args:
        crops: the crops both branches read.
        levels: indices of the stages the neck reads, the same in both branches.
        channels: channels of those stages, per branch (template, search).
        stride: crop pixels between neighbouring answers.
        kernel: side of the centre-cropped template map, in cells.
        size: side of the answer map, in cells: search map - kernel + 1.
    """

    crops: CropGeometry
    levels: tuple[int, ...]
    channels: tuple[tuple[int, ...], tuple[int, ...]]
    stride: int
    kernel: int
    size: int

    def axis(self) -> Tensor:
        """(size,) float32 places of the answers on one axis, in search-crop pixels, symmetric about the crop's centre.

        A crop of odd side is centred at (side + 1) / 2, so that 255 gives the public 32 + 8 i, as 256 does.
        """
        centre = (self.crops.search_size + 1) // 2
        return centre + self.stride * (torch.arange(self.size, dtype=torch.float32) - (self.size - 1) / 2)


def crop_geometry(options: VLTSCAROptions, space: SearchSpace) -> CropGeometry:
    """Return the crops that the two branches of `space` read.

    Raises:
        TrackerError: a branch is missing or reads no square image, or its size is not the one `options` names.
    """
    sizes: list[int] = []
    problems: list[Problem] = []
    for role in ("template", "search"):
        size = getattr(options, f"{role}_size")
        try:
            own = _input_side(space, getattr(options, f"{role}_branch"), f"tracker.{role}_branch")
        except TrackerError as error:
            problems += error.problems
            continue
        if size not in (None, own):
            rule = f"the space's branch reads crops of {own} px"
            problems.append(Problem(f"tracker.{role}_size", rule, str(size), "Leave it out, or use another space."))
        sizes.append(own)
    if problems:
        raise TrackerError(problems)
    return CropGeometry(template_size=sizes[0], search_size=sizes[1])


def grid_for(space: SearchSpace, options: VLTSCAROptions) -> Grid:
    """Derive the grid from the space alone.

    Raises:
        TrackerError: the two branches' maps do not fit together; all reasons at once.
    """
    crops, levels = _crops_and_levels(space, options)
    branches = space.branch(options.template_branch), space.branch(options.search_branch)
    problems, shapes = [], []
    for branch, side in zip(branches, (crops.template_size, crops.search_size), strict=True):
        maps = _maps(branch, side)
        used = {maps[level] for level in levels}
        if len(used) > 1:
            rule = "the stages the neck reads must have maps of one size"
            problems.append(Problem(f"branches.{branch.name}", rule, str(sorted(used)), "Choose other `levels`."))
        shapes.append(maps[levels[0]])
    (template_map, template_stride), (search_map, search_stride) = shapes
    kernel = template_map // 2
    if template_stride != search_stride:
        rule = "both branches need the same stride"
        problems.append(Problem("tracker.levels", rule, f"{template_stride} and {search_stride}"))
    if kernel < 1 or search_map - kernel + 1 < 3:
        rule = "the search map must be larger than the template's"
        problems.append(Problem("tracker.levels", rule, f"{search_map} and {template_map} cells", "Use larger crops."))
    template, search = (tuple(branch.stages[level].channels for level in levels) for branch in branches)
    if options.share_neck and template != search:
        rule = "a shared neck needs the same channels in both branches"
        problems.append(Problem("tracker.share_neck", rule, f"{template} and {search}", "Set it to false."))
    if problems:
        raise TrackerError(problems)
    return Grid(crops, levels, (template, search), search_stride, kernel, search_map - kernel + 1)


def _crops_and_levels(space: SearchSpace, options: VLTSCAROptions) -> tuple[CropGeometry, tuple[int, ...]]:
    problems: list[Problem] = []
    try:
        crops = crop_geometry(options, space)
    except TrackerError as error:
        problems += error.problems
    read = [branch for branch in space.branches if branch.name in (options.template_branch, options.search_branch)]
    names = [tuple(stage.name for stage in branch.stages) for branch in read]
    if len(set(names)) > 1:
        where = f"branches.{read[0].name}, {read[1].name}"
        problems.append(Problem(where, "both branches need the same stages", f"{names[0]} and {names[1]}"))
    elif names:
        try:
            levels = _levels(names[0], options.levels)
        except TrackerError as error:
            problems += error.problems
    if problems:
        raise TrackerError(problems)
    return crops, levels


def _levels(stages: tuple[str, ...], chosen: tuple[str, ...] | None) -> tuple[int, ...]:
    if chosen is None:
        return tuple(range(max(0, len(stages) - 3), len(stages)))
    unknown = [name for name in chosen if name not in stages]
    if unknown:
        raise TrackerError(
            [Problem("tracker.levels", "unknown stage", name, nearest(name, stages)) for name in unknown]
        )
    levels = tuple(stages.index(name) for name in chosen)
    if list(levels) != sorted(set(levels)):
        raise TrackerError(Problem("tracker.levels", "each stage once and in the space's order", str(list(chosen))))
    if levels[-1] != len(stages) - 1:
        way_out = f"Add '{stages[-1]}', or use a space that ends at '{chosen[-1]}'."
        raise TrackerError(Problem("tracker.levels", "must include the last stage", str(list(chosen)), way_out))
    return levels


def _maps(branch, side: int) -> list[tuple[int, int]]:
    """(cells, stride) after each stage; every stride-2 layer is padded by half its kernel and so rounds up."""
    stride = 1 if branch.stem is None else branch.stem.stride
    side = -(-side // stride)
    maps = []
    for stage in branch.stages:
        side, stride = -(-side // stage.stride), stride * stage.stride
        maps.append((side, stride))
    return maps


def _input_side(space: SearchSpace, name: str, key: str) -> int:
    known = [branch.name for branch in space.branches]
    if name not in known:
        raise TrackerError(Problem(key, f"the space '{space.name}' has no such branch", name, nearest(name, known)))
    size = space.branch(name).size
    if len(size) != 2 or size[0] != size[1]:
        raise TrackerError(Problem(f"branches.{name}.input_size", "the tracker reads square images", str(size)))
    return size[0]
