"""VLT_SCAR: the paper's vision-language tracker with the SiamCAR head, over any search space of two image branches."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from asymnas.tracking import TrackerPlugin, TrainableTracker
from asymnas.tracking.siamese.car.options import CAROptions
from asymnas.tracking.siamese.grid import grid_for

if TYPE_CHECKING:
    from torch import Tensor

    from asymnas.tracking.siamese.car.tracker import CARTracker

__all__ = ["VLTSCAROptions", "convert", "plugin"]


class VLTSCAROptions(CAROptions):
    """SiamCAR's options."""

    PUBLIC: ClassVar = {
        "bn_statistics": "shared",
        "missing": "template_embedding",
        "roi_scale": 0.125,
        "centring": "middle",
        "odd_maps": True,
        "decoding": "pixels",
        "init_box_px": 1.0,
        "box_loss": "ciou",
        "ensure_positive": False,
    }


def _build(options: VLTSCAROptions, **keywords: Any) -> TrainableTracker:
    from ._tracker import VLTSCAR

    return VLTSCAR(options=options, **keywords).eval()


def convert(state: Mapping[str, Tensor], tracker: CARTracker) -> dict[str, Tensor]:
    """Return the weights of SOTS' public VLT_SCAR by the names of the tracker's `state_dict`, all of which they fill.

    Args:
        state: a state dict of the public model, `backbone.*`, `neck.*` and `head.*`. What else it has (the text
            encoder) is not read, nor are the backbone's classifier and the ops that the tracker's space leaves out.
        tracker: over a space with the stages of `vlt_asymmetric`, with language of 768 numbers.

    Raises:
        WeightsError: with every tensor that is absent, has another shape, or is left over.
    """
    from asymnas.nn.pretrained import vlt_keys
    from asymnas.tracking.siamese.car.convert import CARKeys, converted

    public = CARKeys(backbone=vlt_keys, head="head", fuse="head.down", whole=("neck", "head"))
    return converted(state, tracker, public)


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
    convert=convert,
    published=("vlt_asymmetric", "vlt_scar_released"),
)
