"""What all parts of a job file share: strict, frozen pydantic models and the fields of a video source."""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["MACHINE", "PLACES", "Count", "JobModel", "NotNegative", "Positive", "Seed", "Share", "Whole"]
__all__ += ["digest", "is_path", "written_out"]

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

Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
"""A share or probability in [0, 1]."""

PLACES = ("resources", "data.root", "language.cache", "training.workers")
"""Keys that say where and with what a job runs; they change no result, so they are not part of its hash."""


class JobModel(BaseModel):
    """A part of a job file: unknown keys and values of another type are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, validate_default=True)

    def plain(self) -> dict[str, Any]:
        """Return the part with all defaults as plain mappings, lists and scalars."""
        return self.model_dump(mode="json")


def is_path(space: str) -> bool:
    """Whether a search space is given by a path rather than by a shipped name."""
    return "/" in space or space.endswith((".yaml", ".yml", ".json"))


def written_out(space: Any) -> Any:
    """Return a search space that a job can carry along: a name or mapping as it is, a file's content written out.

    Raises:
        SpaceError: the file cannot be read.
    """
    if not isinstance(space, str) or not is_path(space):
        return space
    from asymnas.space import load_space  # light, but a schema alone should need no search space

    return load_space(space).to_dict()


def digest(plain: Any) -> str:
    """Return 16 hex digits that identify plain data."""
    text = json.dumps(plain, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]
