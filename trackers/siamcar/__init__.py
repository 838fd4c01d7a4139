"""SiamCAR (Guo et al., CVPR 2020): a box from each cell of a correlation map, over image branches without language."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from asymnas.tracking import TrackerPlugin, TrainableTracker
from asymnas.tracking.siamese.car.options import CAROptions
from asymnas.tracking.siamese.grid import grid_for

if TYPE_CHECKING:
    from torch import Tensor

    from asymnas.tracking.siamese.car.tracker import CARTracker

__all__ = ["SiamCAROptions", "convert", "plugin"]


class SiamCAROptions(CAROptions):
    """SiamCAR's options; the defaults differ where its code does from VLT_SCAR's."""

    PUBLIC: ClassVar = {
        "bn_statistics": "shared",
        "centring": "pysot",
        "decoding": "pixels",
        "init_box_px": 1.0,
        "ensure_positive": False,
        "min_side": 1.0,
    }

    share_neck: bool = Field(True, description="One neck for both branches, instead of one each, as VLT.")


def _build(options: SiamCAROptions, **keywords: Any) -> TrainableTracker:
    from asymnas.tracking.siamese.car.tracker import CARTracker

    return CARTracker(options=options, **keywords).eval()


def convert(state: Mapping[str, Tensor], tracker: CARTracker) -> dict[str, Tensor]:
    """Return the weights of the public SiamCAR by the names of the tracker's `state_dict`, all of which they fill.

    Args:
        state: a state dict of the public model, `backbone.*`, `neck.*`, `down.*` and `car_head.*`.
        tracker: over the space `resnet50`.

    Raises:
        WeightsError: with every tensor that is absent, has another shape, or is left over.
    """
    from asymnas.nn.pretrained import resnet_keys
    from asymnas.tracking.siamese.car.convert import CARKeys, converted

    layers = ("conv1", "bn1", "layer1", "layer2", "layer3", "layer4")
    public = CARKeys(resnet_keys, head="car_head", fuse="down", whole=(*layers, "neck", "down", "car_head"))
    return converted(state, tracker, public)


plugin = TrackerPlugin(
    name="siamcar",
    summary="SiamCAR: two image branches, correlation, class, box and centre-ness of each cell",
    build=_build,
    options=SiamCAROptions,
    searchable=True,
    trainable=True,
    has_weights=True,
    rewards=("pair_loss", "pair_iou", "open_loop"),
    geometry=lambda options, space: grid_for(space, options).crops,
    convert=convert,
    published=("resnet50",),
)
