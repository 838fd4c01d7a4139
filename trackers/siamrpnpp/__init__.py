"""SiamRPN++: its public network on the space `resnet50`; it reads no sentences."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from asymnas.tracking import TrackerPlugin, TrainableTracker
from asymnas.tracking.siamese.rpn.anchors import rpn_grid
from asymnas.tracking.siamese.rpn.options import RPNOptions

__all__ = ["SiamRPNPPOptions", "plugin"]


class SiamRPNPPOptions(RPNOptions):
    """As published: one neck for both branches."""

    share_neck: bool = Field(True, description="One neck for both branches instead of one each.")


def _build(options: SiamRPNPPOptions, **keywords: Any) -> TrainableTracker:
    from asymnas.tracking.siamese.rpn.tracker import RPNTracker

    return RPNTracker(options=options, **keywords).eval()


plugin = TrackerPlugin(
    name="siamrpnpp",
    summary="SiamRPN++: ResNet-50 (space resnet50), shared neck, anchors on three levels",
    build=_build,
    options=SiamRPNPPOptions,
    searchable=True,
    trainable=True,
    has_weights=True,
    rewards=("pair_loss", "pair_iou", "open_loop"),
    geometry=lambda options, space: rpn_grid(space, options).crops,
)
