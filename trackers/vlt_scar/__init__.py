"""VLT_SCAR: the paper's vision-language tracker with the SiamCAR head, over any search space of two image branches."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from asymnas.tracking import TrackerPlugin, TrainableTracker
from asymnas.tracking.siamese.grid import grid_for

from ._options import VLTSCAROptions

if TYPE_CHECKING:
    from torch import Tensor

    from ._tracker import VLTSCAR

__all__ = ["VLTSCAROptions", "convert", "plugin"]


def _build(options: VLTSCAROptions, **keywords: Any) -> TrainableTracker:
    from ._tracker import VLTSCAR

    return VLTSCAR(options=options, **keywords).eval()


def convert(state: Mapping[str, Tensor], tracker: VLTSCAR) -> dict[str, Tensor]:
    """Return the weights of SOTS' public VLT_SCAR by the names of the tracker's `state_dict`, all of which they fill.

    Args:
        state: a state dict of the public model, `backbone.*`, `neck.*` and `head.*`. What else it has (the text
            encoder) is not read, nor are the backbone's classifier and the ops that the tracker's space leaves out.
        tracker: over a space with the stages of `vlt_asymmetric`, with language of 768 numbers.

    Raises:
        WeightsError: with every tensor that is absent, has another shape, or is left over.
    """
    from ._public import converted

    return converted(state, tracker)


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
