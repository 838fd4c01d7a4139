"""VLT_SCAR: the paper's vision-language tracker with the SiamCAR head, over any search space of two image branches."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asymnas.tracking import TrackerPlugin
from asymnas.tracking.siamese.grid import grid_for

from ._options import VLTSCAROptions

if TYPE_CHECKING:
    from asymnas.space import SearchSpace

    from ._tracker import VLTSCAR

__all__ = ["VLTSCAROptions", "plugin"]


def _build(options: VLTSCAROptions, *, space: SearchSpace, language_dim: int = 0, seed: int = 0) -> VLTSCAR:
    from ._tracker import VLTSCAR

    return VLTSCAR(space, options, language_dim=language_dim, seed=seed).eval()


plugin = TrackerPlugin(
    name="vlt_scar",
    summary="Vision-language tracker of the paper: supernet branches, neck, correlation, SiamCAR head",
    build=_build,
    options=VLTSCAROptions,
    searchable=True,
    trainable=True,
    has_weights=True,
    reads_language=True,
    geometry=lambda options, space: grid_for(space, options).crops,
)
