"""Tracking of whole videos with the checks that a score or a result file needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from asymnas.core.errors import EvaluationError, Problem
from asymnas.tracking.boxes import iou
from asymnas.tracking.online import TrackResult, begin, follow, track

if TYPE_CHECKING:
    from asymnas.tracking import Language, OnlineTracker, TrainableTracker
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


def open_loop(
    tracker: TrainableTracker,
    videos: Sequence[Video],
    *,
    path: Mapping[str, str],
    language: Language | None,
    lockstep: int,
) -> dict[str, float]:
    """Return, by video, the mean overlap of found and true box, each frame being searched around the last true box.

    The mean is over the frames that show the target, the first one included, as in SUC. Arguments as for `tracked`.
    """
    values: dict[str, float] = {}
    for start in range(0, len(videos), lockstep):
        chosen = videos[start : start + lockstep]
        rows = None if language is None else language[list(range(start, start + len(chosen)))]
        first = np.stack([video.boxes[0] for video in chosen])
        sessions = begin(tracker, [video.frame(0) for video in chosen], first, language=rows, path=path)
        last, found = list(first), [[1.0] for _ in chosen]
        for frame in range(1, max(len(video) for video in chosen)):
            going = [index for index, video in enumerate(chosen) if frame < len(video)]
            tracker.place([sessions[index] for index in going], np.stack([last[index] for index in going]))
            shown = [chosen[index].frame(frame) for index in going]
            boxes, _ = follow(tracker, [sessions[index] for index in going], shown)
            for index, box in zip(going, boxes, strict=True):
                true = chosen[index].boxes[frame]
                if not chosen[index].absent[frame] and np.isfinite(true).all() and (true[2:] > 0).all():
                    found[index].append(float(iou(box, true)))
                    last[index] = true
        values |= {video.key: float(np.mean(row)) for video, row in zip(chosen, found, strict=True)}
    return values
