"""The online loop: one-pass evaluation of many videos in lockstep."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from asymnas.core.errors import DataError, LanguageError, Problem, TrackerError
from asymnas.task import GenePath
from asymnas.tracking.contract import Language, OnlineTracker
from asymnas.tracking.data import Video

__all__ = ["TrackResult", "begin", "follow", "track"]


@dataclass(frozen=True, slots=True, eq=False)
class TrackResult:
    """What a tracker found in one video.

    Args:
        video: the video's name.
        boxes: (n, 4) float64 x, y, w, h in pixels, 0-based; row 0 is the given box.
        scores: (n,) float64 in [0, 1]; 1 for the given box.
        seconds: wall time spent on the video's share of its lockstep batch, reading frames included.
    """

    video: str
    boxes: np.ndarray
    scores: np.ndarray
    seconds: float


def track(
    tracker: OnlineTracker,
    videos: Sequence[Video],
    *,
    path: GenePath | None = None,
    language: Language | None = None,
    lockstep: int = 16,
    on_video: Callable[[TrackResult], None] | None = None,
) -> list[TrackResult]:
    """Track every video from the box of its first frame to its end (OPE).

    Videos run in lockstep, `lockstep` at a time, one network call a frame; a tracker's boxes must not depend on who
    shares the batch. Longer videos are started first so that batches stay full; results come in the order of `videos`.

    Args:
        tracker: the tracker.
        videos: the videos; absent frames are tracked as any other.
        path: the architecture's path, for trackers with a search space.
        language: sentences, one row a video; None tracks without sentences.
        lockstep: videos a batch, at least 1.
        on_video: called with each result as its batch ends.

    Raises:
        DataError: a frame cannot be read, or the first box of a video has no area.
        LanguageError: `language` has not one row a video.
        TrackerError: the tracker's answers do not have the shapes of the contract.
    """
    if language is not None and len(language) != len(videos):
        raise LanguageError(f"language must have a row for each of {len(videos)} videos, but got {len(language)} rows.")
    for video in videos:
        first = np.asarray(video.boxes[0])
        if not np.isfinite(first).all() or (first[2:] <= 0).any():
            raise DataError(Problem(f"video {video.key}", "the first box must have an area", str(first.tolist())))
    order = sorted(range(len(videos)), key=lambda index: (-len(videos[index]), index))
    results: dict[int, TrackResult] = {}
    for start in range(0, len(order), lockstep):
        chosen = order[start : start + lockstep]
        rows = None if language is None else language[chosen]
        batch = _lockstep(tracker, [videos[index] for index in chosen], path=path, language=rows)
        for index, result in zip(chosen, batch, strict=True):
            results[index] = result
            if on_video is not None:
                on_video(result)
    return [results[index] for index in range(len(videos))]


def begin(
    tracker: OnlineTracker,
    frames: Sequence[np.ndarray],
    boxes: np.ndarray,
    *,
    language: Language | None = None,
    path: GenePath | None = None,
) -> list[Any]:
    """Start a tracker; `TrackerError` unless it gives one session a video."""
    sessions = list(tracker.start(frames, boxes, language=language, path=path))
    if len(sessions) != len(frames):
        rule = f"`start` must return a session for each of {len(frames)} videos"
        raise TrackerError(Problem(type(tracker).__name__, rule, f"{len(sessions)} sessions"))
    return sessions


def follow(
    tracker: OnlineTracker, sessions: Sequence[Any], frames: Sequence[np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Take a tracker one frame further: boxes (n, 4) and scores (n,), float64.

    Raises:
        TrackerError: they have other shapes, which NumPy would stretch without an error.
    """
    found, scored = tracker.step(sessions, frames)
    boxes, scores = np.asarray(found, np.float64), np.asarray(scored, np.float64)
    count = len(sessions)
    if boxes.shape != (count, 4) or scores.shape != (count,):
        rule = f"`step` must return boxes ({count}, 4) and scores ({count},) for {count} sessions"
        raise TrackerError(Problem(type(tracker).__name__, rule, f"shapes {boxes.shape} and {scores.shape}"))
    return boxes, scores


def _lockstep(
    tracker: OnlineTracker, videos: Sequence[Video], *, path: GenePath | None, language: Language | None
) -> list[TrackResult]:
    """Track videos, sorted by falling length, side by side."""
    began = time.perf_counter()
    lengths = [len(video) for video in videos]
    boxes = [np.full((length, 4), np.nan) for length in lengths]
    scores = [np.ones(length) for length in lengths]
    seconds = np.zeros(len(videos))
    first = np.stack([np.asarray(video.boxes[0], float) for video in videos])
    sessions = begin(tracker, [video.frame(0) for video in videos], first, language=language, path=path)
    for row, box in zip(boxes, first, strict=True):
        row[0] = box
    seconds += (time.perf_counter() - began) / len(videos)
    active = len(videos)
    for frame in range(1, max(lengths)):
        began = time.perf_counter()
        while lengths[active - 1] <= frame:
            active -= 1
        found, score = follow(tracker, sessions[:active], [video.frame(frame) for video in videos[:active]])
        for index in range(active):
            boxes[index][frame], scores[index][frame] = found[index], score[index]
        seconds[:active] += (time.perf_counter() - began) / active
    return [
        TrackResult(video.name, box, score, float(second))
        for video, box, score, second in zip(videos, boxes, scores, seconds, strict=True)
    ]
