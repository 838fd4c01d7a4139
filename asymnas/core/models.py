"""Frozen pydantic models of the sections of a job and of the files of a run, and numbers with ranges."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

MOST, LARGEST = 10**9, 1e12  # no number of a job comes near them; a slip of the keyboard does

MACHINE = 10_000
"""No machine has more cores, and no cluster of one job more processes."""

Count = Annotated[int, Field(ge=1, le=MOST)]
"""A whole number, at least 1."""

Whole = Annotated[int, Field(ge=0, le=MOST)]
"""A whole number, at least 0."""

Seed = Annotated[int, Field(ge=0, lt=2**64)]
"""A seed of random streams."""

Positive = Annotated[float, Field(gt=0, le=LARGEST, allow_inf_nan=False)]
"""A number above 0."""

NotNegative = Annotated[float, Field(ge=0, le=LARGEST, allow_inf_nan=False)]
"""A number, at least 0."""

Finite = Annotated[float, Field(allow_inf_nan=False)]
"""Any number but infinities and NaN."""

Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
"""A share or probability in [0, 1]."""


class Record(BaseModel):
    """A part of a file that is written and read by the same class: unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class JobModel(BaseModel):
    """A part of a job file: unknown keys and values of another type are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, validate_default=True)

    def plain(self) -> dict[str, Any]:
        """Return the part with all defaults as plain mappings, lists and scalars."""
        return self.model_dump(mode="json")
