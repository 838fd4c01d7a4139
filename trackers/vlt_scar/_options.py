"""Options of the VLT_SCAR plugin: the job's `tracker:` section without `name`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["VLTSCAROptions"]

Weight = Annotated[float, Field(ge=0.0, le=100.0)]
Share = Annotated[float, Field(ge=0.0, le=1.0)]


class VLTSCAROptions(BaseModel):
    """Network, loss and decoding of VLT_SCAR; the defaults are the paper's where it names a value."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    template_branch: str = Field("template", description="Branch of the space that reads the template crop.")
    search_branch: str = Field("search", description="Branch of the space that reads the search crop.")
    template_size: int | None = Field(
        None, ge=16, le=1024, description="Side of the template crop in pixels; None: the branch's input size."
    )
    search_size: int | None = Field(
        None, ge=16, le=2048, description="Side of the search crop in pixels; None: the branch's input size."
    )
    normalise: Literal["none", "imagenet"] = Field(
        "none", description="Pixel scaling: raw B, G, R 0..255 as SPOS, or ImageNet mean and deviation."
    )
    levels: tuple[str, ...] | None = Field(
        None, min_length=1, description="Stages the neck reads, in order, the last one included; None: the last three."
    )
    channels: int = Field(256, ge=8, le=1024, multiple_of=8, description="Channels of neck and head.")
    share_neck: bool = Field(False, description="One neck for both branches, as SiamCAR, instead of one each, as VLT.")
    head_depth: int = Field(4, ge=1, le=8, description="Convolutions in each of the head's two towers.")
    init_box_px: float | None = Field(
        None,
        gt=0.0,
        le=1000.0,
        description="Distance to each box side that the untrained head answers, in crop pixels; None: search_size / 8.",
    )
    missing: Literal["zero_tensor", "template_embedding"] = Field(
        "zero_tensor", description="What stands for a missing sentence, sample by sample."
    )
    token_norm: bool = Field(True, description="Batch norm after the language projection, as the public code has it.")
    bn_statistics: Literal["per_branch", "shared"] = Field(
        "per_branch", description="Whether branches that share weights keep BN statistics of their own."
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
    penalty_k: float = Field(0.04, ge=0.0, le=2.0, description="Strength of the penalty on changes of size and shape.")
    size_lr: Share = Field(0.33, description="Share of the new size taken over per frame, before the score scales it.")
    window: Share = Field(0.3, description="Weight of the cosine window in the coarse localisation.")
    centerness_score: Literal["sigmoid", "minmax"] = Field(
        "sigmoid", description="Centre-ness in the score: sigmoid, or raw logits stretched to 0..1 per map as SiamCAR."
    )
    upsample: bool = Field(False, description="Resize the maps to one value a pixel before decoding, as SiamCAR.")
    centre: Literal["box", "location"] = Field(
        "box", description="New centre: that of the regressed box, or the peak's own place as SiamCAR."
    )
    min_side: float = Field(10.0, ge=1.0, le=100.0, description="Smallest box side in image pixels.")
