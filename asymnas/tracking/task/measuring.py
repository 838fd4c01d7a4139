"""Tracking of whole videos with the checks that a score or a result file needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from asymnas.core.errors import EvaluationError, Problem
from asymnas.tracking.online import TrackResult, track

if TYPE_CHECKING:
    from asymnas.tracking import Language, OnlineTracker
    from asymnas.tracking.data import Video


def tracked(
    tracker: OnlineTracker,
    videos: Sequence[Video],
    *,
    path: Mapping[str, str] | None,
    language: Language | None,
    lockstep: int,
    condition: str = "",
) -> list[TrackResult]:
    """Track videos, and check that all boxes are finite; arguments as for `asymnas.tracking.track`.

    Raises:
        EvaluationError: a box is not finite.
    """
    found = track(tracker, videos, path=path, language=language, lockstep=lockstep)
    for video, result in zip(videos, found, strict=True):
        bad = np.flatnonzero(~np.isfinite(result.boxes).all(1))
        if len(bad):
            where = f"video {video.key}" + (f", {condition} sentences" if condition else "")
            rule = f"all boxes must be finite, but {len(bad)} are not"
            raise EvaluationError(Problem(where, rule, f"{result.boxes[bad[0]]} (frame {bad[0]})"))
    return found
