"""VLT_TT: the paper's vision-language tracker with TransT's head, over any search space of two image branches."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from asymnas.tracking import TrackerPlugin, TrainableTracker
from asymnas.tracking.siamese.transformer.grid import transt_grid
from asymnas.tracking.siamese.transformer.options import TransTOptions

__all__ = ["VLTTTOptions", "plugin"]


class VLTTTOptions(TransTOptions):
    """TransT's options; the defaults differ where the paper's backbone asks for it."""

    PUBLIC: ClassVar = {
        "bn_statistics": "shared",
        "normalise": "imagenet",
        "missing": "template_embedding",
        "roi_scale": 0.125,
        "centring": "middle",
        "round_up": (False, True),
        "attention": "plain",
        "losses": "vlt_tt",
    }

    normalise: Literal["none", "imagenet"] = Field(
        "none", description="Pixel scaling: raw B, G, R 0..255 as SPOS, or ImageNet mean and deviation as TransT."
    )
    share_neck: bool = Field(False, description="One input projection for both branches, instead of one each.")


def _build(options: VLTTTOptions, **keywords: Any) -> TrainableTracker:
    from ._tracker import VLTTT

    return VLTTT(options=options, **keywords).eval()


plugin = TrackerPlugin(
    name="vlt_tt",
    summary="Vision-language tracker of the paper: supernet branches, TransT's attention and head",
    build=_build,
    options=VLTTTOptions,
    searchable=True,
    trainable=True,
    has_weights=True,
    reads_language=True,
    rewards=("pair_loss", "pair_iou", "open_loop"),
    geometry=lambda options, space: transt_grid(space, options).crops,
)
