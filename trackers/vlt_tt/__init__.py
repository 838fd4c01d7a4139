"""VLT_TT: the paper's vision-language tracker with TransT's head, over any search space of two image branches."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from asymnas.tracking import TrackerPlugin, TrainableTracker
from asymnas.tracking.siamese.transformer.grid import transt_grid
from asymnas.tracking.siamese.transformer.options import TransTOptions

if TYPE_CHECKING:
    from torch import Tensor

    from asymnas.tracking.siamese.transformer.tracker import TransTTracker

__all__ = ["VLTTTOptions", "convert", "plugin"]


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


def convert(state: Mapping[str, Tensor], tracker: TransTTracker) -> dict[str, Tensor]:
    """Return the weights of SOTS' public VLT_TT by the names of the tracker's `state_dict`, all of which they fill.

    Args:
        state: a state dict of the public model, `backbone.0.body.*`, `neck.*` and `head.*`. What else it has (the text
            encoder) is not read, nor are the backbone's classifier and the ops that the tracker's space leaves out.
        tracker: over a space with the stages of `vlt_asymmetric`, with language of 768 numbers and `attention: plain`.

    Raises:
        WeightsError: with every tensor that is absent, has another shape, or is left over.
    """
    from asymnas.nn.pretrained import vlt_keys
    from asymnas.tracking.siamese.transformer.convert import PublicKeys, converted

    public = PublicKeys(
        backbone=vlt_keys,
        stem="first_conv.0.weight",
        fusion="neck.",
        answers="head.",
        projections={
            "both": "neck.input_proj",
            "template": "neck.input_proj",
            "search": "neck.input_proj_copy",
        },
        out="attn.fc",
        whole=("neck", "head"),
    )
    return converted(state, tracker, public)


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
    convert=convert,
    published=("vlt_asymmetric_256", "vlt_tt_released"),
)
