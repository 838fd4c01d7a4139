"""How far the evaluation of a tracker on a benchmark is."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence

from asymnas.runs.times import Reporter
from asymnas.tracking.data import Video

__all__ = ["Counter"]


class Counter:
    """Counts videos and frames, and reports them as the progress of a stage named `label`."""

    def __init__(self, label: str, videos: Sequence[Video], progress: Reporter | None) -> None:
        self.label, self.progress = label, progress
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
        if self.progress is None:
            return
        spent = 0.0 if self.began is None else time.perf_counter() - self.began
        parts = [f"{self.videos}/{len(self.lengths)} videos"]
        parts += [f"{self.fresh / spent:.1f} frames/s"] if spent > 0 else []
        parts += [f"{failed} failed"] if failed else []
        self.progress.update(self.label, self.frames, sum(self.lengths.values()), ", ".join(parts))
