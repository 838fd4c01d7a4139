"""Options of the VLT_SCAR plugin: the job's `tracker:` section without `name`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from asymnas.tracking.siamese.options import SiameseOptions

Weight = Annotated[float, Field(ge=0.0, le=100.0)]


class VLTSCAROptions(SiameseOptions):
    """Network, loss and decoding of VLT_SCAR; the defaults are the paper's where it names a value."""

    head_depth: int = Field(4, ge=1, le=8, description="Convolutions in each of the head's two towers.")
    init_box_px: float | None = Field(
        None,
        gt=0.0,
        le=1000.0,
        description="Distance to each box side that the untrained head answers, in crop pixels; None: search_size / 8.",
    )
    box_loss: Literal["iou", "ciou", "giou"] = Field(
        "iou", description="-log((I + 1) / (U + 1)) as SiamCAR, 1 - CIoU as the public VLT code, or 1 - GIoU."
    )
    loss_weights: tuple[Weight, Weight, Weight] = Field(
        (1.0, 3.0, 1.0), description="Weights of classification, box and centre-ness loss."
    )
    ensure_positive: bool = Field(
        True, description="Label the cell nearest to a box's centre where the box is too small to hold any."
    )
    centerness_score: Literal["sigmoid", "minmax"] = Field(
        "sigmoid", description="Centre-ness in the score: sigmoid, or raw logits stretched to 0..1 per map as SiamCAR."
    )
    upsample: bool = Field(False, description="Resize the maps to one value a pixel before decoding, as SiamCAR.")
    centre: Literal["box", "location"] = Field(
        "box", description="New centre: that of the regressed box, or the peak's own place as SiamCAR."
    )
