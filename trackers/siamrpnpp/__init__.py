"""SiamRPN++: its public network on the space `resnet50`; it reads no sentences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pydantic import Field

from asymnas.tracking import TrackerPlugin, TrainableTracker
from asymnas.tracking.siamese.rpn.anchors import rpn_grid
from asymnas.tracking.siamese.rpn.options import RPNOptions

if TYPE_CHECKING:
    from torch import Tensor

    from asymnas.tracking.siamese.rpn.tracker import RPNTracker

__all__ = ["SiamRPNPPOptions", "convert", "plugin"]


class SiamRPNPPOptions(RPNOptions):
    """As published: one neck for both branches."""

    share_neck: bool = Field(True, description="One neck for both branches instead of one each.")


def _build(options: SiamRPNPPOptions, **keywords: Any) -> TrainableTracker:
    from asymnas.tracking.siamese.rpn.tracker import RPNTracker

    return RPNTracker(options=options, **keywords).eval()


def convert(state: Mapping[str, Tensor], tracker: RPNTracker) -> dict[str, Tensor]:
    """Return the weights of pysot's public SiamRPN++ by the names of the tracker's `state_dict`; they fill it.

    Args:
        state: a state dict of the public model on ResNet-50, `backbone.*`, `neck.*` and `rpn_head.*`.
        tracker: over the space `resnet50`.

    Raises:
        WeightsError: with every tensor that is absent, has another shape, or is left over.
    """
    from ._public import converted

    return converted(state, tracker)


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
    convert=convert,
    published=("resnet50",),
)
