"""The boxes of one tracker on many videos, as everything else sees them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from asymnas.core.errors import DataError, Problem

__all__ = ["ResultSet"]


@dataclass(frozen=True, slots=True, eq=False)
class ResultSet:
    """The boxes of one tracker on many videos, and what was found out while reading them.

    Args:
        tracker: the tracker's name.
        boxes: per video, (n, 4) float64 x, y, w, h in pixels, 0-based; a row of NaN: the tracker gave no box.
        scores: per video, (n,) float64, where they are known.
        seconds: per video, of the whole video or (n,) of each frame, where they are known.
        manifest: where the boxes come from (tracker, weights, data, settings), JSON-able.
        notes: what was detected or assumed while reading, one sentence each.
        source: the folder or file the boxes were read from.

    Raises:
        DataError: boxes or scores that have not these shapes, each named.
    """

    tracker: str
    boxes: dict[str, np.ndarray]
    scores: dict[str, np.ndarray] = field(default_factory=dict)
    seconds: dict[str, float | np.ndarray] = field(default_factory=dict)
    manifest: dict[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    source: Path = Path()

    def __post_init__(self) -> None:
        boxes = {name: np.asarray(rows, dtype=np.float64) for name, rows in self.boxes.items()}
        scores = {name: np.asarray(rows, dtype=np.float64) for name, rows in self.scores.items()}
        problems = [
            Problem(f"results of '{name}'", "boxes must be (n, 4) with n at least 1", str(rows.shape))
            for name, rows in boxes.items()
            if rows.ndim != 2 or rows.shape[1] != 4 or not len(rows)
        ]
        problems += _lengths("scores", scores, boxes)
        problems += _lengths("seconds", {n: s for n, s in self.seconds.items() if np.ndim(s)}, boxes)
        unknown = sorted((set(scores) | set(self.seconds)) - set(boxes))
        problems += [Problem(f"results of '{name}'", "scores and seconds need boxes beside them") for name in unknown]
        if problems:
            raise DataError(problems)
        object.__setattr__(self, "boxes", boxes)
        object.__setattr__(self, "scores", scores)

    def __len__(self) -> int:
        return len(self.boxes)

    @property
    def frames(self) -> int:
        """The number of boxes, first frames included."""
        return sum(len(rows) for rows in self.boxes.values())

    def frames_per_second(self) -> float | None:
        """Return the speed over the videos whose seconds are known; None where none are, or they are all zero."""
        known = [name for name in self.boxes if name in self.seconds]
        spent = float(sum(np.sum(self.seconds[name]) for name in known))
        return sum(len(self.boxes[name]) for name in known) / spent if spent > 0 else None


def _lengths(what: str, values: Mapping[str, Any], boxes: Mapping[str, np.ndarray]) -> list[Problem]:
    """Name the videos with another number of values than boxes."""
    return [
        Problem(f"results of '{name}'", f"{what} must be one a box, {len(boxes[name])}", str(np.shape(rows)))
        for name, rows in values.items()
        if name in boxes and np.shape(rows) != (len(boxes[name]),)
    ]
