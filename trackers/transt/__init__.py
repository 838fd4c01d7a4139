"""TransT (Chen et al., CVPR 2021): attention in place of correlation, over image branches without language."""

from __future__ import annotations

from typing import Any

from asymnas.tracking import TrackerPlugin, TrainableTracker
from asymnas.tracking.siamese.transformer.grid import transt_grid
from asymnas.tracking.siamese.transformer.options import TransTOptions

__all__ = ["plugin"]


def _build(options: TransTOptions, **keywords: Any) -> TrainableTracker:
    from asymnas.tracking.siamese.transformer.tracker import TransTTracker

    return TransTTracker(options=options, **keywords).eval()


plugin = TrackerPlugin(
    name="transt",
    summary="TransT: two image branches, self- and cross-attention, a box from each search cell",
    build=_build,
    options=TransTOptions,
    searchable=True,
    trainable=True,
    has_weights=True,
    rewards=("pair_loss", "pair_iou", "open_loop"),
    geometry=lambda options, space: transt_grid(space, options).crops,
)
