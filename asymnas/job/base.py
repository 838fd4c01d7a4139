"""What all parts of a job file share: strict, frozen pydantic models and the types of their fields."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["MACHINE", "PLACES", "Count", "JobModel", "NotNegative", "Positive", "Seed", "Share", "Whole"]
__all__ += ["differences", "digest", "is_path", "written_out"]

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

PLACES = ("resources", "training.workers")
"""Keys that say where a job runs; they change no result, so they are not part of its hash. A task may have more."""


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


def differences(before: Any, now: Any) -> dict[str, tuple[str, str]]:
    """Return what two plain mappings say differently: dotted key to both values as JSON, "absent" for none."""
    one, other = _flat(before), _flat(now)
    pairs = {key: (one.get(key, "absent"), other.get(key, "absent")) for key in sorted(one.keys() | other.keys())}
    return {key: pair for key, pair in pairs.items() if pair[0] != pair[1]}


def _flat(data: Any, prefix: str = "") -> dict[str, str]:
    """Dotted key to JSON text of every scalar and empty container."""
    if isinstance(data, Mapping) and data:
        inner = [(f"{prefix}.{key}" if prefix else str(key), item) for key, item in data.items()]
    elif isinstance(data, list) and data:
        inner = [(f"{prefix}[{index}]", item) for index, item in enumerate(data)]
    else:
        return {prefix: json.dumps(data)}
    return {key: text for place, item in inner for key, text in _flat(item, place).items()}
