"""The anchors of SiamRPN: boxes of a few shapes at each place of the answer map."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from asymnas.core.errors import Problem, TrackerError
from asymnas.tracking.siamese.grid import Grid, grid_for
from asymnas.tracking.siamese.rpn.options import RPNOptions

if TYPE_CHECKING:
    from asymnas.space import SearchSpace

__all__ = ["anchor_shapes", "anchors_for", "place_anchors", "rpn_grid"]


def rpn_grid(space: SearchSpace, options: RPNOptions) -> Grid:
    """Return the grid of `space`.

    Raises:
        TrackerError: as `grid_for`, or the head's 3 x 3 convolutions leave nothing of the template map.
    """
    grid = grid_for(space, options)
    if grid.kernel < 3:
        rule = "the RPN head needs at least 3 x 3 cells of the template map"
        raise TrackerError(Problem("tracker.template_size", rule, str(grid.kernel), "Use a larger template crop."))
    return grid


def anchors_for(grid: Grid, options: RPNOptions) -> Tensor:
    """Return the anchors (4, a, n, n) cx, cy, w, h of a grid in search-crop pixels, the middle one at the centre."""
    scale = options.anchor_scale or max(round(grid.crops.template_size / (2 * grid.stride)), 1)
    steps = torch.arange(grid.size, dtype=torch.float32) - (grid.size - 1) / 2
    axis = grid.crops.search_size / 2 + grid.stride * steps
    return place_anchors(axis, anchor_shapes(grid.stride, options.anchor_ratios, scale))


def anchor_shapes(stride: int, ratios: Sequence[float], scale: int) -> Tensor:
    """Return (a, 2) w, h in crop pixels: equal areas but for the cut to whole pixels before scaling, as published."""
    widths = [max(int(math.sqrt(stride * stride / ratio)), 1) for ratio in ratios]
    heights = [max(int(width * ratio), 1) for width, ratio in zip(widths, ratios, strict=True)]
    return torch.tensor([widths, heights], dtype=torch.float32).T * scale


def place_anchors(axis: Tensor, shapes: Tensor) -> Tensor:
    """Return (4, a, n, n) cx, cy, w, h of anchors (a, 2) w, h at the places (n,) of one axis; rows are y."""
    anchors, cells = len(shapes), len(axis)
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    sides = shapes.T[:, :, None, None].expand(2, anchors, cells, cells)
    return torch.cat([torch.stack([x, y])[:, None].expand_as(sides), sides])
