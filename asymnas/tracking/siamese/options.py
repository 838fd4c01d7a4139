"""Options of every Siamese tracker; a tracker's own model adds those of its head, loss and decoding."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

__all__ = ["Share", "SiameseOptions"]

Share = Annotated[float, Field(ge=0.0, le=1.0)]


class SiameseOptions(BaseModel):
    """Branches, neck, sentences and the online loop; the defaults are those of the VLT paper's VLT_SCAR."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    PUBLIC: ClassVar[Mapping[str, Any]] = {}
    """What `public` sets."""

    public: bool = Field(
        False, strict=True, description="All switches as in the tracker's public code; what is set beside it wins."
    )
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
    missing: Literal["zero_tensor", "zero_embedding", "template_embedding"] = Field(
        "zero_tensor",
        description="What stands for a missing sentence, sample by sample: zeros after the language projection, before "
        "it, or the pooled template.",
    )
    roi_scale: float | None = Field(
        None, gt=0.0, le=1.0, description="Map cells per pixel of the pooled template; None: those of each stage."
    )
    token_norm: bool = Field(True, description="Batch norm after the language projection, as the public code has it.")
    bn_statistics: Literal["per_branch", "shared"] = Field(
        "per_branch", description="Whether branches that share weights keep BN statistics of their own."
    )
    affine: bool | None = Field(
        None, description="Scales and offsets in the branches' batch norms; None: where the space has one architecture."
    )
    centring: Literal["exact", "middle", "pysot"] = Field(
        "exact",
        description="Where the last box's centre lies in a crop: where the whole pixels of the crop put it, in the "
        "middle, or so with a first centre at x + (w - 1) / 2.",
    )
    penalty_k: float = Field(0.04, ge=0.0, le=2.0, description="Strength of the penalty on changes of size and shape.")
    size_lr: Share = Field(0.33, description="Share of the new size taken over per frame, before the score scales it.")
    window: Share = Field(0.3, description="Weight of the cosine window.")
    min_side: float = Field(10.0, ge=1.0, le=100.0, description="Smallest box side in image pixels.")

    @model_validator(mode="before")
    @classmethod
    def _preset(cls, values: Any) -> Any:
        return {**cls.PUBLIC, **values} if isinstance(values, Mapping) and values.get("public") is True else values
