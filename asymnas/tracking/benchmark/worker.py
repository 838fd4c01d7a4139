"""What tracks the videos of a benchmark, in this process or as a Ray worker; picklable by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from asymnas.core.errors import EvaluationError, Problem
from asymnas.search import Evaluation, Task
from asymnas.tracking.benchmark.open import ReadyTracker, open_tracker
from asymnas.tracking.data import Dataset, Video, load_dataset, subset
from asymnas.tracking.task.candidate import torch_threads

if TYPE_CHECKING:
    from asymnas.tracking import TrackResult

__all__ = ["BenchmarkVideos", "BenchmarkWorker", "Tracked", "TrackingTask", "benchmark_worker"]


@dataclass(frozen=True, slots=True)
class BenchmarkVideos:
    """Which videos are tracked.

    Args:
        dataset: registered name.
        split: of it.
        root: the data root; None for that of the environment.
        videos: how many, drawn by a fixed seed as jobs do, or their names; None for all.
        frames: the first ones of each video; None for all.
    """

    dataset: str
    split: str
    root: Path | None = None
    videos: int | tuple[str, ...] | None = None
    frames: int | None = None

    def whole(self) -> Dataset:
        """Return the whole split.

        Raises:
            DataError: see `load_dataset`.
        """
        return load_dataset(self.dataset, self.split, root=self.root)

    def chosen(self, whole: Dataset) -> Dataset:
        """Return the videos that are tracked."""
        videos = list(self.videos) if isinstance(self.videos, tuple) else self.videos
        return subset(whole, videos=videos, frames=self.frames)


@dataclass(frozen=True, slots=True)
class TrackingTask(Task):
    """Videos to be tracked as one batch.

    Args:
        indices: of the videos, in the data set.
        condition: label of what the tracker is told.
    """

    indices: tuple[int, ...] = ()
    condition: str = "with"


@dataclass(kw_only=True, slots=True)
class Tracked(Evaluation):
    """What came of a `TrackingTask`.

    Args:
        found: a result for every video that was tracked.
        failures: what went wrong, by the names of the others.
    """

    found: list[TrackResult] = field(default_factory=list)
    failures: dict[str, str] = field(default_factory=dict)


class BenchmarkWorker:
    """Tracks videos with one tracker.

    Args:
        ready: the tracker.
        videos: all videos of the benchmark.
        sentences: what the tracker is told of each video, by the label of the condition.
        threads: torch and OpenCV threads while it tracks.
    """

    def __init__(
        self,
        ready: ReadyTracker,
        videos: Sequence[Video],
        sentences: Mapping[str, Mapping[str, str | None]],
        threads: int = 1,
    ) -> None:
        self.ready, self.videos, self.sentences, self.threads = ready, videos, sentences, threads

    def evaluate(self, task: TrackingTask) -> Tracked:
        """Track the task's videos; where the batch fails, one by one, so that one bad video costs no other."""
        videos = [self.videos[index] for index in task.indices]
        found: list[TrackResult] = []
        failures: dict[str, str] = {}
        with torch_threads(self.threads):
            try:
                found = self._track(videos, task.condition)
            except Exception as error:  # noqa: BLE001 - recorded and reported by the video's name
                if len(videos) == 1:
                    failures[videos[0].name] = _words(error)
                else:
                    for video in videos:
                        try:
                            found += self._track([video], task.condition)
                        except Exception as own:  # noqa: BLE001 - as above
                            failures[video.name] = _words(own)
        return Tracked(tracker=task.tracker, found=found, failures=failures)

    def _track(self, videos: Sequence[Video], condition: str) -> list[TrackResult]:
        from asymnas.tracking import track

        told = self.sentences[condition]
        language = self.ready.embed([told[video.name] for video in videos])
        results = track(self.ready.tracker, videos, path=self.ready.path, language=language, lockstep=len(videos))
        for result in results:
            bad = np.flatnonzero(~np.isfinite(result.boxes).all(1))
            if len(bad):
                value = f"{result.boxes[bad[0]].tolist()} in frame {bad[0]}"
                raise EvaluationError(Problem(f"video {result.video}", "all boxes must be finite", value))
        return results


def _words(error: Exception) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def benchmark_worker(
    spec: str,
    opened: Mapping[str, Any],
    what: BenchmarkVideos,
    sentences: Mapping[str, Mapping[str, str | None]],
    videos: Sequence[Video] | None = None,
) -> BenchmarkWorker:
    """Open the tracker and the videos; `videos` are those of `what` where they are loaded already."""
    ready = open_tracker(spec, **opened)
    return BenchmarkWorker(ready, what.chosen(what.whole()).videos if videos is None else videos, sentences)
