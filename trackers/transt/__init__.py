"""TransT (Chen et al., CVPR 2021): attention in place of correlation, over image branches without language."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from asymnas.tracking import TrackerPlugin, TrainableTracker
from asymnas.tracking.siamese.transformer.grid import transt_grid
from asymnas.tracking.siamese.transformer.options import TransTOptions

if TYPE_CHECKING:
    from torch import Tensor

    from asymnas.tracking.siamese.transformer.tracker import TransTTracker

__all__ = ["convert", "plugin"]


def _build(options: TransTOptions, **keywords: Any) -> TrainableTracker:
    from asymnas.tracking.siamese.transformer.tracker import TransTTracker

    return TransTTracker(options=options, **keywords).eval()


def convert(state: Mapping[str, Tensor], tracker: TransTTracker) -> dict[str, Tensor]:
    """Return the weights of the public TransT by the names of the tracker's `state_dict`, all of which they fill.

    Args:
        state: a state dict of the public model, `backbone.0.body.*`, `featurefusion_network.*` and answers.
        tracker: over the space `resnet50_transt`.

    Raises:
        WeightsError: with every tensor that is absent, has another shape, or is left over.
    """
    from asymnas.nn.pretrained import resnet_keys
    from asymnas.tracking.siamese.transformer.convert import PublicKeys, converted

    layers = ("conv1", "bn1", "layer1", "layer2", "layer3")
    public = PublicKeys(
        backbone=resnet_keys,
        stem="conv1.weight",
        fusion="featurefusion_network.",
        answers="",
        projections=dict.fromkeys(("both", "template", "search"), "input_proj"),
        out="out_proj",
        whole=(*layers, "featurefusion_network", "class_embed", "bbox_embed", "input_proj"),
    )
    return converted(state, tracker, public)


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
    convert=convert,
    published=("resnet50_transt",),
)
