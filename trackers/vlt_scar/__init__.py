"""VLT_SCAR: the paper's vision-language tracker with the SiamCAR head, over any search space of two image branches."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asymnas.tracking import TrackerPlugin

from ._geometry import grid_for
from ._options import VLTSCAROptions

if TYPE_CHECKING:
    from asymnas.space import SearchSpace
    from asymnas.tracking.boxes import CropGeometry

    from ._tracker import VLTSCAR

__all__ = ["VLTSCAROptions", "plugin"]


def _build(options: VLTSCAROptions, *, space: SearchSpace, language_dim: int, seed: int = 0) -> VLTSCAR:
    from ._tracker import build

    return build(options, space=space, language_dim=language_dim, seed=seed)


def _geometry(options: VLTSCAROptions, space: SearchSpace) -> CropGeometry:
    return grid_for(space, options).crops


plugin = TrackerPlugin(
    name="vlt_scar",
    summary="Vision-language tracker of the paper: supernet branches, neck, correlation, SiamCAR head",
    build=_build,
    options=VLTSCAROptions,
    trainable=True,
    geometry=_geometry,
)
