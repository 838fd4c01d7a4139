"""What all parts of a job file share: strict, frozen pydantic models and the fields of a video source."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["Count", "JobModel", "Positive", "Share", "Whole"]

Count = Annotated[int, Field(ge=1)]
"""A whole number, at least 1."""

Whole = Annotated[int, Field(ge=0)]
"""A whole number, at least 0."""

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
"""A number above 0."""

Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
"""A share or probability in [0, 1]."""


class JobModel(BaseModel):
    """A part of a job file: unknown keys and values of another type are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, validate_default=True)

    def plain(self) -> dict[str, Any]:
        """Return the part with all defaults as plain mappings, lists and scalars."""
        return self.model_dump(mode="json")
