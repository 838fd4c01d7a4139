"""VLT_RPN++: the paper's vision-language tracker with the head of SiamRPN++ (Table 7), over any search space."""

from __future__ import annotations

from typing import Any

from asymnas.tracking import TrackerPlugin, TrainableTracker
from asymnas.tracking.siamese.rpn.anchors import rpn_grid
from asymnas.tracking.siamese.rpn.options import RPNOptions

__all__ = ["plugin"]


def _build(options: RPNOptions, **keywords: Any) -> TrainableTracker:
    from ._tracker import VLTRPNPP

    return VLTRPNPP(options=options, **keywords).eval()


plugin = TrackerPlugin(
    name="vlt_rpnpp",
    summary="Vision-language tracker with the SiamRPN++ head (Table 7): supernet branches, neck, anchors",
    build=_build,
    options=RPNOptions,
    searchable=True,
    trainable=True,
    has_weights=True,
    reads_language=True,
    rewards=("pair_loss", "pair_iou", "open_loop"),
    geometry=lambda options, space: rpn_grid(space, options).crops,
)
