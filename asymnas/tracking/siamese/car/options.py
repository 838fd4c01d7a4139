"""Options of trackers with SiamCAR's head; a tracker's own model gives other defaults."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from asymnas.tracking.siamese.options import SiameseOptions

__all__ = ["CAROptions"]

Weight = Annotated[float, Field(ge=0.0, le=100.0)]


class CAROptions(SiameseOptions):
    """Network, loss and decoding; the defaults are those of the VLT paper's VLT_SCAR where it names a value."""

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
    decoding: Literal["cells", "pixels"] = Field(
        "cells", description="Boxes of the cells, or of maps resized to one value a pixel, as SiamCAR's public code."
    )
    odd_maps: bool = Field(
        False, description="In tracking, resize maps to an odd side, 16 to 15 and 32 to 31 cells, as the public code."
    )
