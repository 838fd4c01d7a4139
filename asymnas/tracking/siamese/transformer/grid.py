"""Crops and maps of a tracker with TransT's head over one space."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from asymnas.tracking.siamese.grid import Grid, grid_for
from asymnas.tracking.siamese.transformer.options import TransTOptions

if TYPE_CHECKING:
    from asymnas.space import SearchSpace

__all__ = ["transt_grid"]

_SEARCH_CONTEXT = 1.5  # of w + h: the search crop of a square target has four times its side, the template crop twice


def transt_grid(space: SearchSpace, options: TransTOptions) -> Grid:
    """Return the grid: one level, the whole template map, an answer a search cell, and the crops of `options`.

    Raises:
        TrackerError: as `grid_for`.
    """
    grid = grid_for(space, options, correlated=False, levels=1)
    context = _SEARCH_CONTEXT if options.crops == "transt" else None
    return replace(grid, crops=replace(grid.crops, search_context=context, round_up=options.round_up))
