"""Options of trackers with the head of SiamRPN++; the defaults are those of its public ResNet-50 model."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from asymnas.tracking.siamese.options import Share, SiameseOptions

__all__ = ["RPNOptions"]

Weight = Annotated[float, Field(ge=0.0, le=100.0)]
Ratio = Annotated[float, Field(ge=0.05, le=20.0)]


class RPNOptions(SiameseOptions):
    """Anchors, labels, loss and decoding of SiamRPN++."""

    PUBLIC: ClassVar = {"bn_statistics": "shared", "centring": "pysot", "ensure_positive": False}

    anchor_ratios: tuple[Ratio, ...] = Field(
        (0.33, 0.5, 1.0, 2.0, 3.0), min_length=1, max_length=16, description="Height by width of the anchors of a cell."
    )
    anchor_scale: int | None = Field(
        None,
        ge=1,
        le=128,
        description="Side of the square anchor in cells; null: half the template crop, which is 8 at 127 pixels.",
    )
    ensure_positive: bool = Field(
        True, description="Label the anchor that overlaps a box most where none overlaps it enough."
    )
    loss_weights: tuple[Weight, Weight] = Field((1.0, 1.2), description="Weights of classification and box loss.")
    penalty_k: float = Field(0.05, ge=0.0, le=2.0, description="Strength of the penalty on changes of size and shape.")
    size_lr: Share = Field(0.38, description="Share of the new size taken over per frame, before the score scales it.")
    window: Share = Field(0.42, description="Weight of the cosine window.")
