"""Options of trackers with TransT's head; a tracker's own model gives other defaults."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, ValidationInfo, field_validator

from asymnas.tracking.siamese.options import Share, SiameseOptions

__all__ = ["TransTOptions"]

Weight = Annotated[float, Field(ge=0.0, le=100.0)]


class TransTOptions(SiameseOptions):
    """Network, loss and decoding of TransT; the defaults are TransT's."""

    PUBLIC: ClassVar = {"bn_statistics": "shared", "centring": "middle"}

    normalise: Literal["none", "imagenet"] = Field(
        "imagenet", description="Pixel scaling: ImageNet mean and deviation as TransT, or raw B, G, R 0..255 as SPOS."
    )
    levels: tuple[str, ...] | None = Field(
        None, min_length=1, max_length=1, description="The stage that attention reads; null: the last."
    )
    channels: int = Field(256, ge=8, le=1024, multiple_of=8, description="Channels of attention and heads.")
    share_neck: bool = Field(True, description="One input projection for both branches, instead of one each.")
    crops: Literal["transt", "siamfc"] = Field(
        "transt", description="Margin of the crops: template (w + h) / 2, search three times that; or SiamFC's."
    )
    round_up: tuple[bool, bool] = Field(
        (True, True), description="Whether the sides of template and search crop are rounded up to whole image pixels."
    )
    attention: Literal["projected", "plain"] = Field(
        "projected", description="Learned projections of queries, keys and values, or none as the public VLT_TT code."
    )
    fusion_layers: int = Field(4, ge=1, le=12, description="Layers of self- and cross-attention before the last one.")
    heads: int = Field(8, ge=1, le=64, description="Heads of each attention; a divisor of the channels.")
    feedforward: int = Field(2048, ge=8, le=16384, description="Hidden width of the layers' feed-forward networks.")
    dropout: float = Field(0.1, ge=0.0, lt=1.0, description="Dropout in the fusion network while training.")
    losses: Literal["transt", "vlt_tt"] = Field(
        "transt",
        description="Boxes: L1 of centre and size and GIoU, over positives; or L1 of corners and CIoU, over all cells.",
    )
    loss_weights: tuple[Weight, Weight, Weight] | None = Field(
        None, description="Weights of classification, L1 and IoU loss; null: 8.334, 5, 2, or 2, 3, 1 with `vlt_tt`."
    )
    background: float = Field(
        0.0625, gt=0.0, le=1.0, description="Weight of background cells in the classification loss."
    )
    penalty_k: float = Field(0.0, ge=0.0, le=2.0, description="Strength of the penalty on changes of size and shape.")
    size_lr: Share = Field(1.0, description="Share of the new size taken over per frame.")
    window: Share = Field(0.49, description="Weight of the cosine window.")

    @field_validator("heads")
    @classmethod
    def _divide_the_channels(cls, heads: int, info: ValidationInfo) -> int:
        channels = info.data.get("channels", heads)  # not there where it is faulty itself
        if channels % heads:
            raise ValueError(f"must divide the channels ({channels})")
        return heads
