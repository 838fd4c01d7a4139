"""How far the evaluation of a tracker on a benchmark is."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from asymnas.tracking.data import Video

__all__ = ["BenchmarkProgress", "Counter"]


@dataclass(frozen=True, slots=True)
class BenchmarkProgress:
    """How far a tracker is.

    Args:
        label: of the tracker and what it is told.
        videos: done, failed ones and those of an earlier run included.
        of_videos: all.
        frames: of the videos that are done.
        of_frames: all.
        frames_per_second: that were tracked since the start, by all workers together; None at the start.
        failed: videos that failed.
    """

    label: str
    videos: int
    of_videos: int
    frames: int
    of_frames: int
    frames_per_second: float | None
    failed: int


class Counter:
    """Counts videos and frames for the progress display."""

    def __init__(
        self, label: str, videos: Sequence[Video], on_progress: Callable[[BenchmarkProgress], None] | None
    ) -> None:
        self.label, self.tell = label, on_progress
        self.lengths = {video.name: len(video) for video in videos}
        self.videos = self.frames = self.fresh = 0
        self.began: float | None = None

    def start(self, done: set[str]) -> None:
        """Count what is there already."""
        self.count(done)
        self.fresh = 0

    def running(self, seconds: float) -> None:
        """Start the clock with the first batch, which took `seconds`; opening the tracker is no part of its speed."""
        if self.began is None:
            self.began = time.perf_counter() - seconds

    def count(self, names: Collection[str], failed: int = 0) -> None:
        """Count videos that ended."""
        frames = sum(self.lengths[name] for name in names)
        self.videos, self.frames, self.fresh = self.videos + len(names), self.frames + frames, self.fresh + frames
        if self.tell is None:
            return
        spent = 0.0 if self.began is None else time.perf_counter() - self.began
        speed = self.fresh / spent if spent > 0 else None
        state = (self.videos, len(self.lengths), self.frames, sum(self.lengths.values()), speed, failed)
        self.tell(BenchmarkProgress(self.label, *state))
