"""What all parts of a job file share: strict, frozen pydantic models and the fields of a video source."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from asymnas.core.models import MACHINE, MOST, Count, JobModel, NotNegative, Positive, Seed, Share, Whole

__all__ = ["MACHINE", "MOST", "PLACES", "Count", "JobModel", "NotNegative", "Positive", "Seed", "Share", "Whole"]
__all__ += ["digest", "is_path", "written_out"]

PLACES = ("resources", "data.root", "language.cache", "training.workers")
"""Keys that say where and with what a job runs; they change no result, so they are not part of its hash."""


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
