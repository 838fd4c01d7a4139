"""VLT_SCAR: the paper's vision-language tracker with the SiamCAR head, over any search space of two image branches."""

from __future__ import annotations

from typing import Any

from asymnas.tracking import TrackerPlugin, TrainableTracker
from asymnas.tracking.siamese.grid import grid_for

from ._options import VLTSCAROptions

__all__ = ["VLTSCAROptions", "plugin"]


def _build(options: VLTSCAROptions, **keywords: Any) -> TrainableTracker:
    from ._tracker import VLTSCAR

    return VLTSCAR(options=options, **keywords).eval()


plugin = TrackerPlugin(
    name="vlt_scar",
    summary="Vision-language tracker of the paper: supernet branches, neck, correlation, SiamCAR head",
    build=_build,
    options=VLTSCAROptions,
    searchable=True,
    trainable=True,
    has_weights=True,
    reads_language=True,
    rewards=("pair_loss", "pair_iou", "open_loop"),
    geometry=lambda options, space: grid_for(space, options).crops,
)
